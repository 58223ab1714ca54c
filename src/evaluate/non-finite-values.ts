import type { Values } from './metrics/metric.ts'

/** The numbers of an array over a whole set, and those that are not finite. */
export type NumberCounts = { all: number; notANumber: number; infinite: number }

/** The counts of the scored outputs and of their targets. */
export type ScoredCounts = { output: NumberCounts; target: NumberCounts }

export function noCounts(): ScoredCounts {
  return { output: { all: 0, notANumber: 0, infinite: 0 }, target: { all: 0, notANumber: 0, infinite: 0 } }
}

/** Adds the numbers of a batch to the counts. */
export function countNumbers({ data, integers, texts }: Values, counts: NumberCounts): void {
  counts.all += data.length
  if (integers || texts) return
  for (let index = 0; index < data.length; index += 1) {
    const number = data[index] ?? 0
    if (Number.isFinite(number)) continue
    if (Number.isNaN(number)) counts.notANumber += 1
    else counts.infinite += 1
  }
}

/**
 * Returns a note on the numbers that are not finite, and their effect; undefined if all are finite.
 * @param effect the way in which the scoring metric takes such numbers, if its value is finite nevertheless
 */
export function nonFiniteNote({ output, target }: ScoredCounts, value: number, effect?: string): string | undefined {
  const found = [...foundIn(output, 'output'), ...foundIn(target, 'target')]
  if (found.length === 0) return undefined
  const effects = Number.isFinite(value) ? effect : `so there is no score (${value})`
  return [found.join(' and '), ...(effects === undefined ? [] : [effects])].join(', ')
}

function foundIn({ all, notANumber, infinite }: NumberCounts, array: string): string[] {
  const bad = notANumber + infinite
  if (bad === 0) return []
  const numbers = bad === 1 ? `1 number in the ${array} is` : `${bad} numbers in the ${array} are`
  if (notANumber > 0 && infinite > 0)
    return [`${numbers} not finite (${notANumber} NaN and ${infinite} infinite, of ${all})`]
  return [`${numbers} ${notANumber > 0 ? 'NaN' : 'infinite'} (of ${all})`]
}
