import { z } from 'zod'
import { problemCause } from '../../../schemas/problem.ts'
import { type ProblemItem, TureenError } from '../../errors.ts'
import { reportableErrors } from '../evaluator-errors.ts'
import type { Mistakes } from '../mistakes.ts'
import type { ComparisonOutcome, EvaluationOutcome, Measurement, MetricOutcome } from '../protocol.ts'
import { mostCauses, mostCauseText, mostDetail } from './answer-limits.ts'
import { Misfit } from './frames.ts'

/*
 * Reads the answers of evaluators. A model may have taken over the evaluator that runs it, so everything in an answer is checked.
 */

/** A number of a result; as a text if JSON cannot hold it. */
const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity', '-0']).transform(Number)])
const count = z.int().nonnegative()
const duration = z.number().nonnegative()

const metricOutcome = z.strictObject({
  name: z.string(),
  value: number,
  perClass: z
    .array(z.strictObject({ class: z.union([z.number(), z.string()]), value: number, support: count }))
    .exactOptional(),
  note: z.string().exactOptional(),
  ignored: count,
})

const evaluated = z.strictObject({
  type: z.literal('evaluated'),
  outcome: z.strictObject({
    metrics: z.array(metricOutcome),
    samples: count,
    notANumber: count,
    seconds: duration,
    latency: z.strictObject({ median: duration, p95: duration }),
  }),
})

const compared = z.strictObject({
  type: z.literal('compared'),
  outcome: z.strictObject({
    metrics: z.array(metricOutcome),
    notANumber: z.array(count),
    samples: count,
    interval: z.tuple([number, number]).nullable(),
    leftOut: count,
    gains: z.array(number).nullable(),
  }),
})

const label = z.union([z.number(), z.string()])
const mistaken = z.strictObject({
  type: z.literal('mistaken'),
  outcome: z.strictObject({
    isTold: z.boolean(),
    samples: count,
    newlyRight: count,
    newlyWrong: count,
    listed: z.array(z.tuple([count, label, label.nullable(), label.nullable()])),
  }),
})

const measured = z.strictObject({
  type: z.literal('measured'),
  outcome: z.strictObject({
    samples: count,
    passes: count,
    layers: z.array(
      z.strictObject({
        node: z.string(),
        channels: count,
        meanShift: z.number().nullable(),
        varianceRatio: z.number().nullable(),
      }),
    ),
    left: z.array(z.strictObject({ node: z.string(), reason: z.string() })),
    values: z.array(z.strictObject({ path: z.string(), bytes: count })),
  }),
})

const text = z.string().max(mostCauseText)
const causeShape = z
  .strictObject(problemCause.shape)
  .refine(cause => Object.keys(cause).length > 1)
  .refine(cause => Object.values(cause).every(value => text.safeParse(value).success))
const problem = z.strictObject({
  code: z.enum(reportableErrors),
  detail: z.string().max(mostDetail),
  errors: z.array(z.custom<ProblemItem>(cause => causeShape.safeParse(cause).success)).max(mostCauses),
})

const progress = z.tuple([count, count]).refine(([done, total]) => done <= total)

/** Reads the number of samples so far, and the number of all. @throws Misfit */
export function readProgress(payload: Buffer): [done: number, total: number] {
  return checked(progress, payload, 'progress')
}

/** Reads a problem as the error that the job fails with. @throws Misfit */
export function readProblem(payload: Buffer): TureenError {
  return TureenError.fromProblem(checked(problem, payload, 'problem'))
}

/** Reads the result of an evaluation. @param metrics names of the scoring metrics that were asked for. @throws Misfit */
export function readEvaluated(body: Buffer, metrics: readonly string[]): EvaluationOutcome {
  const { json, bulk } = split(body)
  requireNoMore(bulk)
  return readScored(json, metrics)
}

/** Reads the outcome of a candidate, as {@link readEvaluated} does. */
export function readScored(json: Buffer, metrics: readonly string[]): EvaluationOutcome {
  const { outcome } = checked(evaluated, json, 'result')
  requireScores(outcome.metrics, metrics)
  return outcome
}

/**
 * Reads the result of a comparison.
 * @param metrics name of the scoring metric, once for each model
 * @param gains number of gains that were asked for; 0 for none
 * @throws Misfit
 */
export function readCompared(body: Buffer, metrics: readonly string[], gains: number): ComparisonOutcome {
  const { json, bulk } = split(body)
  const { outcome } = checked(compared, json, 'result')
  requireScores(outcome.metrics, metrics)
  if (outcome.notANumber.length !== metrics.length) throw new Misfit('counted NaN for another number of models')
  if (outcome.gains && outcome.gains.length !== gains)
    throw new Misfit('sent another number of gains than it was asked for')
  requireNoMore(bulk)
  return outcome
}

/** Reads the mistakes of two models. @param most most samples to list. @throws Misfit */
export function readMistaken(body: Buffer, most: number): Mistakes {
  const { json, bulk } = split(body)
  const { outcome } = checked(mistaken, json, 'result')
  const { samples, newlyRight, newlyWrong, listed } = outcome
  if (listed.length !== Math.min(most, newlyRight + newlyWrong) || newlyRight + newlyWrong > samples)
    throw new Misfit('listed another number of samples than it counted')
  let last = -1
  for (const [sample, target, winner, bestSingle] of listed) {
    const isInOrder = sample > last && sample < samples
    if (!isInOrder || (winner === target) === (bestSingle === target))
      throw new Misfit('listed samples that are no mistakes, or that are out of order')
    last = sample
  }
  requireNoMore(bulk)
  return outcome
}

/** Reads the result of a measurement. The values are copies, so that the body can go. @throws Misfit */
export function readMeasured(body: Buffer): Measurement {
  const { json, bulk } = split(body)
  const { outcome } = checked(measured, json, 'result')
  const values = new Map<string, Uint8Array<ArrayBuffer>>()
  let at = 0
  for (const { path, bytes } of outcome.values) {
    if (at + bytes > bulk.byteLength) throw new Misfit('sent fewer bytes of statistics than it announced')
    values.set(path, Uint8Array.from(bulk.subarray(at, at + bytes)))
    at += bytes
  }
  requireNoMore(bulk.subarray(at))
  return { ...outcome, values }
}

/** Splits a body into its JSON and the bytes behind it. */
function split(body: Buffer): { json: Buffer; bulk: Buffer } {
  const length = body.byteLength < 4 ? Number.POSITIVE_INFINITY : body.readUInt32LE()
  if (length > body.byteLength - 4) throw new Misfit('sent a result that is shorter than it announced')
  return { json: body.subarray(4, 4 + length), bulk: body.subarray(4 + length) }
}

function requireScores(scores: readonly MetricOutcome[], names: readonly string[]): void {
  if (scores.length !== names.length || scores.some(({ name }, index) => name !== names[index]))
    throw new Misfit('scored by other metrics than it was asked for')
}

function requireNoMore(bulk: Buffer): void {
  if (bulk.byteLength > 0) throw new Misfit(`sent ${bulk.byteLength} bytes more than its result has`)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Parses JSON by a schema. The message has none of the bytes: they may be anything. @throws Misfit */
function checked<Value>(schema: z.ZodType<Value>, json: Buffer, what: string): Value {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(json))
  } catch {
    throw new Misfit(`wrote a ${what} that is no JSON`)
  }
  const found = schema.safeParse(value)
  if (!found.success) throw new Misfit(`wrote a ${what} that does not fit its schema`)
  return found.data
}
