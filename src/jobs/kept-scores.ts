import { createHash } from 'node:crypto'
import { z } from 'zod'
import packageJson from '../../package.json' with { type: 'json' }
import { digest, id, timestamp } from '../../schemas/common.ts'
import type { Mistakes } from '../evaluate/mistakes.ts'
import type { ComparisonOutcome, GainTask, MetricOutcome } from '../evaluate/protocol.ts'
import type { Page } from '../storage/paging.ts'
import type { ScoreEntry, Scores } from '../storage/scores.ts'
import { type OutsideScore, outsideScore } from './external/outside-scores.ts'
import { modelsOf, type Subject } from './score-subject.ts'

/** Increase it when the same model on the same data may get other scores than before. */
const scoringVersion = 4

export const runtime = `onnxruntime-node ${packageJson.dependencies['onnxruntime-node']}`

const keptRun = z.object({
  samples: z.number(),
  notANumber: z.number(),
  seconds: z.number(),
  latency: z.object({ median: z.number(), p95: z.number() }),
})
const keptScore = z.object({
  value: z.number().nullable(),
  perClass: z
    .array(z.object({ class: z.union([z.number(), z.string()]), value: z.number().nullable(), support: z.number() }))
    .optional(),
  note: z.string().optional(),
  // Scores that version 3 kept have none.
  ignored: z.number().optional(),
})

export type KeptRun = z.infer<typeof keptRun>
/** The outcome of a scoring metric as JSON. `value`: null for NaN and infinity. */
export type KeptScore = z.infer<typeof keptScore>

const metricIdentity = z.union([
  z.object({ metric: z.string(), parameters: z.record(z.string(), z.unknown()) }),
  z.object({ model: z.string() }),
])
const keptModelScore = z.object({
  subject: z.object({
    dataset: digest,
    binding: z.object({
      inputs: z.array(z.object({ input: z.string(), array: z.string() })),
      target: z.string().nullable(),
      output: z.string().nullable(),
      batchSize: z.number(),
    }),
    limit: z.number().nullable(),
    threads: z.number(),
    metric: metricIdentity,
    samples: z.number(),
  }),
  value: keptScore,
  jobId: id.nullable(),
  createdAt: timestamp,
})

/** A kept score of a model, with its subject. */
export type KeptModelScore = z.infer<typeof keptModelScore>

