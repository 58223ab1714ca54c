import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { buildInThread, packagedPage } from '../src/browser-page/built-page.ts'
import { bundleOnnxruntime } from './bundle-onnxruntime.ts'
import { launcherProcessors } from './platforms.ts'

/**
 * npm pack
 *
 * Makes what the package has and the checkout has not: `dist/`, with the program as JavaScript and the files that it reads, and in
 * `node_modules` onnxruntime for all platforms. npm runs this script before it packs, and `package/restore.ts` after.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

/** Ends the process with one line. The checkout is as before, but for libraries of onnxruntime that npm has already. */
function fail(reason: string): never {
  rmSync(dist, { recursive: true, force: true })
  process.stderr.write(`The package could not be made: ${reason}\n`)
  process.exit(1)
}

/** Copies the files of the checkout that match, to the same path in `dist/`. */
function copy(patterns: readonly string[]): void {
  for (const file of globSync(patterns, { cwd: root })) {
    mkdirSync(dirname(join(dist, file)), { recursive: true })
    copyFileSync(join(root, file), join(dist, file))
  }
}

rmSync(dist, { recursive: true, force: true })
const compiler = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'package/tsconfig.json')], {
  stdio: 'inherit',
})
if (compiler.status !== 0) fail('tsc failed; npm run check:types says more.')
// Nobody can import the other modules, so their declarations would be ballast.
for (const file of globSync('{cli,src,routes}/**/*.d.ts', { cwd: dist })) rmSync(join(dist, file))

const { name, version, type, license, dependencies } = packageJson
writeFileSync(
  join(dist, 'package.json'),
  `${JSON.stringify({ name, version, type, license, dependencies }, null, 2)}\n`,
)
copy(['src/**/*.css', 'src/**/*.md', 'docs/**/*.md', 'docs/images/*.png', 'cli/**/*.bash'])
// The page has its modules and those of its packages ready-made. Nothing is built where the package is installed.
mkdirSync(dirname(join(dist, packagedPage)), { recursive: true })
writeFileSync(join(dist, packagedPage), JSON.stringify(await buildInThread()))

execFileSync(process.execPath, [join(root, 'launcher/build.ts')], { stdio: 'inherit' })
for (const processor of launcherProcessors) {
  const launcher = `launcher/bin/linux-${processor}`
  if (!existsSync(join(root, launcher)))
    fail(
      `it carries ${launcher}, which is missing. On Debian, apt-get install gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross, then run npm pack again.`,
    )
  mkdirSync(join(dist, 'launcher/bin'), { recursive: true })
  cpSync(join(root, launcher), join(dist, launcher))
  chmodSync(join(dist, launcher), 0o755)
}

try {
  bundleOnnxruntime(join(root, 'node_modules'))
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
