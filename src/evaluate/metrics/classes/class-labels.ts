import type { TureenError } from '../../../errors.ts'
import { equalDims, squeezed } from '../batch-dims.ts'
import type { Batch, ShapeCheck, Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { classShapes, scorePerClassShapes } from './class-layout.ts'
import type { OutputsFrom } from './class-parameters.ts'

/** A class by what the model and the data set call it. */
export type Label = number | string

/**
 * The check of a metric that compares labels: one for each target. Integers of the shape [n, C] against targets of [n, C] are not
 * taken for labels: they may as well be scores against one-hot rows.
 */
export const labelShapes: ShapeCheck = (output, target) => (isOneForEach(output, target) ? undefined : unfit)

/** The check of labels that are texts, which can be no scores: any shape that is the target's. */
export const textShapes: ShapeCheck = (output, target) =>
  equalDims(squeezed(output), squeezed(target)) ? undefined : unfit

const unfit = {
  field: 'target',
  message: (output: string, target: string) =>
    `the shapes do not fit: labels ${output}, target ${target}; expected one label for each target`,
} as const

function isOneForEach(output: readonly number[], target: readonly number[]): boolean {
  const axes = squeezed(output)
  if (!equalDims(axes, squeezed(target))) return false
  const isBinaryHead = classShapes(output, target) === undefined && scorePerClassShapes(output, target) !== undefined
  return axes.length > 1 || isBinaryHead
}

/**
 * Whether the outputs of a batch are class labels and no scores: texts, or integers of which there is one for each target, unless the
 * request says what scores they are.
 */
export function holdsLabels({ output, target }: Batch, from: OutputsFrom): boolean {
  if (output.texts) return true
  return output.integers === true && from === 'auto' && isOneForEach(output.dims.slice(1), target.dims.slice(1))
}

/** Why a metric of scores cannot take labels. `instead`: outputs of the model that may hold scores, in words. */
export function needsScores(instead: string): string {
  return `class labels, one for each target, and the metric needs scores: score ${instead}, or ask for accuracy, balancedAccuracy or macroF1`
}

/** The refusal of a batch of labels by a metric of scores. */
export function labelsRefused(metric: string): TureenError {
  return mismatch(metric, 'output', `the output holds ${needsScores('an output of probabilities or logits')}`)
}

/** The labels of an array, read one at a time. */
export function labelsOf({ data, texts }: Values): (index: number) => Label {
  return texts ? index => texts[data[index] ?? 0] ?? '' : index => data[index] ?? Number.NaN
}
