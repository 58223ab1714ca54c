import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pruneModules } from '../src/prune-modules.ts'
import type { SupportedPlatform } from './platforms.ts'

/** Files that nobody needs who runs the program: types, sources of TypeScript, source maps, pages, other programs, and what npm keeps for itself. */
const ballast = [
  'node_modules/**/*.{ts,mts,cts,map,md,markdown}',
  'node_modules/**/.{github,vscode,idea}',
  'node_modules/node-{linux,bin}-*/share',
  'node_modules/protobufjs/cli',
  'node_modules/.bin',
  'node_modules/.package-lock.json',
  'dist/**/*.d.ts',
  'package-lock.json',
  '.npmrc',
]

/** Texts that licenses ask to be handed on. */
const licenseText = /(licen[cs]e|notice|copying)[^/]*$/i

/**
 * Makes the program as an installation from npm has it, for one platform: the package, and beside it the packages that it needs, in the
 * versions of package-lock.json.
 *
 * @param directory an empty directory
 * @param tarball the package, as `npm pack` makes it
 */
export function installProgram(directory: string, root: string, platform: SupportedPlatform, tarball: string): void {
  const [system = '', processor = ''] = platform.split('/')
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    copyFileSync(join(root, name), join(directory, name))
  const parameters = [
    '--omit=dev',
    '--ignore-scripts',
    '--no-fund',
    '--no-audit',
    '--prefer-offline',
    '--loglevel=error',
  ]
  const own = [`--os=${system}`, `--cpu=${processor}`, ...(system === 'linux' ? ['--libc=glibc'] : [])]
  execFileSync('npm', ['ci', ...parameters, ...own], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const modules = join(directory, 'node_modules')
  // The package brings an onnxruntime that is ready for all platforms, without its install script.
  rmSync(join(modules, 'onnxruntime-node'), { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '--exclude=package/examples', '-C', directory])
  pruneModules(modules, system, processor)
  const launchers = globSync('dist/launcher/bin/*', { cwd: directory })
  const foreign = launchers.filter(path => !path.endsWith(`/${system}-${processor}`))
  const unused = globSync(ballast, { cwd: directory }).filter(path => !licenseText.test(path))
  for (const path of [...unused, ...foreign]) rmSync(join(directory, path), { recursive: true, force: true })
}
