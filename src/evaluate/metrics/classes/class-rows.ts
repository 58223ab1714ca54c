import { constantOverBatches, elementCount, sampleCount, showDims } from '../batch-dims.ts'
import type { Batch, Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { holdsLabels, labelsOf, labelsRefused, unnamedTexts } from './class-labels.ts'
import { type ClassLayout, classLayout } from './class-layout.ts'
import { type ClassParameters, ignoredClass } from './class-parameters.ts'
import type { Label } from './label.ts'
import { requireClassCount } from './require-class-count.ts'
import { ignored, TargetClasses } from './target-classes.ts'

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

/** Reads the batches of one set, in order. `targets`: the counts of the targets so far, and the values of the classes. */
export type ClassReader = { read(batch: Batch): ClassRows; targets: TargetClasses }

/**
 * Returns a reader of the batches of one set, for a scoring metric of classes. {@link classLayout} lists the shapes.
 *
 * `read` throws TureenError `TUREEN_METRIC_MISMATCH` if
 *
 * - the outputs are labels
 * - shapes do not fit
 * - batches have different numbers of classes, or the request names another number
 * - the targets are texts, and the request names no texts as classes
 * - a target is not a class of the output
 * - a one-hot row is not one 1 among zeros
 */
export function classReader(metric: string, parameters: ClassParameters): ClassReader {
  const requireConstant = constantOverBatches(metric, 'classes')
  const targets = new TargetClasses(parameters, ignoredClass)
  let samplesBefore = 0
  return {
    targets,
    read(batch) {
      const samples = sampleCount(metric, batch)
      if (holdsLabels(batch, parameters.from)) throw labelsRefused(metric)
      const layout = classLayout(metric, batch)
      const { positions } = layout
      requireConstant(layout.classes)
      if (batch.target.texts && !targets.names?.areTexts) throw unnamedTexts(metric)
      if (targets.names) requireClassCount(metric, targets.names, layout.classes)
      const place = (row: number) => `sample ${samplesBefore + Math.floor(row / positions)}`
      const classes = layout.target === 'oneHot' ? oneHotClasses : indexClasses
      const rows = {
        classes: layout.classes,
        samples,
        positions,
        scores: batch.output.data,
        targets: classes(metric, batch.target, layout, targets, place),
        ...addressing(layout),
      }
      samplesBefore += samples
      return rows
    },
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
  target: Values,
  { classes }: ClassLayout,
  targets: TargetClasses,
  place: RowPlace,
): Int32Array {
  const classCount = Math.max(2, classes)
  const label = labelsOf(target)
  const indices = new Int32Array(target.data.length)
  for (let row = 0; row < indices.length; row += 1) {
    const index = targets.ofLabel(label(row), classCount)
    if (index === undefined) throw noClass(metric, label(row), classes, targets, place(row))
    indices[row] = index
  }
  return indices
}

function noClass(metric: string, target: Label, classes: number, { names }: TargetClasses, place: string) {
  const range =
    classes === 1 ? 'the binary head has the classes 0 and 1' : `the output has the classes 0 to ${classes - 1}`
  if (names) {
    const message = `the target of ${place} is ${JSON.stringify(target)}, which is not among the classes of the request, ${names}`
    return mismatch(metric, 'target', message, { expected: `${names}`, actual: `${target}` })
  }
  const kind = Number.isInteger(target) ? 'a class of the output' : 'an integer, as class indices are'
  const cast =
    classes === 1 ? 'outputs that are labels of a float type need a Cast to int64 to be compared as labels; ' : ''
  const without = Number.isInteger(target)
    ? `targets are class indices unless the request names the values as classes, or one value as ignoreIndex; ${cast}`
    : ''
  return mismatch(metric, 'target', `${without}the target of ${place} is ${target}, which is not ${kind}: ${range}`, {
    expected: classes === 1 ? '0 or 1' : `0 to ${classes - 1}`,
    actual: `${target}`,
  })
}

function oneHotClasses(
  metric: string,
  { dims, data }: Values,
  { classes }: ClassLayout,
  targets: TargetClasses,
  place: RowPlace,
): Int32Array {
  const indices = new Int32Array(elementCount(dims) / classes)
  for (let row = 0; row < indices.length; row += 1) {
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
    indices[row] = targets.ofIndex(hot)
  }
  return indices
}
