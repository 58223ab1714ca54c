import { isBetween } from '../cut.ts'
import { type BlockArrays, numberAt, setMask } from './block-arrays.ts'
import type { BlockChanges, ChangeSum } from './block-changes.ts'

/** Returns the changes in plain loops. */
export function plainChanges({ selected, used, output }: BlockArrays): BlockChanges {
  /** Keeps the difference of the element j, as `value`, or drops it. Returns the number of kept elements: 1 or 0. */
  const keep = (x: Float64Array, j: number, isKept: boolean, value: number, dropped: number) => {
    x[j] = isKept ? value : dropped
    if (isKept) setMask(used, j, true)
    return Number(isKept)
  }
  return {
    subtract(x, b, count) {
      for (let j = 0; j < count; j += 1) x[j] = (x[j] ?? 0) - (b[j] ?? 0)
    },
    distance(x, b, count) {
      for (let j = 0; j < count; j += 1) x[j] = Math.abs((x[j] ?? 0) - (b[j] ?? 0))
    },
    keepBetween(x, b, first, count, behind, upTo, dropped) {
      let kept = 0
      for (let j = 0; j < count; j += 1) {
        const d = (x[j] ?? 0) - (b[j] ?? 0)
        kept += keep(x, j, isBetween(Math.abs(d), first + j, behind, upTo), d, dropped)
      }
      return kept
    },
    keepBelow(x, b, scale, numbers, probabilities, count, dropped) {
      let kept = 0
      for (let j = 0; j < count; j += 1) {
        const d = (x[j] ?? 0) - (b[j] ?? 0)
        const scaled = 'factor' in scale ? d * scale.factor : d / numberAt(scale.divisors, j)
        kept += keep(x, j, (numbers[j] ?? 0) < numberAt(probabilities, j), scaled, dropped)
      }
      return kept
    },
    drop(x, dropped, count) {
      for (let j = 0; j < count; j += 1) {
        if (selected[2 * j]) setMask(used, j, true)
        else x[j] = dropped
      }
    },
    change(terms, base, sum, count) {
      let conflicts = 0
      let copiesNaN = false
      for (let j = 0; j < count; j += 1) {
        const entries = terms.map(term => term[j] ?? 0)
        const b = base[j] ?? 0
        let m = 0
        if (sum.votes) {
          const outcome = elect(entries, sum, sum.votes)
          if (outcome.conflict) conflicts += 1
          setMask(used, j, outcome.used)
          m = divided(outcome.sum, sum.divisor === 'agreeing' ? outcome.divisor : sum.divisor)
        } else m = divided(weightedSum(entries, sum.weights), sum.divisor === 'agreeing' ? null : sum.divisor)
        output[j] = used[2 * j] ? b + sum.lambda * m : b
        copiesNaN ||= !used[2 * j] && Number.isNaN(b)
      }
      return { conflicts, copiesNaN }
    },
  }
}

function divided(sum: number, divisor: number | null): number {
  return divisor === null ? sum : sum / divisor
}

/** Returns the weighted sum, left to right from the first product. */
function weightedSum(entries: readonly number[], weights: readonly number[]): number {
  return entries.map((entry, model) => (weights[model] ?? 0) * entry).reduce((sum, product) => sum + product)
}

/**
 * Adds up the entries that agree with the sign of the weighted sum of all votes. A sum of 0 or NaN counts as positive.
 * An entry of 0 has no sign, and NaN has both. `used`: true if an entry agrees, and the sum of their weights is not 0
 * if it divides.
 */
function elect(entries: readonly number[], { weights, divisor: by, zero }: ChangeSum, votes: readonly number[]) {
  const isNegative = weightedSum(entries, votes) < 0
  let [sum, divisor, magnitude] = [-0, -0, 0]
  let [up, down, agreed] = [false, false, false]
  for (const [model, entry] of entries.entries()) {
    const vote = (votes[model] ?? 0) * entry
    up ||= vote > 0
    down ||= vote < 0
    if (isNegative ? vote >= 0 : vote <= 0) continue
    const weight = weights[model] ?? 0
    agreed = true
    sum += weight * entry
    divisor += weight
    magnitude += Math.abs(weight)
  }
  const cancels = by === 'agreeing' && Math.abs(divisor) <= zero * magnitude
  return { sum, divisor, used: agreed && !cancels, conflict: up && down }
}
