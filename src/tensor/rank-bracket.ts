import { blockEngine } from './block-engine.ts'
import type { Cut } from './cut.ts'
import { GatheredKeys } from './gathered-keys.ts'
import { kernelBlock } from './kernel-block.ts'
import { ascendingAt } from './quickselect.ts'

/** Keys taken from all over a stream, and the number of elements of the whole stream. */
export type Sample = { keys: Float64Array; elements: number }

/**
 * The largest number of elements gathered for one rank. It keeps memory small even for several ranks of many models.
 */
const gatheredAtMost = 1 << 17
/**
 * Bounds of a rank's place in the sample: at least 5 standard deviations, and at least 3% of the sample, on each side.
 */
const deviations = 5
const leastMargin = 0.03

/**
 * Looks for the element with a rank, between two keys that a sample suggests. One pass counts the larger elements, and
 * gathers those between the keys. If the sample misled, only this pass is lost.
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
    // In the sample, NaN counts as infinity: no key except NaN is larger.
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

  /** Takes the next keys, each non-negative or NaN. */
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
   * Returns the cut after the element with the rank, once all keys were taken; null if the element is not between the
   * two keys. Releases the memory: the bracket cannot be used afterwards.
   */
  end(): Cut | null {
    const gathered = this.#gathered
    const rank = this.#rank - this.#above
    const cut = gathered && rank >= 0 && rank < gathered.count ? gathered.cutAt(rank) : null
    gathered?.release()
    return cut
  }
}
