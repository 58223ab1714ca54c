import type { KeptScoreRecord } from '../../schemas/score.ts'
import type { DatasetStore } from '../datasets/dataset-store.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { Page } from '../storage/paging.ts'
import type { KeptModelScore, KeptScores } from './kept-scores.ts'

/** Lists the kept scores of a model, newest first. @throws TureenError `TUREEN_NOT_FOUND` */
export type ListScores = (
  reference: string,
  page: { limit: number; cursor?: string | undefined },
) => Promise<Page<KeptScoreRecord>>

/** Error codes of {@link ListScores}. */
export const scoreListErrors = [...modelErrors.get, 'TUREEN_REQUEST_INVALID'] as const satisfies readonly ErrorCode[]

export function createListScores(models: ModelStore, datasets: DatasetStore, kept: KeptScores): ListScores {
  return async (reference, page) => {
    const { sha256 } = await models.get(reference)
    const { items, nextCursor } = await kept.list(sha256, page)
    const newest = new Map<string, KeptScoreRecord['dataset']>()
    for (const { subject } of items) {
      if (newest.has(subject.dataset)) continue
      const [found] = (await datasets.list({ sha256: subject.dataset, label: {}, limit: 1 })).items
      newest.set(subject.dataset, { sha256: subject.dataset, id: found?.id ?? null, name: found?.name ?? null })
    }
    const unknown = (sha256: string) => ({ sha256, id: null, name: null })
    return {
      items: items.map(item => recordOf(item, newest.get(item.subject.dataset) ?? unknown(item.subject.dataset))),
      nextCursor,
    }
  }
}

function recordOf(
  { subject, value, jobId, createdAt }: KeptModelScore,
  dataset: KeptScoreRecord['dataset'],
): KeptScoreRecord {
  const { binding, metric } = subject
  return {
    dataset,
    ...('model' in metric ? { metric: metric.model, parameters: {} } : metric),
    ...value,
    samples: subject.samples,
    limit: subject.limit,
    batchSize: binding.batchSize,
    inputs: Object.fromEntries(binding.inputs.map(({ input, array }) => [input, array])),
    target: binding.target,
    output: binding.output,
    threads: subject.threads,
    jobId,
    createdAt,
  }
}
