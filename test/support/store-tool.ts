import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { projectRoot } from './server.ts'

/** A finished run of a tool. */
export type ToolRun = { code: number | null; stdout: string; stderr: string }

/** Starts a tool such as `migrate`. @param variables environment of the tool, such as TUREEN_DATA */
export function launchTool(
  name: 'backup' | 'check-store' | 'migrate',
  given: readonly string[],
  variables: Record<string, string>,
): { process: ChildProcess; ended: Promise<ToolRun> } {
  const child = spawn(process.execPath, [`src/${name}.ts`, ...given], {
    cwd: projectRoot,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: 'node_modules/.cache/compile', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.on('data', chunk => stdout.push(String(chunk)))
  child.stderr.on('data', chunk => stderr.push(String(chunk)))
  const ended = once(child, 'close').then(([code]) => ({ code, stdout: stdout.join(''), stderr: stderr.join('') }))
  return { process: child, ended }
}

/** Runs a tool to its end. */
export function runTool(...given: Parameters<typeof launchTool>): Promise<ToolRun> {
  return launchTool(...given).ended
}
