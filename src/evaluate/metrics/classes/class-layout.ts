import { elementCount, equalDims, shapeMismatch, squeezed } from '../batch-dims.ts'
import type { Batch, ShapeCheck, ShapeProblem } from '../metric.ts'

/**
 * The places of the scores in an output, and the form of the target's classes. A row holds the scores of one sample, or of one position of
 * a sample, such as a token or a pixel.
 */
export type ClassLayout = {
  /** Number of classes; 1 for a binary head, whose score tells class 1 from class 0. */
  classes: number
  /** Number of rows of one sample. */
  positions: number
  /** Axis of the classes among the axes of one sample. */
  classAxis: 'first' | 'last'
  target: 'indices' | 'oneHot'
}

/**
 * Returns the layout for the dims of output and target. The table shows them without the sample axis:
 *
 * | output | target | |
 * |---|---|---|
 * | `[]`, `[1]` | `[]`, `[1]` | binary head |
 * | `[C]`; also `[C, 1, 1]` | `[]`, `[1]` | class indices |
 * | `[C]` | `[C]` | one-hot rows |
 * | `[C, d1, ...]`, as in PyTorch | `[d1, ...]`, `[1, d1, ...]` | class indices of positions |
 * | `[d1, ..., C]` | `[d1, ...]` | class indices of positions |
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if none of these fits, or two different ones do
 */
export function classLayout(metric: string, batch: Batch): ClassLayout {
  const layout = layoutOrProblem(batch.output.dims.slice(1), batch.target.dims.slice(1))
  if ('message' in layout) throw shapeMismatch(metric, batch, layout)
  return layout
}

/** Checks the shapes for a metric that takes every {@link ClassLayout}. */
export const classShapes: ShapeCheck = (output, target) => {
  const layout = layoutOrProblem(output, target)
  return 'message' in layout ? layout : undefined
}

/** The problem of a binary head with a metric that needs one score for each class. */
export const oneScoreASample: ShapeProblem = {
  field: 'output',
  message: output => `the output ${output} has one score a sample; the metric needs one for each class`,
}

/** Checks the shapes for a metric that takes every {@link ClassLayout} except a binary head. */
export const scorePerClassShapes: ShapeCheck = (output, target) => {
  const layout = layoutOrProblem(output, target)
  if ('message' in layout) return layout
  return layout.classes === 1 ? oneScoreASample : undefined
}

const ambiguous: ShapeProblem = {
  field: 'output',
  message: (output, target) =>
    `the classes may lie on axis 1 or on the last axis, both fit (output ${output}, target ${target}); transpose the output, or flatten the positions into samples`,
}

const unfit: ShapeProblem = {
  field: 'target',
  message: (output, target) =>
    `the shapes do not fit: output ${output}, target ${target}; expected an output of [n] or [n, 1] (binary head), or [n, C] with classes [n], [n, 1] or one-hot [n, C]; for positions, an output of [n, C, d1, ...] or [n, d1, ..., C] with classes [n, d1, ...]`,
}

function layoutOrProblem(output: readonly number[], target: readonly number[]): ClassLayout | ShapeProblem {
  const layout = readLayout(output, target)
  if (layout === 'ambiguous') return ambiguous
  return !layout || layout.classes === 0 ? unfit : layout
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
    // [1, L] for both may be a binary head at L positions, or one row of L classes and its one-hot target.
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
