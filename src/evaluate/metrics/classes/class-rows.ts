import { constantOverBatches, elementCount, sampleCount, showDims } from '../batch-dims.ts'
import type { Batch, Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { holdsLabels, labelsRefused } from './class-labels.ts'
import { type ClassLayout, classLayout } from './class-layout.ts'
import type { ClassParameters } from './class-parameters.ts'

const ignored = -1

/** A batch as rows of scores, one row for each sample or position, each with its target class. */
export type ClassRows = {
  /** Number of scores in a row; 1 for a binary head, which tells class 1 from class 0. */
  classes: number
  samples: number
  /** Number of rows of one sample. The rows of a sample are consecutive. */
  positions: number
  scores: ArrayLike<number>
  /** Returns the index in `scores` of class 0 of a row. Class c is at `c * step` after it. */
  start(row: number): number
  step: number
  /** Target class of each row; -1 for rows that do not count. */
  targets: Int32Array
}

/**
 * Returns a reader of the batches of one set, for a scoring metric of classes. {@link classLayout} lists the shapes.
 *
 * The reader throws TureenError `TUREEN_METRIC_MISMATCH` if
 *
 * - the outputs are labels
 * - shapes do not fit
 * - batches have different numbers of classes
 * - a target is not a class of the output
 * - a one-hot row is not one 1 among zeros
 */
export function classReader(metric: string, { ignoreIndex, from }: ClassParameters): (batch: Batch) => ClassRows {
  const requireConstant = constantOverBatches(metric, 'classes')
  let samplesBefore = 0
  return batch => {
    const samples = sampleCount(metric, batch)
    if (holdsLabels(batch, from)) throw labelsRefused(metric)
    if (batch.target.texts)
      throw mismatch(metric, 'target', 'the target holds texts, and scores are compared with class indices', {
        expected: 'class indices',
        actual: 'texts',
      })
    const layout = classLayout(metric, batch)
    requireConstant(layout.classes)
    const place = (row: number) => `sample ${samplesBefore + Math.floor(row / layout.positions)}`
    const classes = layout.target === 'oneHot' ? oneHotClasses : indexClasses
    const targets = classes(metric, batch.target, layout, ignoreIndex, place)
    samplesBefore += samples
    const { positions } = layout
    return {
      classes: layout.classes,
      samples,
      positions,
      scores: batch.output.data,
      targets,
      ...addressing(layout),
    }
  }
}

/**
 * Calls `visit` for each row that counts, in order, with its start in `scores` and its target. Calls `endSample` after the rows of a
 * sample.
 */
export function forEachRow(
  { samples, positions, start, targets }: ClassRows,
  visit: (start: number, target: number) => void,
  endSample?: () => void,
): void {
  for (let sample = 0; sample < samples; sample += 1) {
    for (let row = sample * positions; row < (sample + 1) * positions; row += 1) {
      const target = targets[row] ?? ignored
      if (target !== ignored) visit(start(row), target)
    }
    endSample?.()
  }
}

function addressing({ classes, positions, classAxis }: ClassLayout): Pick<ClassRows, 'start' | 'step'> {
  if (classAxis === 'last' || positions === 1) return { start: row => row * classes, step: 1 }
  return {
    start(row) {
      const position = row % positions
      return (row - position) * classes + position
    },
    step: positions,
  }
}

type RowPlace = (row: number) => string

function indexClasses(
  metric: string,
  { data }: Values,
  { classes }: ClassLayout,
  ignoreIndex: number,
  place: RowPlace,
): Int32Array {
  const classCount = Math.max(2, classes)
  const targets = new Int32Array(data.length)
  for (let row = 0; row < data.length; row += 1) {
    const target = data[row] ?? 0
    if (target === ignoreIndex) targets[row] = ignored
    else if (Number.isInteger(target) && target >= 0 && target < classCount) targets[row] = target
    else throw noClass(metric, target, classes, place(row))
  }
  return targets
}

function noClass(metric: string, target: number, classes: number, place: string) {
  const range =
    classes === 1 ? 'the binary head has the classes 0 and 1' : `the output has the classes 0 to ${classes - 1}`
  const kind = Number.isInteger(target) ? 'a class of the output' : 'an integer, as class indices are'
  return mismatch(metric, 'target', `the target of ${place} is ${target}, which is not ${kind}: ${range}`, {
    expected: classes === 1 ? '0 or 1' : `0 to ${classes - 1}`,
    actual: `${target}`,
  })
}

function oneHotClasses(
  metric: string,
  { dims, data }: Values,
  { classes }: ClassLayout,
  ignoreIndex: number,
  place: RowPlace,
): Int32Array {
  const targets = new Int32Array(elementCount(dims) / classes)
  for (let row = 0; row < targets.length; row += 1) {
    let ones = 0
    let zeros = 0
    let hot = 0
    for (let c = 0; c < classes; c += 1) {
      const value = data[row * classes + c]
      if (value === 0) zeros += 1
      if (value !== 1) continue
      ones += 1
      hot = c
    }
    if (ones !== 1 || zeros !== classes - 1) {
      const message = `the target ${showDims(dims)} has the shape of one-hot rows, but that of ${place(row)} is not one 1 among zeros; labels of which several may hold are not supported`
      throw mismatch(metric, 'target', message)
    }
    targets[row] = hot === ignoreIndex ? ignored : hot
  }
  return targets
}
