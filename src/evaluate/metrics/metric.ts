import type { z } from 'zod'
import type { Zod } from '../../validation/zod-argument.ts'
import type { Label } from './classes/label.ts'

/**
 * One array of a batch, row-major. dims[0] is the number of samples; an array without axes is one sample. `integers`: true if the element
 * type is an integer or bool. `texts`: for arrays of strings, the texts; the elements are indices of them.
 */
export type Values = {
  dims: readonly number[]
  data: ArrayLike<number>
  integers?: boolean
  texts?: readonly string[]
}

/** A model's output and the target, for the same samples in the same order. */
export type Batch = { output: Values; target: Values }

/**
 * The score of one class. `class`: its value in the targets if the request names the classes, its label if the outputs are labels, otherwise
 * its index among the scores. `support`: number of samples,
 * positions or pixels whose target is this class.
 */
export type ClassResult = { class: number | string; value: number; support: number }

/**
 * The score of a set. `value`: NaN if it is not defined, such as R² of a single sample. `note`: the reason for that, or an assumption, such
 * as outputs that were read as logits.
 */
export type MetricResult = { value: number; perClass?: ClassResult[]; note?: string }

/** The targets of a set that count, and those that are ignored. A target is one sample, position or pixel. */
export type CountedTargets = {
  readonly total: { all: number; ignored: number }
  /** The ignored targets in words; undefined if all targets count. */
  readonly note: string | undefined
}

/**
 * Computes the score of a set of samples, batch by batch. The result has the same bits for every split into batches. `result` may be called
 * at any time, and again after more batches.
 */
export type Accumulator = {
  /** The targets so far, for metrics of classes and masks. Other metrics leave out no target. */
  readonly targets?: CountedTargets
  /**
   * Refuses a complete set whose score would mislead: one of which too much is ignored, or whose outputs have two readings.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` with the choice
   */
  requireClear?(): void
  /**
   * Adds a batch.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if shapes or values do not fit the metric; the accumulator is then unusable
   */
  add(batch: Batch): void
  /** Returns the score of all samples so far. @throws TureenError `TUREEN_METRIC_MISMATCH` if only the whole set shows a misfit */
  result(): MetricResult
}

/**
 * The class of the target and the predicted class of each sample, in order. A target is null if it does not count; a prediction is null if it
 * is none of the classes.
 */
export type SamplePredictions = { targets: readonly (Label | null)[]; predictions: readonly (Label | null)[] }

/** An accumulator that keeps a compact form of each sample, to score resamples. */
export type ResamplingAccumulator = Accumulator & {
  /** Number of kept samples, including those with ignored targets. */
  readonly samples: number
  /**
   * Returns the score of a set in which sample i occurs `counts[i]` times, with all of its positions; NaN if it is not defined. The original
   * set decides whether the outputs are logits, probabilities or labels.
   *
   * @throws RangeError if there are not as many counts as samples
   * @throws TureenError as `result` does
   */
  resampled(counts: Uint32Array): number
  /** Metrics that count predicted classes: returns those of the kept samples; undefined if a sample has several targets. */
  predictions?(): SamplePredictions | undefined
}

/** A problem of shapes. `message` returns it in words, given the names of output and target, such as their dims. */
export type ShapeProblem = { field: 'output' | 'target'; message(output: string, target: string): string }

/** Returns the problem of comparing an output with a target whose samples have these dims; undefined if they fit. */
export type ShapeCheck = (output: readonly number[], target: readonly number[]) => ShapeProblem | undefined

/** A scoring metric: compares outputs with targets. */
export type Metric<Parameters> = {
  name: string
  description: string
  /** Direction in which scores are better. */
  direction: 'max' | 'min'
  /** `sample`: the mean of one value per sample, or per position of a sample. `set`: one value of the whole set. */
  per: 'sample' | 'set'
  /** Kind of the target: classes, numbers, label maps, or the outputs of a reference model. */
  target: 'classes' | 'values' | 'masks' | 'reference'
  /** Declares a strict object in which everything has a default. */
  parameters(zod: Zod): z.ZodType<Parameters>
  /** The shapes that the accumulators take. */
  shapes: ShapeCheck
  /** The shapes that they take where the outputs are class labels; undefined if the metric needs numbers or scores. */
  labels?: ShapeCheck
  /** The way in which a finite score takes NaN and infinity, for notes; undefined if they always give a score that is not finite. */
  nonFinite?: string
  /** @param keep true to keep samples. Otherwise `resampled` has none, and memory does not grow with the set */
  start(parameters: Parameters, keep: boolean): ResamplingAccumulator
}
