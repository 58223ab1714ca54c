import packageJson from '../../package.json' with { type: 'json' }
import type { EvaluationRequest, EvaluationResult, MetricRequest } from '../../schemas/evaluation.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { DatasetStore } from '../datasets/dataset-store.ts'
import { TureenError } from '../errors.ts'
import { type Binding, bindDataset } from '../evaluate/binding.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import { chooseMetric, defaultMetrics } from '../evaluate/metric-choice.ts'
import type { EvaluationOutcome, EvaluationTask, MetricOutcome, MetricTask } from '../evaluate/protocol.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { Scores } from '../storage/scores.ts'
import type { JobRunner, JobService } from './job-service.ts'

export const runtime = `onnxruntime-node ${packageJson.dependencies['onnxruntime-node']}`

/** A metric to compute, and what makes its score that score. */
type Metric = { task: MetricTask; identity: unknown; modelId?: string }

/** An evaluation request with everything found, chosen and checked. */
export type ResolvedEvaluation = {
  model: { id: string; sha256: string; bytes: number; path: string }
  dataset: { id: string; sha256: string; files: EvaluationTask['dataset']['files'] }
  binding: Binding
  metrics: Metric[]
  limit: number | null
  inputIds: string[]
}

export type EvaluationService = {
  /** Refuses what cannot be evaluated before there is a job. */
  start(request: EvaluationRequest): Promise<JobRecord>
}

type Stores = { models: ModelStore; datasets: DatasetStore }

export function createEvaluationService(stores: Stores, jobs: JobService): EvaluationService {
  return {
    async start(request) {
      const { inputIds } = await resolveEvaluation(request, stores)
      return jobs.create({ type: 'evaluation', request, labels: request.labels, inputIds })
    },
  }
}

/** @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_DATASET_MISMATCH`, `TUREEN_REQUEST_INVALID` */
export async function resolveEvaluation(
  request: EvaluationRequest,
  { models, datasets }: Stores,
): Promise<ResolvedEvaluation> {
  const model = await models.getComplete(request.model, 'model')
  const dataset = await datasets.get(request.dataset, 'dataset')
  const binding = bindDataset(model, dataset, request)
  const metrics: Metric[] = []
  for (const [index, metric] of (request.metrics ?? defaultMetrics(binding, dataset.arrays, model.outputs)).entries()) {
    metrics.push(await resolveMetric(metric, `metrics.${index}`, models))
  }
  refuseRepeated(metrics)
  if (binding.target === null && binding.references.length === 0) defaultMetrics(binding, dataset.arrays, model.outputs)
  return {
    model: { id: model.id, sha256: model.sha256, bytes: model.bytes, path: models.contentPath(model.sha256) },
    dataset: { id: dataset.id, sha256: dataset.sha256, files: datasets.files(dataset) },
    binding,
    metrics,
    limit: request.limit ?? null,
    inputIds: [model.id, dataset.id, ...metrics.flatMap(({ modelId }) => modelId ?? [])],
  }
}

async function resolveMetric(metric: MetricRequest, field: string, models: ModelStore): Promise<Metric> {
  if (typeof metric === 'object' && 'model' in metric && typeof metric.model === 'string') {
    const { id, sha256 } = await models.getComplete(metric.model, `${field}.model`)
    return {
      task: { kind: 'model', name: metric.name, path: models.contentPath(sha256) },
      identity: { model: sha256 },
      modelId: id,
    }
  }
  const { name, ...parameters } = typeof metric === 'string' ? { name: metric } : metric
  const chosen = chooseMetric(name, parameters, field)
  return {
    task: { kind: 'registered', name, metric: name, parameters: chosen.parameters },
    identity: { metric: name, parameters: chosen.parameters },
  }
}

function refuseRepeated(metrics: readonly Metric[]): void {
  const names = metrics.map(({ task }) => task.name)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated === undefined) return
  const message = `${repeated} is asked for twice`
  throw new TureenError('TUREEN_REQUEST_INVALID', `Metrics are told apart by name, and ${message}.`, [
    { field: 'metrics', message },
  ])
}

type Run = Pick<EvaluationOutcome, 'samples' | 'seconds' | 'latency'>
type Score = { value: number | null; perClass?: MetricOutcome['perClass']; note?: string }

/** Runs evaluations. What has been scored before, on the same bytes in the same way, is not computed again. */
export function evaluationRunner(
  stores: Stores,
  scores: Scores,
  evaluators: EvaluatorPool,
  threads: number,
): JobRunner<'evaluation'> {
  return async (request, { signal, progress, succeed }) => {
    const resolved = await resolveEvaluation(request, stores)
    const { model, dataset, binding, metrics, limit } = resolved
    const what = { model: model.sha256, dataset: dataset.sha256, binding, limit, threads, runtime }
    const partsOf = ({ identity }: Metric) => ({ ...what, metric: identity })
    const known = new Map<string, Score>()
    for (const metric of metrics) {
      const score = await scores.get(partsOf(metric))
      if (score) known.set(metric.task.name, score as Score)
    }
    let run = (await scores.get(what)) as Run | undefined
    const missing = metrics.filter(({ task }) => !known.has(task.name))
    if (missing.length > 0 || !run) {
      const task: EvaluationTask = {
        modelPath: model.path,
        dataset: { key: dataset.sha256, files: dataset.files },
        binding,
        metrics: missing.map(each => each.task),
        limit,
        threads,
      }
      const outcome = await evaluators.withEvaluator(evaluator =>
        evaluator.evaluate(task, signal, (done, total) => progress({ done, total, message: 'samples evaluated' })),
      )
      run = { samples: outcome.samples, seconds: outcome.seconds, latency: outcome.latency }
      const computed = new Map(
        outcome.metrics.map(({ name, value, ...rest }) => [name, { value: finite(value), ...rest }]),
      )
      const entries = missing.map(metric => ({ parts: partsOf(metric), value: computed.get(metric.task.name) }))
      await scores.put([...entries, { parts: what, value: run }])
      for (const [name, score] of computed) known.set(name, score)
    }
    const result = resultOf(resolved, run, known, threads, missing.length === 0)
    await succeed(async () => result)
  }
}

function resultOf(
  { model, binding, metrics }: ResolvedEvaluation,
  run: Run,
  known: ReadonlyMap<string, Score>,
  threads: number,
  cached: boolean,
): EvaluationResult {
  const named = metrics.map(({ task: { name } }) => ({ name, score: known.get(name) ?? { value: null } }))
  const perClass = named.flatMap(({ name, score }) =>
    score.perClass
      ? [{ metric: name, classes: score.perClass.map(each => ({ ...each, value: finite(each.value) })) }]
      : [],
  )
  return {
    metrics: Object.fromEntries(named.map(({ name, score }) => [name, score.value])),
    samples: run.samples,
    seconds: run.seconds,
    latencyMs: run.latency,
    batchSize: binding.batchSize,
    model: { sha256: model.sha256, bytes: model.bytes },
    threads,
    runtime,
    cached,
    ...(perClass.length > 0 ? { perClass } : {}),
    notes: named.flatMap(({ name, score }) => (score.note ? [`${name}: ${score.note}`] : [])),
    binding: {
      inputs: Object.fromEntries(binding.inputs.map(({ input, array }) => [input, array])),
      target: binding.target,
      output: binding.output,
    },
  }
}

/** JSON has no NaN and no infinity. */
function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null
}
