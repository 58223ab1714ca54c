import { elementCount, equalDims, showDims, squeezed } from '../dims.ts'
import type { Batch } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/**
 * Where an output has its scores and how the target writes classes. A row is the scores of one sample, or of one
 * position of a sample (a token, a pixel).
 */
export type ClassLayout = {
  /** 1: a binary head, whose one score speaks for class 1 against class 0. */
  classes: number
  /** Rows of one sample. */
  positions: number
  /** Where the classes lie among the axes of one sample. */
  classAxis: 'first' | 'last'
  target: 'indices' | 'oneHot'
}

/**
 * Reads the layout off the dims, without the samples' axis:
 *
 * | output | target | |
 * |---|---|---|
 * | `[]`, `[1]` | `[]`, `[1]` | binary head |
 * | `[C]`; also `[C, 1, 1]` | `[]`, `[1]` | class indices |
 * | `[C]` | `[C]` | one-hot rows |
 * | `[C, d1, ...]`, as in PyTorch | `[d1, ...]`, `[1, d1, ...]` | class indices of positions |
 * | `[d1, ..., C]` | `[d1, ...]` | class indices of positions |
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if none of these fits, or two do that differ
 */
export function classLayout(metric: string, batch: Batch): ClassLayout {
  const output = batch.output.dims.slice(1)
  const target = batch.target.dims.slice(1)
  const layout = readLayout(output, target)
  const found = `output ${showDims(batch.output.dims)}, target ${showDims(batch.target.dims)}`
  if (layout === 'ambiguous') {
    const message = `the classes may lie on axis 1 or on the last axis, both fit (${found}); transpose the output, or flatten the positions into samples`
    throw mismatch(metric, 'output', message)
  }
  if (!layout || layout.classes === 0) {
    const expected =
      'an output of [n] or [n, 1] (binary head), or [n, C] with classes [n], [n, 1] or one-hot [n, C]; for positions, an output of [n, C, d1, ...] or [n, d1, ..., C] with classes [n, d1, ...]'
    throw mismatch(metric, 'target', `the shapes do not fit: ${found}; expected ${expected}`)
  }
  return layout
}

function readLayout(output: readonly number[], target: readonly number[]): ClassLayout | 'ambiguous' | undefined {
  if (elementCount(target) === 1) {
    const [classes = 1, ...more] = squeezed(output)
    return more.length > 0 ? undefined : { classes, positions: 1, classAxis: 'last', target: 'indices' }
  }
  const positions = elementCount(target)
  if (output.length === target.length) {
    const [classes = 0, ...outputPositions] = output
    const [channel, ...targetPositions] = target
    if (outputPositions.length === 0)
      return equalDims(output, target) ? { classes, positions: 1, classAxis: 'last', target: 'oneHot' } : undefined
    if (channel !== 1 || !equalDims(outputPositions, targetPositions)) return undefined
    // [1, L] for both is a binary head at L positions, and just as well one row of L classes and its one-hot target.
    if (classes === 1 && outputPositions.length === 1) return 'ambiguous'
    return { classes, positions, classAxis: 'first', target: 'indices' }
  }
  if (output.length !== target.length + 1) return undefined
  const first = equalDims(output.slice(1), target)
  const last = equalDims(output.slice(0, -1), target)
  if (first && last) return 'ambiguous'
  if (first) return { classes: output[0] ?? 0, positions, classAxis: 'first', target: 'indices' }
  if (last) return { classes: output.at(-1) ?? 0, positions, classAxis: 'last', target: 'indices' }
  return undefined
}
