import { elementCount } from '../evaluate/metrics/batch-dims.ts'
import type { ScoringTask } from '../evaluate/protocol.ts'
import type { ResolvedDataset } from './resolve-evaluation.ts'
import type { ScoredModel, Subject } from './score-subject.ts'

/** Returns the task that scores a model or soup on a whole data set. */
export function taskOn({ files, binding, target }: ResolvedDataset, threads: number): ScoringTask {
  const targets = target ? elementCount(target.dims) : 0
  return { dataset: { files }, binding, limit: null, threads, targets }
}

/** Returns the subject of a score of a model or soup on a whole data set. */
export function subjectOf(model: ScoredModel, { sha256, binding }: ResolvedDataset, threads: number): Subject {
  return { model, dataset: sha256, binding, limit: null, threads }
}
