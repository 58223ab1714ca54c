import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { systemTool } from '../system-tool.ts'
import { evaluatorEnvironment } from './evaluator-environment.ts'
import type { IsolatedEnd, StartIsolated } from './isolated-process.ts'
import { limitMemory, underLimits } from './tool-limits.ts'

const setpriv = systemTool('setpriv')

/**
 * Starts an ordinary process. It reads and writes what the server may read and write. A shell sets the limits that must exist from the
 * start: no core files, and a bound of processor time. setpriv makes the process die with the server and never gain privileges.
 */
export const startPlain: StartIsolated = async ({ directory, script, cpuSeconds }) => {
  const privileges = setpriv ? [setpriv, '--pdeathsig', 'KILL', '--no-new-privs'] : []
  const { program, words } = underLimits(cpuSeconds, [...privileges, process.execPath, script])
  const child = spawn(program, words, {
    cwd: join(directory, 'empty'),
    env: evaluatorEnvironment,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<IsolatedEnd>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const { pid, stdin: input, stderr: errors } = child
  if (pid === undefined) throw (await once(child, 'error'))[0]
  // A failed kill is reported as an error event, which would end the server if nothing listened.
  child.on('error', () => undefined)
  const output = child.stdio[3]
  if (!input || !errors || !(output instanceof Readable)) throw new TypeError('a started process has no pipes')
  return {
    pid,
    input,
    output,
    errors,
    exited,
    kill: () => void child.kill('SIGKILL'),
    limitMemory: bytes => limitMemory(pid, bytes),
  }
}
