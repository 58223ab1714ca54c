import type { EvaluationRequest, EvaluationResult } from '../../schemas/evaluation.ts'
import type { JobRecord } from '../../schemas/job.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { guessNotes } from '../evaluate/binding/guess-notes.ts'
import type { EvaluatorPool } from '../evaluate/evaluator-pool.ts'
import type { KeepWith } from '../storage/database.ts'
import type { JobCommands } from './job-commands.ts'
import { jobErrors } from './job-errors.ts'
import type { JobRunner } from './job-runner.ts'
import { type KeptRun, type KeptScore, type KeptScores, runtime } from './kept-scores.ts'
import {
  metricModels,
  type ResolvedEvaluation,
  type ResolvedMetric,
  resolveEvaluation,
  type Stores,
} from './resolve-evaluation.ts'
import { scoringErrors } from './resolve-scoring.ts'
import type { Subject } from './score-subject.ts'
import { taskOn } from './scoring-task.ts'

export type EvaluationService = {
  /** Checks the request, then creates the job. */
  start(request: EvaluationRequest, keep?: KeepWith<JobRecord>): Promise<JobRecord>
}

/** Error codes of {@link EvaluationService}. */
export const evaluationErrors = {
  start: [...scoringErrors, ...jobErrors.create],
} as const satisfies Record<keyof EvaluationService, readonly ErrorCode[]>

export function createEvaluationService(stores: Stores, jobs: JobCommands): EvaluationService {
  return {
    async start(request, keep) {
      const { inputIds } = await resolveEvaluation(request, stores)
      return jobs.create({ type: 'evaluation', request, labels: request.labels, inputIds }, keep)
    },
  }
}

/** Returns the runner of evaluations. It reuses kept scores of the same model on the same data with the same settings. */
export function evaluationRunner(
  stores: Stores,
  scores: KeptScores,
  evaluators: EvaluatorPool,
  threads: number,
): JobRunner<'evaluation'> {
  const oneAtATime = keyedQueue()
  return async (request, { id, signal, progress, succeed }) => {
    const resolved = await resolveEvaluation(request, stores)
    const { model, dataset, metrics, limit } = resolved
    const subject: Subject = {
      model: model.sha256,
      dataset: dataset.sha256,
      binding: dataset.binding,
      limit,
      threads,
    }

    const compute = async (missing: readonly ResolvedMetric[]) => {
      const task = {
        ...taskOn(dataset, threads),
        model: model.paths,
        metrics: missing.map(each => each.task),
        limit,
      }
      const evaluator = evaluators.lease()
      try {
        const { metrics: outcomes, ...run } = await evaluator.evaluate(task, signal, (done, total) =>
          progress({ done, total, message: 'samples evaluated' }),
        )
        return { run, outcomes: outcomes.map(({ name: _, ...outcome }) => outcome) }
      } finally {
        await evaluator.end()
      }
    }

    // If two jobs score the same model in the same way, the second one waits and finds the scores of the first.
    const score = () =>
      oneAtATime(JSON.stringify(subject), async () => {
        const known = new Map<string, KeptScore>()
        for (const metric of metrics) {
          const score = await scores.score(subject, metric.identity)
          if (score) known.set(metric.task.name, score)
        }
        const kept = await scores.run(subject)
        const missing = metrics.filter(({ task }) => !known.has(task.name))
        if (missing.length === 0 && kept) return { run: kept, known, cached: true }
        const { run, outcomes } = await compute(missing)
        const computed = await scores.keep(
          [{ subject, run, scores: missing.map(({ identity }, index) => ({ identity, outcome: outcomes[index] })) }],
          id,
        )
        for (const [index, { task }] of missing.entries()) {
          const score = computed[0]?.[index]
          if (score) known.set(task.name, score)
        }
        return { run, known, cached: false }
      })
    const files = [{ label: model.id, ...model.paths }, ...metricModels(metrics)]
    const { run, known, cached } = await stores.models.whileSound(files, signal, () =>
      stores.datasets.whileSound(dataset, signal, score),
    )
    // With kept scores only, no earlier step has reported progress.
    progress({ done: run.samples, total: run.samples, message: 'samples evaluated' })
    const result = resultOf(resolved, run, known, threads, cached)
    await succeed(async () => result)
  }
}

/** Returns a queue that runs calls with the same key one after the other. */
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
  { model, dataset, metrics }: ResolvedEvaluation,
  run: KeptRun,
  known: ReadonlyMap<string, KeptScore>,
  threads: number,
  cached: boolean,
): EvaluationResult {
  const { binding } = dataset
  const named = metrics.map(({ task: { name } }): { name: string; score: KeptScore } => ({
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
    model: { id: model.id, name: model.name, sha256: model.sha256, bytes: model.bytes },
    dataset: { id: dataset.id, name: dataset.name, sha256: dataset.sha256 },
    threads,
    runtime,
    cached,
    ...(perClass.length > 0 ? { perClass } : {}),
    ignored: Object.fromEntries(named.map(({ name, score }) => [name, score.ignored ?? 0])),
    notes: [
      ...guessNotes(dataset.guesses),
      ...named.flatMap(({ name, score }) => (score.note ? [`${name}: ${score.note}`] : [])),
    ],
    binding: {
      inputs: Object.fromEntries(binding.inputs.map(({ input, array }) => [input, array])),
      target: binding.target,
      output: binding.output,
      ...(dataset.guesses.length > 0 ? { guessed: dataset.guesses.map(({ field }) => field) } : {}),
    },
  }
}
