import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { systemTool } from '../system-tool.ts'

/** Seconds of processor time between the signal that ends a process and the one that it cannot ignore. */
const graceSeconds = 30

const prlimit = systemTool('prlimit')

/**
 * Returns a command line that runs another one under the limits that must exist from the start: no core files, and a bound of processor
 * time. A shell sets them.
 */
export function underLimits(cpuSeconds: number, command: readonly string[]): { program: string; words: string[] } {
  const limits = `ulimit -c 0 && ulimit -S -t ${cpuSeconds} && ulimit -H -t ${cpuSeconds + graceSeconds}`
  return { program: '/bin/sh', words: ['-c', `${limits} && exec "$0" "$@"`, ...command] }
}

/**
 * Bounds the memory that a process may take in addition to its present memory. It does nothing without prlimit, as on other systems than
 * Linux: the server still watches the memory of the process.
 *
 * @param user the user of the process, if it is another one. In containers, root may lack the right to limit processes of others
 */
export async function limitMemory(pid: number, bytes: number, user?: OwnUser): Promise<void> {
  if (!prlimit) return
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = /^VmData:\s+(\d+) kB/m.exec(status)?.[1]
  const limit = Number(kibibytes ?? 0) * 1024 + bytes
  const [program = '', ...words] = [...(user ? asUser(user) : []), prlimit, '--pid', String(pid), `--data=${limit}`]
  await promisify(execFile)(program, words)
}

/** `setpriv`: the path of the tool that changes to the user; `id`: number of the user and its group. */
export type OwnUser = { setpriv: string; id: number }

/** Returns the beginning of a command line that runs another one as a user without privileges. */
export function asUser({ setpriv, id }: OwnUser): string[] {
  return [setpriv, `--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all']
}
