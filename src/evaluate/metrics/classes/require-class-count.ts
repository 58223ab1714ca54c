import { mismatch } from '../mismatch.ts'
import type { ClassNames } from './class-names.ts'

/**
 * Refuses classes of a request of which there are not as many as the output tells apart. The values of the set are no matter.
 *
 * @param scores number of scores for each target: 1 if one score tells class 1 from class 0
 * @param way why a single score does not name one of more classes, in words
 * @throws TureenError `TUREEN_METRIC_MISMATCH` with both numbers
 */
export function requireClassCount(metric: string, names: ClassNames, scores: number, way = ''): void {
  const count = Math.max(2, scores)
  if (names.size === count) return
  const has =
    scores === 1 ? `the output has one score for each target, which tells 2 apart${way}` : `the output has ${scores}`
  const message = `the request names ${names.size} classes, ${names}, and ${has}; name each class once, in the order of the output`
  throw mismatch(metric, 'metrics', message, { expected: `${count} classes`, actual: `${names.size} classes` })
}
