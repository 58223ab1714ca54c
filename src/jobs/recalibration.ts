import type { ModelRecord } from '../../schemas/model.ts'
import type {
  RecalibrationRecipe,
  RecalibrationReport,
  ScoredRecalibrationRequest,
} from '../../schemas/recalibration.ts'
import { type Binding, bindDataset } from '../evaluate/binding.ts'
import { datasetKinds } from '../evaluate/datasets/dataset-kinds.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { OnSamples } from '../evaluate/exchange/conversation.ts'
import type { CalibrationTask } from '../evaluate/protocol.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { WrittenFile } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import type { KeptScores, NewScores } from './kept-scores.ts'
import { metricModels, type Stores } from './resolve-evaluation.ts'
import { resolveScoring, type Scoring, within } from './resolve-scoring.ts'
import { subjectOf, taskOn } from './scoring-task.ts'

/** A recalibration after its data set is found and bound to the base. */
export type Recalibration = {
  /** The recalibration in recipes: every setting that the statistics depend on, with all defaults filled in. */
  recipe: RecalibrationRecipe
  calibration: CalibrationTask
  /** Id of the data set to measure on. */
  datasetId: string
  scoring: Scoring | null
  inputIds: string[]
}

/**
 * Finds the data set of a recalibration, and binds it.
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_DATASET_MISMATCH`, `TUREEN_METRIC_MISMATCH`, `TUREEN_REQUEST_INVALID`
 */
export async function resolveRecalibration(
  request: ScoredRecalibrationRequest,
  model: ModelRecord,
  stores: Stores,
): Promise<Recalibration> {
  const { inputs, target, batchSize, batches, metric, output } = request
  const field = 'recalibrate'
  const dataset = await stores.datasets.get(request.dataset, `${field}.dataset`)
  // A recalibration reads no output. Name the first one, since binding needs a choice if there are several.
  const binding = boundTo(model, dataset, { inputs, target, batchSize, output: model.outputs[0]?.name })
  const scoring =
    metric === undefined
      ? null
      : await resolveScoring(
          field,
          { dataset: request.dataset, metric, inputs, target, output, batchSize },
          model,
          stores,
        )
  return {
    recipe: {
      dataset: dataset.sha256,
      ...(datasetKinds[dataset.kind].byRequest ? { inputs: arraysByInput(binding), batchSize: binding.batchSize } : {}),
      ...(batches === undefined ? {} : { batches }),
    },
    calibration: {
      dataset: { files: stores.datasets.files(dataset) },
      binding,
      limit: batches === undefined ? null : batches * binding.batchSize,
    },
    datasetId: dataset.id,
    scoring,
    inputIds: [dataset.id, ...(scoring?.metric.modelId ? [scoring.metric.modelId] : [])],
  }
}

/**
 * Leases the files of a recalibration and checks them, while `run` reads them. Without a recalibration it only runs `run`.
 * @throws TureenError `TUREEN_CONTENT_DAMAGED`
 */
export async function readingCalibration<Result>(
  recalibration: Recalibration | null,
  { models, datasets }: Stores,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  if (!recalibration) return run()
  const { datasetId, calibration, scoring } = recalibration
  const metrics = scoring ? metricModels([scoring.metric]) : []
  return datasets.whileSound({ id: datasetId, files: calibration.dataset.files }, signal, () =>
    models.whileSound(metrics, signal, run),
  )
}

function boundTo(...[model, dataset, request]: Parameters<typeof bindDataset>): Binding {
  try {
    return bindDataset(model, dataset, request).binding
  } catch (error) {
    throw within(error, 'recalibrate')
  }
}

function arraysByInput({ inputs }: Binding): Record<string, string> {
  return Object.fromEntries(inputs.map(({ input, array }) => [input, array]))
}

export type Recalibrator = {
  threads: Pick<ThreadPool, 'rewrite'>
  evaluators: EvaluatorPool
  kept: KeptScores
  /** Intra-op threads of onnxruntime in one evaluation. */
  evaluationThreads: number
}

/**
 * Measures the statistics of a soup's batch norms, and writes the soup with them to `output`. It keeps the score of the new soup.
 * @throws TureenError `TUREEN_RECALIBRATION_IMPOSSIBLE`; further codes as an evaluation does
 */
export async function recalibrate(
  merged: readonly WrittenFile[],
  { calibration, scoring }: Recalibration,
  { threads, evaluators, kept, evaluationThreads }: Recalibrator,
  { jobId, output, signal, onProgress }: { jobId: string; output: string; signal: AbortSignal; onProgress: OnSamples },
): Promise<{ files: WrittenFile[]; report: RecalibrationReport }> {
  const evaluator = evaluators.lease()
  const evaluate = async (files: readonly WrittenFile[], { dataset, metric }: Scoring): Promise<NewScores> => {
    const task = { ...taskOn(dataset, evaluationThreads), model: pathsOf(files), metrics: [metric.task] }
    const { metrics, ...run } = await evaluator.evaluate(task, signal, () => undefined)
    const subject = subjectOf(modelDigest(files), dataset, evaluationThreads)
    return { subject, run, scores: [{ identity: metric.identity, outcome: metrics[0] }] }
  }
  try {
    const before = scoring && (await evaluate(merged, scoring))
    const { values, ...report } = await evaluator.measure({ model: pathsOf(merged), calibration }, signal, onProgress)
    const files = await threads.rewrite({ model: pathsOf(merged), values, output }, { signal })
    if (!scoring) return { files, report }
    const after = await evaluate(files, scoring)
    await kept.keep([after], jobId)
    return { files, report: { ...report, score: { before: scoreOf(before), after: scoreOf(after) } } }
  } finally {
    await evaluator.end()
  }
}

function scoreOf(scored: NewScores | null): number | null {
  const value = scored?.scores[0]?.outcome?.value
  return value !== undefined && Number.isFinite(value) ? value : null
}

function pathsOf(files: readonly WrittenFile[]): ModelPaths {
  const [own, ...data] = files
  if (!own) throw new RangeError('a merge without a file')
  return { path: own.path, data: data.map(({ location, path }) => ({ location, path })) }
}
