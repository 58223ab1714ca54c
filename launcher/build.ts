import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * npm run build:launcher
 *
 * Compiles the launcher for this system, and for the other processor if a cross compiler is present. `npm ci` runs it on Linux. Without a
 * compiler, evaluators run without this sandbox, so a failure is told and does not end the installation.
 */
const directory = fileURLToPath(new URL('.', import.meta.url))
const bin = fileURLToPath(new URL('bin/', import.meta.url))
const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-fstack-protector-strong', '-s']

/** Processors by Node's names, with the prefix of Debian's cross compilers. */
const targets = { x64: 'x86_64-linux-gnu-', arm64: 'aarch64-linux-gnu-' }

/** Compiles with the first compiler that can. Returns the reason of the last one that cannot, or undefined. */
function build(processor: string, compilers: readonly string[]): string | undefined {
  const target = `${bin}linux-${processor}`
  // A running launcher cannot be overwritten, but replaced.
  const built = `${target}.${process.pid}`
  const sources = globSync('*.c', { cwd: directory }).sort()
  let reason = 'no C compiler was found (cc, gcc or clang)'
  for (const compiler of compilers)
    for (const linking of [['-static'], []])
      try {
        execFileSync(compiler, [...flags, ...linking, '-o', built, ...sources], {
          cwd: directory,
          stdio: 'pipe',
          encoding: 'utf8',
        })
        renameSync(built, target)
        return undefined
      } catch (error) {
        rmSync(built, { force: true })
        const { code, stderr } = Object(error)
        if (code !== 'ENOENT')
          reason = `${compiler} says: ${
            String(stderr || code)
              .trim()
              .split('\n')[0]
          }`
      }
  return reason
}

if (process.platform === 'linux') {
  mkdirSync(bin, { recursive: true })
  for (const [processor, prefix] of Object.entries(targets)) {
    const isOwn = processor === process.arch
    const reason = build(processor, isOwn ? ['cc', 'gcc', 'clang'] : [`${prefix}gcc`])
    if (isOwn && reason !== undefined)
      process.stderr.write(
        `The launcher of evaluators could not be built, so models run without its sandbox: ${reason}. Install a C compiler, then run npm run build:launcher.\n`,
      )
  }
}
