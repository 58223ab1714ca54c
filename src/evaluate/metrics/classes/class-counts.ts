import { firstOf } from '../../../first-of.ts'
import type { ClassResult } from '../metric.ts'

/**
 * Exact counts for each class. `support`: times it was the target; `predicted`: times it was predicted; `correct`: times it was both.
 * `labels`: names of the classes, if they are not called by their indices. `isOpen`: true if the number of classes is not known, so that
 * most of the counts stand for no class.
 */
export type ClassCounts = {
  support: Float64Array
  predicted: Float64Array
  correct: Float64Array
  labels?: readonly (number | string)[]
  isOpen?: boolean
}

/** Stands for a prediction that is none of the classes. */
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

/** Returns a result for each class. @param value returns undefined for a class to leave out */
export function valuePerClass(
  { support, predicted, correct, labels }: ClassCounts,
  value: (counts: CountsOfClass) => number | undefined,
): ClassResult[] {
  return Array.from(support).flatMap((targets, c) => {
    const ofClass = value({ support: targets, predicted: predicted[c] ?? 0, correct: correct[c] ?? 0 })
    return ofClass === undefined ? [] : [{ class: labels?.[c] ?? c, value: ofClass, support: targets }]
  })
}

/** Returns the recall of each class that has targets: the share of them that was predicted. */
export function recallPerClass(counts: ClassCounts): ClassResult[] {
  return valuePerClass(counts, ({ support, correct }) => (support > 0 ? correct / support : undefined))
}

/** Most classes that a message names. */
const mostNamed = 10

/** Returns a note on the classes that a mean over `perClass` leaves out; undefined if there are none. @param why the reason */
export function leftOutNote(
  { support, labels, isOpen }: ClassCounts,
  perClass: readonly ClassResult[],
  why: string,
): string | undefined {
  const scored = new Set(perClass.map(result => result.class))
  const missing = isOpen ? [] : Array.from(support, (_, c) => labels?.[c] ?? c).filter(label => !scored.has(label))
  if (missing.length === 0) return undefined
  return `classes ${why}, left out of the mean: ${firstLabels(missing)}`
}

/** Returns a note on the classes that are targets, but never predicted; undefined if there are none. */
export function neverPredictedNote({ support, predicted, labels }: ClassCounts): string | undefined {
  const places = Array.from(support, (_, c) => c).filter(c => (support[c] ?? 0) > 0 && predicted[c] === 0)
  return places.length === 0
    ? undefined
    : `labels of the targets that no output has: ${firstLabels(places.map(c => labels?.[c] ?? c))}`
}

/** Returns the first ten labels in words, and the number of the others. */
export function firstLabels(labels: readonly (number | string)[]): string {
  return firstOf(labels, mostNamed)
}
