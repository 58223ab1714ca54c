import type { Config } from '../config.ts'
import { type CandidateContent, createCandidateContent } from '../jobs/external/candidate-content.ts'
import { heardSeldom } from '../jobs/external/heard-seldom.ts'
import { createSharedOutputs } from '../jobs/external/shared-outputs.ts'
import type { Engine } from './engine.ts'
import type { Jobs } from './jobs.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'

/** The bytes of candidates that scorers outside of the server ask for. `close`: removes them. */
export type Candidates = {
  content: CandidateContent
  heard: Jobs['ledger']['heard']
  close(): Promise<void>
}

/** Returns the bytes of candidates. They are in temporary files of this server. */
export function createCandidates(
  { evaluation }: Pick<Config, 'evaluation'>,
  { contentFiles }: Pick<Storage, 'contentFiles'>,
  { models, datasets, scores: kept }: RecordStores,
  { threads, evaluators }: Engine,
  { ledger, queries }: Pick<Jobs, 'ledger' | 'queries'>,
): Candidates {
  const evaluationThreads = evaluation.threads
  const merger = { models, datasets, contentFiles, threads, evaluators, kept, evaluationThreads }
  const outputs = createSharedOutputs()
  return {
    content: createCandidateContent(merger, outputs, queries),
    heard: heardSeldom(ledger),
    close: outputs.close,
  }
}
