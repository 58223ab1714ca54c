import type { ScoringTask } from '../evaluate/protocol.ts'
import type { Subject } from './kept-scores.ts'
import type { ResolvedDataset } from './resolve-evaluation.ts'

/** What is run when a model or soup is, on the whole of a data set. */
export function taskOn({ sha256, files, binding }: ResolvedDataset, threads: number): ScoringTask {
  return { dataset: { key: sha256, files }, binding, limit: null, threads }
}

/** What is scored when a model or soup is, on the whole of a data set. */
export function subjectOf(model: unknown, { sha256, binding }: ResolvedDataset, threads: number): Subject {
  return { model, dataset: sha256, binding, limit: null, threads }
}
