import type { BlockArrays } from './block-arrays.ts'
import type { BlockSums } from './block-sums.ts'

/** Returns the sums in plain loops. */
export function plainSums({ output, variances }: BlockArrays): BlockSums {
  return {
    vary(terms, count) {
      const models = terms.length
      for (let j = 0; j < count; j += 1) {
        const entries = terms.map(term => term[j] ?? 0)
        const mean = entries.reduce((sum, entry) => sum + entry) / models
        const variance = entries.reduce((sum, entry) => sum + (entry - mean) * (entry - mean), 0) / models
        const isEqual = entries.every(entry => entry === entries[0])
        variances[j] = isEqual && !Number.isNaN(variance) ? 0 : variance
      }
    },
    weigh(terms, factors, weights, least, count) {
      for (let j = 0; j < count; j += 1) {
        let [sum, divisor] = [-0, -0]
        for (const [model, term] of terms.entries()) {
          const factor = factors[model]?.[j] ?? 0
          const c = (weights[model] ?? 0) * (factor < least ? least : factor)
          sum += c * (term[j] ?? 0)
          divisor += c
        }
        output[j] = sum / divisor
      }
    },
    approachMean(terms, base, t, count) {
      for (let j = 0; j < count; j += 1) {
        const mean = terms.map(term => term[j] ?? 0).reduce((sum, x) => sum + x) / terms.length
        output[j] = t === 1 ? mean : t * mean + (1 - t) * (base[j] ?? 0)
      }
    },
    dotProducts(a, b, count, sums) {
      const pairs = a.flatMap(x => b.map(y => ({ x, y })))
      for (const [index, { x, y }] of pairs.entries()) {
        let sum = 0
        for (let j = 0; j < count; j += 1) sum += (x[j] ?? 0) * (y[j] ?? 0)
        sums[index] = sum
      }
    },
  }
}
