import { sampleCount, shapeMismatch } from '../batch-dims.ts'
import type { Batch, SamplePredictions } from '../metric.ts'
import type { ClassCounts } from './class-counts.ts'
import { labelShapes, labelsOf } from './class-labels.ts'
import type { Label } from './label.ts'

/** The counts of outputs that are class labels. */
export type LabelCounts = {
  /** Counts the labels of a batch. @throws TureenError `TUREEN_METRIC_MISMATCH` if output and target cannot be compared */
  add(batch: Batch): void
  readonly samples: number
  readonly counts: ClassCounts
  /** Returns the counts of a resample, as `ClassTally.resampled` does. */
  resampled(counts: Uint32Array): ClassCounts
  /** Returns the labels of the kept samples; undefined if a sample has several targets. */
  predictions(): SamplePredictions | undefined
  /** The reading of the outputs, for the result. */
  readonly note: string
}

/**
 * Calls `visit` for each predicted label and its target, and `endSample` after those of a sample. `sample` is the index in the batch.
 * Returns the number of samples.
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if there is not one label for each target
 */
export function labelPairs(
  metric: string,
  batch: Batch,
  visit: (predicted: Label, wanted: Label, sample: number) => void,
  endSample: () => void,
): number {
  const { output, target } = batch
  const samples = sampleCount(metric, batch)
  const problem = labelShapes(output.dims.slice(1), target.dims.slice(1))
  if (problem) throw shapeMismatch(metric, batch, problem)
  const [predicted, wanted] = [labelsOf(output), labelsOf(target)]
  const positions = samples === 0 ? 0 : target.data.length / samples
  for (let sample = 0; sample < samples; sample += 1) {
    for (let at = sample * positions; at < (sample + 1) * positions; at += 1) visit(predicted(at), wanted(at), sample)
    endSample()
  }
  return samples
}
