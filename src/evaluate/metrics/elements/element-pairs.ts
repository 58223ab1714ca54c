import { equalDims, sampleCount, showDims, squeezed } from '../dims.ts'
import type { Batch } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/** Output and target of a batch, element by element: `samples` times `size` of them. */
export type ElementPairs = { samples: number; size: number; output: ArrayLike<number>; target: ArrayLike<number> }

/**
 * A batch whose target has the shape of the output. Axes of size 1 do not matter: [n] and [n, 1] hold the same numbers.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if the shapes differ
 */
export function elementPairs(metric: string, batch: Batch): ElementPairs {
  return pairs(metric, batch, (output, target) => equalDims(squeezed(output.slice(1)), squeezed(target.slice(1))))
}

/**
 * A batch whose target is a reference for the output, shape included.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if the shapes differ
 */
export function referencePairs(metric: string, batch: Batch): ElementPairs {
  return pairs(metric, batch, equalDims)
}

function pairs(metric: string, batch: Batch, fits: typeof equalDims): ElementPairs {
  const { output, target } = batch
  const samples = sampleCount(metric, batch)
  if (!fits(output.dims, target.dims)) {
    const message = `the output ${showDims(output.dims)} and the target ${showDims(target.dims)} must have the same shape`
    throw mismatch(metric, 'target', message)
  }
  return { samples, size: samples === 0 ? 0 : output.data.length / samples, output: output.data, target: target.data }
}
