import type { z } from 'zod'

/**
 * One array of a batch, row-major. dims[0] is the number of samples; an array without axes is one sample. `integers`: whether the
 * element type is an integer or bool. `texts`: of strings, the texts that the elements are indices of.
 */
export type Values = {
  dims: readonly number[]
  data: ArrayLike<number>
  integers?: boolean
  texts?: readonly string[]
}

/** What a model answered and what it should have answered, for the same samples in the same order. */
export type Batch = { output: Values; target: Values }

/**
 * `class`: the index of its score, or of outputs that are labels the label. `support`: how many samples, positions or pixels have
 * this class as their target.
 */
export type ClassResult = { class: number | string; value: number; support: number }

/**
 * `value` is NaN where the metric does not exist, such as R² of a single sample; the note then says why.
 * `note`: what was assumed, such as that the outputs are logits.
 */
export type MetricResult = { value: number; perClass?: ClassResult[]; note?: string }

/**
 * Takes a set of samples, batch by batch. How they are split into batches changes nothing about the result, not even a
 * bit. `result` may be asked for at any time, and again after more batches.
 */
export type Accumulator = {
  /**
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if shapes or values do not fit the metric, which ends the accumulator
   */
  add(batch: Batch): void
  /** @throws TureenError `TUREEN_METRIC_MISMATCH` if only the whole set shows that its values do not fit */
  result(): MetricResult
}

/** An accumulator that keeps of each sample what its metric is made of, as little as that takes. */
export type ResamplingAccumulator = Accumulator & {
  /** How many samples are kept: those whose targets are ignored, too. */
  readonly samples: number
  /**
   * The metric of a set in which sample i occurs `counts[i]` times, with all of its positions. What the outputs are taken for
   * (logits, probabilities, labels) is what the set itself shows. NaN where the metric does not exist for such a set.
   *
   * @throws RangeError if there are not as many counts as samples
   * @throws TureenError as `result` does
   */
  resampled(counts: Uint32Array): number
}

/** What is wrong with arrays of certain dims. `message` says it, given what the output and the target are called: their dims. */
export type ShapeProblem = { field: 'output' | 'target'; message(output: string, target: string): string }

/** Whether an output and a target can be compared whose samples have these dims: undefined if so. */
export type ShapeCheck = (output: readonly number[], target: readonly number[]) => ShapeProblem | undefined

/** zod, which metrics are handed and do not import: an evaluator computes them, and would start a third slower with it. */
export type Zod = typeof z

/** A way to score outputs against targets. */
export type Metric<Parameters> = {
  name: string
  description: string
  /** Whether more or less is better. */
  direction: 'max' | 'min'
  /** Whether it is the mean of one value per sample (or per position of a sample), or exists for a whole set only. */
  per: 'sample' | 'set'
  /** What the target must be: classes, numbers to come close to, label maps, or the outputs of a reference model. */
  target: 'classes' | 'values' | 'masks' | 'reference'
  /** Declares a strict object in which everything has a default. */
  parameters(zod: Zod): z.ZodType<Parameters>
  /** The shapes that the accumulators take. */
  shapes: ShapeCheck
  /** The shapes that they take where the outputs are class labels; undefined if the metric needs numbers or scores. */
  labels?: ShapeCheck
  /** @param keep whether to keep samples: without, `resampled` has none, and memory does not grow with the set */
  start(parameters: Parameters, keep: boolean): ResamplingAccumulator
}
