import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { commandLine } from '../src/command-line.ts'
import { platforms, type SupportedPlatform, wheelTags } from './platforms.ts'
import { buildWheel } from './python-wheel.ts'
import { installProgram } from './wheel-program.ts'

/**
 * npm run wheel
 *
 * Builds wheels, one for each platform, which `pip install` installs without npm: the client for Python, the program, Node and onnxruntime.
 */
const usage = `usage: npm run wheel -- [--platform ${platforms.join('|')}|all] [--tarball FILE] [--destination DIR]

--platform     for which platform; that of this machine by default
--tarball      the package, as npm pack makes it; by default npm packs it now
--destination  the directory of the wheels; by default this one`
const root = fileURLToPath(new URL('..', import.meta.url))
const command = commandLine(usage)
const { values } = command.parse({
  options: {
    platform: { type: 'string', default: `${process.platform}/${process.arch}` },
    tarball: { type: 'string' },
    destination: { type: 'string', default: '.' },
  },
})

function chosenPlatforms(): readonly SupportedPlatform[] {
  if (values.platform === 'all') return platforms
  const chosen = platforms.filter(platform => platform === values.platform)
  if (chosen.length > 0) return chosen
  return command.refuse(`--platform ${values.platform}: must be ${platforms.join(', ')} or all`)
}

const chosen = chosenPlatforms()
const destination = resolve(process.env['INIT_CWD'] ?? '.', values.destination)
mkdirSync(destination, { recursive: true })
const temporary = mkdtempSync(join(tmpdir(), 'tureen-wheel-'))
try {
  if (values.tarball === undefined)
    execFileSync('npm', ['pack', '--silent', `--pack-destination=${temporary}`], { cwd: root, stdio: 'inherit' })
  const tarball = values.tarball ?? join(temporary, `tureen-${packageJson.version}.tgz`)
  for (const platform of chosen) {
    const directory = join(temporary, platform.replace('/', '-'))
    const program = join(directory, 'program')
    mkdirSync(program, { recursive: true })
    installProgram(program, root, platform, resolve(process.env['INIT_CWD'] ?? '.', tarball))
    const wheel = buildWheel(join(root, 'clients/python'), program, wheelTags[platform], directory, destination)
    process.stdout.write(`${wheel}\n`)
    rmSync(directory, { recursive: true })
  }
} catch (error) {
  process.stderr.write(`The wheel could not be made: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
