import { type BlockEngine, blockRoom, type ChangeSum, type Numbers } from './block-engine.ts'
import { isWithin } from './cut.ts'
import { philox } from './random.ts'
import { copyIdentical } from './weighted-sum.ts'

/** Returns the readable reference: plain loops over typed arrays. Every array counts as owned. */
export function plainBlockEngine(): BlockEngine {
  const sources: Float64Array[] = []
  const floats = () => new Float64Array(blockRoom)
  const flags = () => new Int32Array(2 * blockRoom)
  const [output, uniforms, variances] = [floats(), floats(), floats()]
  const [selected, used] = [flags(), flags()]
  const [gathered, places] = [floats(), new Int32Array(blockRoom)]
  const stored: Uint8Array[] = []
  const shared = new Uint32Array(blockRoom)
  const source = (index: number) => {
    const own = sources[index] ?? floats()
    sources[index] = own
    return own
  }
  const select = (count: number, isSelected: (j: number) => boolean) => {
    let kept = 0
    for (let j = 0; j < count; j += 1) {
      const keep = isSelected(j)
      mask(selected, j, keep)
      if (keep) kept += 1
    }
    return kept
  }
  return {
    source,
    output,
    selected,
    used,
    uniforms,
    variances,
    gathered,
    places,
    decode(format, elements, index, count) {
      const values = source(index)
      format.begin(values, elements, count, 1)
      stored[index] = elements
      return values
    },
    finish(format, compared, count, target) {
      format.round(output, count, target)
      const inputs = stored.slice(0, compared)
      const identical = compared > 0 ? copyIdentical(format.bytes, inputs, count, target, shared) : 0
      return { identical, nonFinite: format.countNonFinite(target, count) }
    },
    subtract(x, b, count) {
      for (let j = 0; j < count; j += 1) x[j] = (x[j] ?? 0) - (b[j] ?? 0)
    },
    distance(x, b, count) {
      for (let j = 0; j < count; j += 1) x[j] = Math.abs((x[j] ?? 0) - (b[j] ?? 0))
    },
    selectBetween: (keys, first, count, behind, upTo) =>
      select(count, j => {
        const magnitude = Math.abs(keys[j] ?? 0)
        return isWithin(magnitude, first + j, upTo) && !(behind && isWithin(magnitude, first + j, behind))
      }),
    keepBetween(x, b, first, count, behind, upTo, dropped) {
      let kept = 0
      for (let j = 0; j < count; j += 1) {
        const d = (x[j] ?? 0) - (b[j] ?? 0)
        const isKept = isWithin(Math.abs(d), first + j, upTo) && !(behind && isWithin(Math.abs(d), first + j, behind))
        x[j] = isKept ? d : dropped
        if (!isKept) continue
        mask(used, j, true)
        kept += 1
      }
      return kept
    },
    selectBelow: (numbers, probabilities, count) => select(count, j => (numbers[j] ?? 0) < numberAt(probabilities, j)),
    keepBelow(x, b, scale, numbers, probabilities, count, dropped) {
      let kept = 0
      for (let j = 0; j < count; j += 1) {
        const d = (x[j] ?? 0) - (b[j] ?? 0)
        const isKept = (numbers[j] ?? 0) < numberAt(probabilities, j)
        const scaled = 'factor' in scale ? d * scale.factor : d / numberAt(scale.divisors, j)
        x[j] = isKept ? scaled : dropped
        if (!isKept) continue
        mask(used, j, true)
        kept += 1
      }
      return kept
    },
    drop(x, dropped, count) {
      for (let j = 0; j < count; j += 1) {
        if (selected[2 * j]) mask(used, j, true)
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
          mask(used, j, outcome.used)
          m = divided(outcome.sum, sum.divisor === 'agreeing' ? outcome.divisor : sum.divisor)
        } else m = divided(weightedSum(entries, sum.weights), sum.divisor === 'agreeing' ? null : sum.divisor)
        output[j] = used[2 * j] ? b + sum.lambda * m : b
        copiesNaN ||= !used[2 * j] && Number.isNaN(b)
      }
      return { conflicts, copiesNaN }
    },
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
    gatherBetween(keys, count, low, high) {
      let found = 0
      let above = 0
      for (let j = 0; j < count; j += 1) {
        const key = keys[j] ?? 0
        if (!(key <= high)) above += 1
        else if (key >= low) {
          gathered[found] = key
          places[found++] = j
        }
      }
      return { gathered: found, above }
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
    rankRows(x, b, from, rows, length, { largest, span }, into) {
      const magnitudes = Float64Array.from({ length: rows * length }, (_, j) =>
        Math.abs((x[from + j] ?? 0) - (b[from + j] ?? 0)),
      )
      for (let start = 0; start < rows * length; start += length) {
        const order = Uint32Array.from({ length }, (_, j) => start + j)
        order.sort((one, other) => compareSizes(magnitudes[one] ?? 0, magnitudes[other] ?? 0) || one - other)
        for (const [place, j] of order.entries())
          into[from + j] = Math.max(0, Math.min(1, largest - (span * place) / (length - 1)))
      }
    },
    fillUniforms(key, firstBlock, blocks) {
      for (let index = 0; index < blocks; index += 1) {
        const counter = firstBlock + index
        const [r0, r1, r2, r3] = philox([counter >>> 0, Math.floor(counter / 0x100000000), 0, 0], key)
        uniforms[2 * index] = ((r0 >>> 5) * 0x4000000 + (r1 >>> 6)) * 2 ** -53
        uniforms[2 * index + 1] = ((r2 >>> 5) * 0x4000000 + (r3 >>> 6)) * 2 ** -53
      }
    },
  }
}

function mask(flags: Int32Array, j: number, isSet: boolean): void {
  flags[2 * j] = isSet ? -1 : 0
  flags[2 * j + 1] = isSet ? -1 : 0
}

/** Compares magnitudes for a sort: the larger first, and NaN before all others. */
function compareSizes(one: number, other: number): number {
  if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(other)) - Number(Number.isNaN(one))
  return one < other ? 1 : one > other ? -1 : 0
}

function numberAt(numbers: Numbers, j: number): number {
  return typeof numbers === 'number' ? numbers : (numbers[j] ?? 0)
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
