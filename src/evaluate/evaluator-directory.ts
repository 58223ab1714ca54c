import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The directory of one evaluator process. */
export type EvaluatorDirectory = { path: string; remove(): Promise<void> }

/** Makes `job/` for the files of a job, and an empty working directory, below `parent`. The evaluator may read both, and write neither. */
export async function makeEvaluatorDirectory(parent: string): Promise<EvaluatorDirectory> {
  const path = await mkdtemp(join(parent, 'process-'))
  // The user of the evaluator may be another one than the server's.
  await chmod(path, 0o711)
  await mkdir(join(path, 'job'))
  await mkdir(join(path, 'empty'), { mode: 0o555 })
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
