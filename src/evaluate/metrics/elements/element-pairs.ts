import { equalDims, sampleCount, shapeMismatch, squeezed } from '../batch-dims.ts'
import type { Batch, ShapeCheck, ShapeProblem } from '../metric.ts'

/** Output and target of a batch, element by element. `size`: number of elements of one sample. */
export type ElementPairs = { samples: number; size: number; output: ArrayLike<number>; target: ArrayLike<number> }

const unequal: ShapeProblem = {
  field: 'target',
  message: (output, target) => `the output ${output} and the target ${target} must have the same shape`,
}

/** Checks the shapes for a metric of values. Axes of size 1 do not matter: [n] and [n, 1] hold the same numbers. */
export const valueShapes: ShapeCheck = (output, target) =>
  equalDims(squeezed(output), squeezed(target)) ? undefined : unequal

/** Checks the shapes for a metric whose target is a reference: they must be equal. */
export const referenceShapes: ShapeCheck = (output, target) => (equalDims(output, target) ? undefined : unequal)

/**
 * Returns the elements of a batch whose output and target have equal shapes, apart from axes of size 1.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if the shapes differ
 */
export function elementPairs(metric: string, batch: Batch): ElementPairs {
  const samples = sampleCount(metric, batch)
  const problem = valueShapes(batch.output.dims.slice(1), batch.target.dims.slice(1))
  if (problem) throw shapeMismatch(metric, batch, problem)
  return pairs(samples, batch)
}

/**
 * Returns the elements of a batch whose output and target have equal shapes.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if the shapes differ
 */
export function referencePairs(metric: string, batch: Batch): ElementPairs {
  const samples = sampleCount(metric, batch)
  const problem = referenceShapes(batch.output.dims, batch.target.dims)
  if (problem) throw shapeMismatch(metric, batch, problem)
  return pairs(samples, batch)
}

function pairs(samples: number, { output, target }: Batch): ElementPairs {
  return { samples, size: samples === 0 ? 0 : output.data.length / samples, output: output.data, target: target.data }
}
