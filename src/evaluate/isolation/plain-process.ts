import { join } from 'node:path'
import { systemTool } from '../system-tool.ts'
import { evaluatorEnvironment } from './evaluator-environment.ts'
import type { StartIsolated } from './isolated-process.ts'
import { spawnPiped } from './piped-process.ts'
import { limitMemory, underLimits } from './tool-limits.ts'

const setpriv = systemTool('setpriv')

/**
 * Starts an ordinary process. It reads and writes what the server may read and write. A shell sets the limits that must exist from the
 * start: no core files, and a bound of processor time. setpriv makes the process die with the server and never gain privileges.
 */
export const startPlain: StartIsolated = async ({ directory, script, cpuSeconds }) => {
  const privileges = setpriv ? [setpriv, '--pdeathsig', 'KILL', '--no-new-privs'] : []
  const { child, ...piped } = await spawnPiped(underLimits(cpuSeconds, [...privileges, process.execPath, script]), {
    cwd: join(directory, 'empty'),
    env: evaluatorEnvironment,
  })
  return {
    ...piped,
    kill: () => void child.kill('SIGKILL'),
    limitMemory: bytes => limitMemory(piped.pid, bytes),
  }
}
