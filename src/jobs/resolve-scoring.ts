import type { ModelRecord } from '../../schemas/model.ts'
import type { TermRequest } from '../../schemas/search-terms.ts'
import { datasetErrors } from '../datasets/dataset-errors.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { metricNamed } from '../evaluate/metric-choice.ts'
import { requireFit } from '../evaluate/metric-fit.ts'
import { modelErrors } from '../models/model-errors.ts'
import {
  type ResolvedDataset,
  type ResolvedMetric,
  resolveDataset,
  resolveMetric,
  type Stores,
  scoredOutput,
} from './resolve-evaluation.ts'

/** Error codes of {@link resolveScoring}. */
export const scoringErrors = [
  ...modelErrors.getComplete,
  ...datasetErrors.get,
  'TUREEN_REQUEST_INVALID',
  'TUREEN_DATASET_MISMATCH',
  'TUREEN_DATASET_UNSUPPORTED',
  'TUREEN_METRIC_MISMATCH',
] as const satisfies readonly ErrorCode[]

/** The data set and the scoring metric of soups: on selection, on test, or for a recalibration. */
export type Scoring = { dataset: ResolvedDataset; metric: ResolvedMetric }

type ScoringRequest = Extract<TermRequest, { dataset: string }>

/**
 * Finds the data set and the scoring metric, and checks that they fit the model.
 * @param field the field of the request that holds both
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_DATASET_MISMATCH`, `TUREEN_METRIC_MISMATCH`, `TUREEN_REQUEST_INVALID`
 */
export async function resolveScoring(
  field: string,
  request: ScoringRequest,
  model: ModelRecord,
  stores: Stores,
): Promise<Scoring> {
  try {
    const metric = await resolveMetric(request.metric, 'metric', stores.models)
    const dataset = await resolveDataset(request.dataset, request, model, stores, 'dataset')
    requireMetricFits(metric, dataset, model)
    return { dataset, metric }
  } catch (error) {
    throw within(error, field)
  }
}

function requireMetricFits({ task }: ResolvedMetric, dataset: ResolvedDataset, { outputs }: ModelRecord): void {
  const output = scoredOutput(dataset, outputs)
  if (task.kind !== 'registered' || !dataset.target || !output) return
  requireFit(metricNamed(task.metric, 'metric'), output, dataset.target, 'metric', {
    outputs,
    parameters: task.parameters,
  })
}

/** Returns an error about a part of the request, with the names of its fields prefixed by `part`. */
export function within(error: unknown, part: string): unknown {
  if (!(error instanceof TureenError)) return error
  const errors = error.errors.map(item =>
    item.field === undefined ? item : { ...item, field: `${part}.${item.field}` },
  )
  return new TureenError(error.code, error.message, errors, { cause: error })
}
