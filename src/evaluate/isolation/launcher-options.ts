import { realpathSync } from 'node:fs'
import { evaluatorEnvironment } from './evaluator-environment.ts'
import { evaluatorGrants } from './launcher-grants.ts'

/**
 * `binary`: path of the launcher. `user`: number of the user and the group of evaluators; by default the server's. `searches`: true if
 * evaluators of root keep the right to read, and to search any directory. `landlockAbi`: newest ABI of Landlock to use, 0 for none; by default
 * the kernel's.
 */
export type LauncherOptions = { binary: string; user?: number; searches?: boolean; landlockAbi?: number }

/** User of evaluators where the server is root: a number that distributions give to nobody. */
export const evaluatorUser = 65522

/** Returns the words of the launcher's command line that say what evaluators get. */
export function launcherWords({ user, searches, landlockAbi }: LauncherOptions): string[] {
  const { read, execute } = evaluatorGrants()
  return [
    ...(user === undefined ? [] : [`user=${user}`]),
    ...(searches ? ['search=1'] : []),
    ...(landlockAbi === undefined ? [] : [`landlock=${landlockAbi}`]),
    ...read.map(path => `read=${path}`),
    ...execute.map(path => `execute=${path}`),
    ...Object.entries(evaluatorEnvironment).map(([name, value]) => `environment=${name}=${value}`),
    `command=${realpathSync(process.execPath)}`,
  ]
}
