import { readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { interpreterOf } from './elf-interpreter.ts'
import { evaluatorEnvironment } from './evaluator-environment.ts'
import type { EvaluatorGrants } from './launcher-grants.ts'

/** Directories as the evaluator sees them: its own one, and the one with the compiled code. */
const insideDirectory = '/evaluator'
const insideCache = '/compiled'

/** Capabilities with which setpriv changes the user and drops all capabilities. */
const userCapabilities = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP']

/**
 * Returns the arguments of bubblewrap for all evaluators of a server, before those of one evaluator. The evaluator sees the files of
 * `grants` and no other. It has no network but a loopback device of its own, and sees no other process.
 *
 * @param user number of the user that the evaluator changes to, once it is in the sandbox; undefined if it stays the server's
 */
export function sharedArguments({ read, execute }: EvaluatorGrants, user: number | undefined): string[] {
  const binds = [
    ...outermost([...read, ...execute]).map(path => ({ path, source: path })),
    ...hiddenBinds(execute, user),
  ]
  const variables = { ...evaluatorEnvironment, NODE_COMPILE_CACHE: insideCache }
  return [
    ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
    // As root, bubblewrap keeps all capabilities unless it is told otherwise.
    ...['--cap-drop', 'ALL'],
    // A user namespace knows one user, so there is none where the user changes.
    ...(user === undefined ? ['--unshare-user-try'] : userCapabilities.flatMap(name => ['--cap-add', name])),
    ...['--die-with-parent', '--new-session', '--clearenv'],
    ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]),
    ...rootLinks().flatMap(({ path, target }) => ['--symlink', target, path]),
    // Other users may not enter the directories that bubblewrap makes by itself.
    ...parentsOf(['/dev/null', `${insideDirectory}/job`, ...binds.map(({ path }) => path)]).flatMap(path => [
      '--dir',
      path,
    ]),
    ...binds.flatMap(({ path, source }) => ['--ro-bind', source, path]),
    ...['--dev-bind', '/dev/null', '/dev/null'],
  ]
}

/** Returns the arguments for one evaluator, after the shared ones. @param directory as in `IsolatedStart` */
export function ownArguments(directory: string): string[] {
  return [
    ...['--ro-bind', join(directory, 'job'), join(insideDirectory, 'job')],
    ...['--ro-bind', join(directory, 'empty'), join(insideDirectory, 'empty')],
    ...['--chdir', join(insideDirectory, 'empty')],
    // All binds are made. Nothing can be written into the root, which is in memory.
    ...['--remount-ro', '/'],
  ]
}

/** Files and directories that the evaluator sees under another path. */
function hiddenBinds([program]: readonly string[], user: number | undefined): { path: string; source: string }[] {
  const loader = program === undefined ? undefined : interpreterOf(program)
  const compiled = getCompileCacheDir()
  // Node looks for compiled code under the number of its user.
  const name = compiled && (user === undefined ? basename(compiled) : basename(compiled).replace(/\d+$/, String(user)))
  return [
    ...(loader ? [{ path: join(realpathSync(dirname(loader)), basename(loader)), source: realpathSync(loader) }] : []),
    ...(compiled && name ? [{ path: join(insideCache, name), source: realpathSync(compiled) }] : []),
  ]
}

/** Links in the root directory, such as /lib64 to usr/lib64: the loader and the libraries are looked for through them. */
function rootLinks(): { path: string; target: string }[] {
  return readdirSync('/', { withFileTypes: true })
    .filter(entry => entry.isSymbolicLink())
    .map(({ name }) => ({ path: `/${name}`, target: readlinkSync(`/${name}`) }))
}

/** Returns the paths that lie below no other one, each once. */
function outermost(paths: readonly string[]): string[] {
  return [...new Set(paths)].filter(path => !paths.some(other => path.startsWith(`${other}/`)))
}

/** Returns the directories above the paths, each after its parent and once, without the root. */
function parentsOf(paths: readonly string[]): string[] {
  const above = (path: string): string[] => (dirname(path) === '/' ? [] : [...above(dirname(path)), dirname(path)])
  return [...new Set(paths.flatMap(above))]
}
