import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import packageLock from '../package-lock.json' with { type: 'json' }
import { platforms } from './platforms.ts'

const name = 'onnxruntime-node'
const libraries = 'bin/napi-v6'
const { version, integrity } = packageLock.packages[`node_modules/${name}`]

/** A copy of libonnxruntime.1.dylib, which is the one that the binding loads. It takes 45 MB. */
const secondCopy = `libonnxruntime.${version}.dylib`

const manifestSchema = z.looseObject({
  scripts: z.unknown().optional(),
  dependencies: z.record(z.string(), z.string()),
})

/** Packages that only the install script needs. */
const ofScript = ['adm-zip', 'global-agent']

/**
 * Makes onnxruntime-node in `node_modules` ready to be bundled. It gets the libraries of all supported platforms, of which `npm ci` keeps
 * one. It loses its install script. npm would run the script in other people's projects, where it downloads libraries for CUDA.
 */
export function bundleOnnxruntime(modules: string): void {
  const directory = join(modules, name)
  const missing = platforms.filter(platform => !existsSync(join(directory, libraries, platform)))
  if (missing.length > 0) addLibraries(directory, missing)
  const file = join(directory, 'package.json')
  const { scripts: _, dependencies, ...manifest } = manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const needed = Object.fromEntries(Object.entries(dependencies).filter(([each]) => !ofScript.includes(each)))
  // The file may be a link that other checkouts share, so it is replaced.
  writeFileSync(`${file}.new`, `${JSON.stringify({ ...manifest, dependencies: needed }, null, 2)}\n`)
  renameSync(`${file}.new`, file)
}

/** Copies the libraries out of the package as the registry, or npm's cache, has it. */
function addLibraries(directory: string, missing: readonly string[]): void {
  const temporary = mkdtempSync(join(tmpdir(), 'tureen-package-'))
  try {
    const packed = join(temporary, `${name}-${version}.tgz`)
    execFileSync(
      'npm',
      ['pack', `${name}@${version}`, '--silent', '--prefer-offline', `--pack-destination=${temporary}`],
      {
        cwd: temporary,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    const digest = `sha512-${createHash('sha512').update(readFileSync(packed)).digest('base64')}`
    if (digest !== integrity)
      throw new Error(`${name} ${version} has the digest ${digest}, and package-lock.json expects ${integrity}`)
    const paths = missing.map(platform => `package/${libraries}/${platform}`)
    execFileSync('tar', ['-xzf', packed, '-C', temporary, ...paths])
    for (const platform of missing)
      cpSync(join(temporary, 'package', libraries, platform), join(directory, libraries, platform), {
        recursive: true,
        filter: path => !path.endsWith(secondCopy),
      })
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}
