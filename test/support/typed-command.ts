import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { requireOwnProcesses } from './own-processes.ts'
import { projectRoot } from './server.ts'

/** A command that has ended: its exit code, and what it wrote. */
export type EndedCommand = { code: number | null; stdout: string; stderr: string }

/** A command that runs. */
export type RunningCommand = { process: ChildProcess; ended: Promise<EndedCommand> }

/** Starts `tureen` as a user types it, in a process of its own without a terminal. */
export function startCommand(
  parameters: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): RunningCommand {
  requireOwnProcesses()
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=1', join(projectRoot, 'src/tureen.ts'), ...parameters],
    {
      cwd,
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const end = async (): Promise<EndedCommand> => {
    const [[code], stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
    return { code, stdout, stderr }
  }
  return { process: child, ended: end() }
}

/** Runs `tureen` to its end. */
export function typed(
  parameters: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<EndedCommand> {
  return startCommand(parameters, options).ended
}

/** Runs a line of the shell in which `tureen` is the command. For pipes, and for terminals (`script` of util-linux). */
export async function shell(
  line: string,
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<EndedCommand> {
  const node = `'${process.execPath}' --max-semi-space-size=1 '${join(projectRoot, 'src/tureen.ts')}'`
  const child = spawn('sh', ['-c', line.replaceAll('tureen', node)], {
    cwd,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}
