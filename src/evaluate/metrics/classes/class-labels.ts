import type { TureenError } from '../../../errors.ts'
import { equalDims, squeezed } from '../batch-dims.ts'
import type { Batch, ShapeCheck, Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { classShapes, scorePerClassShapes } from './class-layout.ts'
import type { OutputsFrom } from './class-parameters.ts'
import type { Label } from './label.ts'

/** Checks the shapes of labels, one for each target. */
export const labelShapes: ShapeCheck = (output, target) =>
  equalDims(squeezed(output), squeezed(target)) ? undefined : unfit

/**
 * Checks the shapes of integers that are certainly labels, one for each target. It does not take integers [n, C] with targets [n, C] for
 * labels, since they may be scores with one-hot rows.
 */
export const certainLabelShapes: ShapeCheck = (output, target) => (isOneForEach(output, target) ? undefined : unfit)

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

/** True if the outputs of a batch can be compared as labels: texts, or one integer for each target, unless the request says otherwise. */
export function maybeLabels({ output, target }: Batch, from: OutputsFrom): boolean {
  if (output.texts) return true
  return (
    output.integers === true && from === 'auto' && labelShapes(output.dims.slice(1), target.dims.slice(1)) === undefined
  )
}

/** True if the outputs of a batch are certainly class labels, of which a metric of scores knows nothing. */
export function holdsLabels({ output, target }: Batch, from: OutputsFrom): boolean {
  if (output.texts) return true
  return output.integers === true && from === 'auto' && isOneForEach(output.dims.slice(1), target.dims.slice(1))
}

/** Returns the reason why a metric of scores cannot take labels. @param instead outputs of the model that may hold scores, in words */
export function needsScores(instead: string): string {
  return `class labels, one for each target, and the metric needs scores: score ${instead}, or ask for accuracy, balancedAccuracy or macroF1`
}

/** Returns the refusal of a batch of labels by a metric of scores. */
export function labelsRefused(metric: string): TureenError {
  return mismatch(metric, 'output', `the output holds ${needsScores('an output of probabilities or logits')}`)
}

/** Returns the refusal of targets that are texts, if the request does not say which classes they stand for. */
export function unnamedTexts(metric: string): TureenError {
  const message =
    'the target holds texts, and the output holds numbers; name the texts as classes, in the order of the class indices'
  return mismatch(metric, 'target', message, { expected: 'classes in the request', actual: 'texts' })
}

/** Returns a function that reads one label of an array. */
export function labelsOf({ data, texts }: Values): (index: number) => Label {
  return texts ? index => texts[data[index] ?? 0] ?? '' : index => data[index] ?? Number.NaN
}
