import type { Cut } from './cut.ts'
import { GatheredKeys } from './gathered-keys.ts'
import { kernelBlock } from './kernel-block.ts'
import { ascendingAt } from './quickselect.ts'
import { blockEngine } from './simd-block-engine.ts'

/** Some keys of a stream, from all over it, and how many it has in all. */
export type Sample = { keys: Float64Array; elements: number }

/** Elements that are gathered at most for one rank: of a few ranks of many models they still take little memory. */
const gatheredAtMost = 1 << 17
/** How far beside its place in the sample a rank may lie: so many standard deviations, and so large a part of all at least. */
const deviations = 5
const leastMargin = 0.03

/**
 * Looks for the element with a rank between two keys that it should lie between, going by a sample. One pass that counts what is larger
 * and gathers what lies between tells; a sample that has misled costs that pass and no more.
 */
export class RankBracket {
  #rank: number
  #low = 0
  #high = Number.POSITIVE_INFINITY
  #above = 0
  #gathered: GatheredKeys | null

  constructor(rank: number, { keys, elements }: Sample) {
    this.#rank = rank
    if (elements <= gatheredAtMost / 2) {
      this.#gathered = new GatheredKeys(gatheredAtMost, elements)
      return
    }
    // To the sample NaN is infinity: which no key is larger than, but NaN.
    const sample = keys.map(key => (Number.isNaN(key) ? Number.POSITIVE_INFINITY : key))
    const part = 1 - (rank + 0.5) / elements
    const spread = deviations * Math.sqrt((part * (1 - part)) / sample.length) + 2 / sample.length
    const margin = Math.min(Math.max(spread, leastMargin), gatheredAtMost / elements / 3)
    const expected = Math.min(gatheredAtMost, Math.ceil(2.5 * margin * elements))
    this.#gathered = new GatheredKeys(gatheredAtMost, expected)
    const [low, high] = [part - margin, part + margin].map(at => Math.floor(at * sample.length))
    if (low !== undefined && low >= 0) this.#low = ascendingAt(sample, low)
    if (high !== undefined && high < sample.length) this.#high = ascendingAt(sample, high)
  }

  /** Takes in the next keys, which are not negative, or NaN. */
  take(keys: Float64Array, first: number, count: number): void {
    const engine = blockEngine()
    for (let from = 0; from < count && this.#gathered; from += kernelBlock) {
      const block = keys.subarray(from, Math.min(count, from + kernelBlock))
      const { gathered, above } = engine.gatherBetween(block, block.length, this.#low, this.#high)
      this.#above += above
      if (!this.#gathered.addBlock(engine.gathered, engine.places, gathered, first + from)) this.#gathered = null
    }
  }

  /**
   * The cut behind the element that is sought, once all keys were taken in; null if it does not lie where the sample has it. Ends its use.
   */
  end(): Cut | null {
    const gathered = this.#gathered
    const rank = this.#rank - this.#above
    const cut = gathered && rank >= 0 && rank < gathered.count ? gathered.cutAt(rank) : null
    gathered?.release()
    return cut
  }
}
