import { z } from 'zod'
import packageJson from '../../package.json' with { type: 'json' }
import type { EvaluationRequest, EvaluationResult, MetricRequest } from '../../schemas/evaluation.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { DatasetStore } from '../datasets/dataset-store.ts'
import { TureenError } from '../errors.ts'
import { type Binding, bindDataset } from '../evaluate/binding.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import { chooseMetric, defaultMetrics, requireTarget } from '../evaluate/metric-choice.ts'
import { metrics as registeredMetrics } from '../evaluate/metrics/registry.ts'
import type { EvaluationTask, MetricOutcome, MetricTask } from '../evaluate/protocol.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { Scores } from '../storage/scores.ts'
import type { JobRunner, JobService } from './job-service.ts'

/** Changes whenever the same model on the same data may get other scores than before. */
const scoringVersion = 1

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
  if (binding.references.length === 0) requireTarget(binding, dataset.arrays)
  return {
    model: { id: model.id, sha256: model.sha256, bytes: model.bytes, path: models.contentPath(model.sha256) },
    dataset: { id: dataset.id, sha256: dataset.sha256, files: datasets.files(dataset) },
    binding,
    metrics,
    limit: request.limit !== undefined && request.limit < dataset.samples ? request.limit : null,
    inputIds: [model.id, dataset.id, ...metrics.flatMap(({ modelId }) => modelId ?? [])],
  }
}

async function resolveMetric(metric: MetricRequest, field: string, models: ModelStore): Promise<Metric> {
  if (typeof metric === 'object' && metric.model !== undefined) {
    if (registeredMetrics.has(metric.name)) throw nameTaken(metric.name, `${field}.name`)
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

function nameTaken(name: string, field: string): TureenError {
  const message = `${name} is a metric of the service; call yours otherwise`
  return new TureenError('TUREEN_REQUEST_INVALID', `A metric that is a model has a name of its own: ${message}.`, [
    { field, message },
  ])
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

const keptRun = z.object({
  samples: z.number(),
  nonFinite: z.number(),
  seconds: z.number(),
  latency: z.object({ median: z.number(), p95: z.number() }),
})
const keptScore = z.object({
  value: z.number().nullable(),
  perClass: z.array(z.object({ class: z.number(), value: z.number().nullable(), support: z.number() })).optional(),
  note: z.string().optional(),
})

type Run = z.infer<typeof keptRun>
type Score = z.infer<typeof keptScore>

/** Runs evaluations. What has been scored before, on the same bytes in the same way, is not computed again. */
export function evaluationRunner(
  stores: Stores,
  scores: Scores,
  evaluators: EvaluatorPool,
  threads: number,
): JobRunner<'evaluation'> {
  const oneAtATime = keyedQueue()
  return async (request, { signal, progress, succeed }) => {
    const resolved = await resolveEvaluation(request, stores)
    const { model, dataset, binding, metrics, limit } = resolved
    const what = {
      version: scoringVersion,
      model: model.sha256,
      dataset: dataset.sha256,
      binding,
      limit,
      threads,
      runtime,
    }
    const partsOf = ({ identity }: Metric) => ({ ...what, metric: identity })

    const compute = async (missing: readonly Metric[]): Promise<{ run: Run; computed: Map<string, Score> }> => {
      const task: EvaluationTask = {
        modelPath: model.path,
        dataset: { key: dataset.sha256, files: dataset.files },
        binding,
        metrics: missing.map(each => each.task),
        limit,
        threads,
      }
      const { metrics: outcomes, ...run } = await evaluators.withEvaluator(evaluator =>
        evaluator.evaluate(task, signal, (done, total) => progress({ done, total, message: 'samples evaluated' })),
      )
      const computed = new Map(outcomes.map(({ name, ...outcome }) => [name, keptOutcome(outcome)]))
      const entries = missing.map(metric => ({ parts: partsOf(metric), value: computed.get(metric.task.name) }))
      await scores.put([...entries, { parts: what, value: run }])
      return { run, computed }
    }

    // Two jobs that ask the same of the same model: the second finds what the first has kept.
    const { run, known, cached } = await oneAtATime(JSON.stringify(what), async () => {
      const known = new Map<string, Score>()
      for (const metric of metrics) {
        const score = keptScore.safeParse(await scores.get(partsOf(metric)))
        if (score.success) known.set(metric.task.name, score.data)
      }
      const kept = keptRun.safeParse(await scores.get(what))
      const missing = metrics.filter(({ task }) => !known.has(task.name))
      if (missing.length === 0 && kept.success) return { run: kept.data, known, cached: true }
      const { run, computed } = await compute(missing)
      return { run, known: new Map([...known, ...computed]), cached: false }
    })
    const result = resultOf(resolved, run, known, threads, cached)
    await succeed(async () => result)
  }
}

/** A metric's outcome as JSON can keep it: without NaN and infinity. */
function keptOutcome({ value, perClass, note }: Omit<MetricOutcome, 'name'>): Score {
  return {
    value: finite(value),
    ...(perClass ? { perClass: perClass.map(each => ({ ...each, value: finite(each.value) })) } : {}),
    ...(note === undefined ? {} : { note }),
  }
}

/** Runs what has the same key one after the other. */
function keyedQueue(): <Result>(key: string, run: () => Promise<Result>) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, run) => {
    const before = last.get(key)
    const mine = (async () => {
      await before?.catch(() => undefined)
      return run()
    })()
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}

function resultOf(
  { model, binding, metrics }: ResolvedEvaluation,
  run: Run,
  known: ReadonlyMap<string, Score>,
  threads: number,
  cached: boolean,
): EvaluationResult {
  const named = metrics.map(({ task: { name } }): { name: string; score: Score } => ({
    name,
    score: known.get(name) ?? { value: null },
  }))
  const perClass = named.flatMap(({ name, score }) =>
    score.perClass ? [{ metric: name, classes: score.perClass }] : [],
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
    notes: [
      ...(run.nonFinite > 0 ? [`${run.nonFinite} of the numbers that the model put out are NaN or infinite`] : []),
      ...named.flatMap(({ name, score }) => (score.note ? [`${name}: ${score.note}`] : [])),
    ],
    binding: {
      inputs: Object.fromEntries(binding.inputs.map(({ input, array }) => [input, array])),
      target: binding.target,
      output: binding.output,
    },
  }
}

/** JSON has no NaN and no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
