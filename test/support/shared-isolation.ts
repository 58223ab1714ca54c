import { join } from 'node:path'
import { type ChosenIsolation, chooseIsolation } from '../../src/evaluate/isolation/choose-isolation.ts'
import { clearJobDirectories } from '../../src/evaluate/job-directory.ts'

let isolation: Promise<ChosenIsolation> | undefined

/**
 * Returns the isolation of the evaluators of all servers of this process. Each choice starts a process, and so does the first evaluator of
 * an isolation: two forks of a process of 700 MB.
 *
 * @param data a data directory
 */
export function sharedIsolation(data: string): Promise<ChosenIsolation> {
  isolation ??= choose(join(data, 'evaluator'))
  return isolation
}

async function choose(directory: string): Promise<ChosenIsolation> {
  // Makes it as a pool of evaluators does.
  await clearJobDirectories(directory)
  return chooseIsolation(directory)
}
