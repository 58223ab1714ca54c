import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { systemTool } from '../system-tool.ts'
import { evaluatorEnvironment } from './evaluator-environment.ts'
import type { IsolatedEnd, StartIsolated } from './isolated-process.ts'

/** Seconds of processor time between the signal that ends the process and the one that it cannot ignore. */
const graceSeconds = 30

const setpriv = systemTool('setpriv')
const prlimit = systemTool('prlimit')

/**
 * Starts an ordinary process. It reads and writes what the server may read and write. A shell sets the limits that must exist from the
 * start: no core files, and a bound of processor time. setpriv makes the process die with the server and never gain privileges.
 */
export const startPlain: StartIsolated = async ({ directory, script, cpuSeconds }) => {
  const limits = `ulimit -c 0 && ulimit -S -t ${cpuSeconds} && ulimit -H -t ${cpuSeconds + graceSeconds}`
  const privileges = setpriv ? `${setpriv} --pdeathsig KILL --no-new-privs ` : ''
  const child = spawn('/bin/sh', ['-c', `${limits} && exec ${privileges}"$0" "$@"`, process.execPath, script], {
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

/** Does nothing without prlimit, as on other systems than Linux: the server still watches the memory of the process. */
async function limitMemory(pid: number, bytes: number): Promise<void> {
  if (!prlimit) return
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = /^VmData:\s+(\d+) kB/m.exec(status)?.[1]
  const limit = Number(kibibytes ?? 0) * 1024 + bytes
  await promisify(execFile)(prlimit, ['--pid', String(pid), `--data=${limit}`])
}