const keptComparison = z.object({
  values: z.array(z.number().nullable()),
  notANumber: z.array(z.number()),
  notes: z.array(z.string().nullable()),
  samples: z.number(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  leftOut: z.number(),
  ignored: z.number(),
  gains: z.array(z.number().nullable()).nullable().exactOptional(),
})

/**
 * Scores of several models by one scoring metric, and the interval of the difference between two of them. `notANumber`: number of NaN
 * among the scored outputs of each model. `notes`: assumption of the scoring of each model; null if there is none. `leftOut`: number of resamples that the interval leaves out.
 * `ignored`: number of targets that the scores leave out. `gains`: those of {@link ComparisonOutcome}, null for NaN; absent if not asked for.
 */
export type KeptComparison = z.infer<typeof keptComparison>

const classLabel = z.union([z.number(), z.string()])
const keptMistakes = z.object({
  isTold: z.boolean(),
  samples: z.number(),
  newlyRight: z.number(),
  newlyWrong: z.number(),
  listed: z.array(z.tuple([z.number(), classLabel, classLabel.nullable(), classLabel.nullable()])),
})

/** Everything that the mistakes of a model against another depend on: both subjects, and the metric that predicts the classes. */
export type MistakesKey = { subjects: readonly Subject[]; metric: unknown }

export type NewScores = {
  subject: Subject
  run: KeptRun
  scores: { identity: unknown; outcome: ScoreOutcome | undefined }[]
}

type ScoreOutcome = Omit<MetricOutcome, 'name'>

/** Everything that a comparison of several models by one scoring metric depends on. */
export type ComparisonKey = {
  subjects: readonly Subject[]
  metric: unknown
  /** Indices of the two subjects whose difference has an interval. */
  compared: [number, number]
  bootstrap: unknown
  /** For the objective of several terms. Absent without one, so that comparisons of earlier versions are found. */
  gains?: GainTask
}

/** The subject, the scoring metric and the number of samples of a soup's score. */
export type SoupScore = { subject: Subject; metric: unknown; samples: number }

/** A kept score with the facts of its run. `jobId`: the job that computed it. */
export type FoundScore = { score: KeptScore; jobId: string | null; run: KeptRun }

/** A kept score of a scorer outside of the server. `jobId`: the search that asked for it. */
export type FoundOutside = { score: OutsideScore; jobId: string | null }

/** Kept scores. Everything that could change a score is part of its key. */
export type KeptScores = {
  score(subject: Subject, metric: unknown): Promise<(KeptScore & { jobId: string | null }) | undefined>
  run(subject: Subject): Promise<KeptRun | undefined>
  /** Returns the scores of many subjects by one scoring metric, in order; undefined for those that are not kept. */
  find(subjects: readonly Subject[], metric: unknown): Promise<(FoundScore | undefined)[]>
  /** Returns a digest of everything that the scores of these subjects by one scoring metric depend on. */
  fingerprint(subjects: readonly Subject[], metric: unknown): string
  /** Keeps the scores that a job has computed. @returns the kept scores, in order */
  keep(computed: readonly NewScores[], jobId: string): Promise<KeptScore[][]>
  /** Returns the scores of scorers outside of the server by their keys, in order; undefined for those that are not kept. */
  outside(keys: readonly string[]): Promise<(FoundOutside | undefined)[]>
  comparison(key: ComparisonKey): Promise<KeptComparison | undefined>
  /** Keeps a comparison, and the scores of each model in it. */
  keepComparison(key: ComparisonKey, outcome: ComparisonOutcome, jobId: string): Promise<KeptComparison>
  mistakes(key: MistakesKey): Promise<Mistakes | undefined>
  keepMistakes(key: MistakesKey, mistakes: Mistakes, jobId: string): Promise<void>
  /**
   * Lists the scores of a soup as scores of the model that was made from it. An evaluation of that model does not reuse them, since the
   * model's bytes differ from the scored ones.
   * @param model digest of the model
   */
  adopt(model: string, scores: readonly SoupScore[], jobId: string): Promise<void>
  /** Returns scores of the model with this digest, newest first. Soups that a search did not store have none. */
  list(model: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<KeptModelScore>>
}

export function createKeptScores(scores: Scores): KeptScores {
  const comparisonParts = (key: ComparisonKey) => ({ version: scoringVersion, comparison: key, runtime })
  const mistakesParts = (key: MistakesKey) => ({ version: scoringVersion, mistakes: key, runtime })
  const partsOf = (subject: Subject) => ({ version: scoringVersion, ...subject, runtime })
  const entryOf = ({ subject, metric, samples }: SoupScore, value = keptOutcome(undefined)): ScoreEntry => ({
    parts: { ...partsOf(subject), metric },
    models: modelsOf(subject),
    value,
    ...(typeof subject.model === 'string'
      ? { listed: { model: subject.model, subject: { ...subject, metric, samples } } }
      : {}),
  })
  return {
    async score(subject, metric) {
      const kept = await scores.get({ ...partsOf(subject), metric })
      const score = keptScore.safeParse(kept?.value)
      return score.success && kept ? { ...score.data, jobId: kept.jobId } : undefined
    },
    async run(subject) {
      return keptRun.safeParse((await scores.get(partsOf(subject)))?.value).data
    },
    async find(subjects, metric) {
      const values = await scores.find(
        subjects.flatMap(subject => {
          const parts = partsOf(subject)
          return [{ ...parts, metric }, parts]
        }),
      )
      return subjects.map((_, index) => {
        const kept = values[2 * index]
        const score = keptScore.safeParse(kept?.value)
        const run = keptRun.safeParse(values[2 * index + 1]?.value)
        return kept && score.success && run.success
          ? { score: score.data, jobId: kept.jobId, run: run.data }
          : undefined
      })
    },
    fingerprint(subjects, metric) {
      const parts = subjects.map(subject => ({ ...partsOf(subject), metric }))
      return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
    },
    async keep(computed, jobId) {
      const kept = computed.map(each => each.scores.map(({ outcome }) => keptOutcome(outcome)))
      const entries = computed.flatMap(({ subject, run, scores: outcomes }, at) => [
        ...outcomes.map(({ identity }, index) =>
          entryOf({ subject, metric: identity, samples: run.samples }, kept[at]?.[index]),
        ),
        { parts: partsOf(subject), models: modelsOf(subject), value: run },
      ])
      await scores.put(entries, jobId)
      return kept
    },
    async outside(keys) {
      const found = await scores.findKeys(keys)
      return found.map(kept => {
        const score = outsideScore.safeParse(kept?.value)
        return kept && score.success ? { score: score.data, jobId: kept.jobId } : undefined
      })
    },
    async list(model, page) {
      const { items, nextCursor } = await scores.list(model, page)
      return { items: items.flatMap(item => keptModelScore.safeParse(item).data ?? []), nextCursor }
    },
    async comparison(key) {
      return keptComparison.safeParse((await scores.get(comparisonParts(key)))?.value).data
    },
    async keepComparison(key, { metrics, notANumber, samples, interval, leftOut, gains }, jobId) {
      const outcomes = metrics.map(({ name: _, ...outcome }) => keptOutcome(outcome))
      const value: KeptComparison = {
        values: outcomes.map(({ value }) => value),
        notes: outcomes.map(({ note = null }) => note),
        notANumber,
        samples,
        interval,
        leftOut,
        ignored: outcomes[0]?.ignored ?? 0,
        ...(key.gains ? { gains: gains?.map(finite) ?? null } : {}),
      }
      const entries = key.subjects.map((subject, at) => entryOf({ subject, metric: key.metric, samples }, outcomes[at]))
      const models = [...new Set(key.subjects.flatMap(modelsOf))]
      await scores.put([{ parts: comparisonParts(key), models, value }, ...entries], jobId)
      return value
    },
    async mistakes(key) {
      return keptMistakes.safeParse((await scores.get(mistakesParts(key)))?.value).data
    },
    async keepMistakes(key, value, jobId) {
      const models = [...new Set(key.subjects.flatMap(modelsOf))]
      await scores.put([{ parts: mistakesParts(key), models, value }], jobId)
    },
    async adopt(model, soups, jobId) {
      const entries: ScoreEntry[] = []
      for (const { subject, metric, samples } of soups) {
        const parts = { ...partsOf(subject), metric }
        const kept = await scores.get(parts)
        const listed = { model, subject: { ...subject, metric, samples } }
        if (kept) entries.push({ parts, models: modelsOf(subject), value: kept.value, listed })
      }
      await scores.put(entries, jobId)
    },
  }
}

function keptOutcome(outcome: ScoreOutcome | undefined): KeptScore {
  const { value = Number.NaN, perClass, note, ignored } = outcome ?? {}
  return {
    value: finite(value),
    ...(perClass ? { perClass: perClass.map(each => ({ ...each, value: finite(each.value) })) } : {}),
    ...(note === undefined ? {} : { note }),
    ...(ignored === undefined ? {} : { ignored }),
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
