import type { ClassResult } from '../metric.ts'

/**
 * How often each class was the target, how often it was predicted, and how often both. Counts are exact. `labels`: what the classes
 * are called, if not by their indices.
 */
export type ClassCounts = {
  support: Float64Array
  predicted: Float64Array
  correct: Float64Array
  labels?: readonly (number | string)[]
}

/** A prediction that is none of the classes. */
export const noClass = -1

export function newClassCounts(classes: number): ClassCounts {
  return {
    support: new Float64Array(classes),
    predicted: new Float64Array(classes),
    correct: new Float64Array(classes),
  }
}

/** Counts one sample, position or pixel. */
export function countPrediction(counts: ClassCounts, target: number, prediction: number): void {
  increment(counts.support, target)
  if (prediction === noClass) return
  increment(counts.predicted, prediction)
  if (prediction === target) increment(counts.correct, target)
}

function increment(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1
}

export function sumOfCounts(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

type CountsOfClass = { support: number; predicted: number; correct: number }

/** A value for each class that has one: `value` answers undefined for a class that is to be left out. */
export function valuePerClass(
  { support, predicted, correct, labels }: ClassCounts,
  value: (counts: CountsOfClass) => number | undefined,
): ClassResult[] {
  return Array.from(support).flatMap((targets, c) => {
    const ofClass = value({ support: targets, predicted: predicted[c] ?? 0, correct: correct[c] ?? 0 })
    return ofClass === undefined ? [] : [{ class: labels?.[c] ?? c, value: ofClass, support: targets }]
  })
}

/** Of the targets of each class, the share that was recognised. A class without targets has none. */
export function recallPerClass(counts: ClassCounts): ClassResult[] {
  return valuePerClass(counts, ({ support, correct }) => (support > 0 ? correct / support : undefined))
}
