import { kernelBlock } from './element-kernel.ts'
import { philox } from './random.ts'

/**
 * What methods with votes and with random masks spend their time on, in memory of its own with room for one block of elements. Engines
 * give the same bits; they differ in speed alone. Kernels of a thread use it one after the other.
 */
export type BlockEngine = {
  /** One model's entries, taken in by {@link BlockEngine.addAgreeing}. */
  entries: Float64Array
  /** Of the entries that agree: their weighted sum, the sum of their weights, and that of the magnitudes of those. */
  sum: Float64Array
  divisors: Float64Array
  magnitudes: Float64Array
  /** Of element j at 2j, not 0: whether the elected sign is negative, and whether any vote was positive, negative, or agreed. */
  negative: Int32Array
  up: Int32Array
  down: Int32Array
  agreed: Int32Array
  /** Two numbers for each Philox block, which may be one more than a block of elements needs. */
  uniforms: Float64Array
  /** Takes in the first `count` entries of one model: where an entry times `factor` has the elected sign or is NaN, it agrees. */
  addAgreeing(factor: number, weight: number, count: number): void
  /** Fills `uniforms` with multiples of 2^-53 from 0 up to before 1, from the counter `firstBlock` on: words 0 and 1, then 2 and 3. */
  fillUniforms(key: readonly [number, number], firstBlock: number, blocks: number): void
}

/** Elements that an array of an engine has room for. */
export const blockRoom = kernelBlock + 2

/** Starts an election whose sign is that of `sum`; 0 and NaN count as positive. */
export function beginElection(engine: BlockEngine, sum: Float64Array, count: number): void {
  const { negative, up, down, agreed } = engine
  for (let j = 0; j < count; j += 1) {
    const isNegative = (sum[j] ?? 0) < 0 ? -1 : 0
    negative[2 * j] = isNegative
    negative[2 * j + 1] = isNegative
  }
  for (const flags of [up, down, agreed]) flags.fill(0, 0, 2 * count)
  engine.sum.fill(-0, 0, count)
  engine.divisors.fill(-0, 0, count)
  engine.magnitudes.fill(0, 0, count)
}

/** The readable reference: plain loops over typed arrays. */
export function plainBlockEngine(): BlockEngine {
  const floats = () => new Float64Array(blockRoom)
  const flags = () => new Int32Array(2 * blockRoom)
  const [entries, sum, divisors, magnitudes, uniforms] = [floats(), floats(), floats(), floats(), floats()]
  const [negative, up, down, agreed] = [flags(), flags(), flags(), flags()]
  return {
    entries,
    sum,
    divisors,
    magnitudes,
    negative,
    up,
    down,
    agreed,
    uniforms,
    addAgreeing(factor, weight, count) {
      for (let j = 0; j < count; j += 1) {
        const entry = entries[j] ?? 0
        const vote = factor * entry
        if (vote > 0) up[2 * j] = -1
        if (vote < 0) down[2 * j] = -1
        if (negative[2 * j] ? vote >= 0 : vote <= 0) continue
        agreed[2 * j] = -1
        sum[j] = (sum[j] ?? 0) + weight * entry
        divisors[j] = (divisors[j] ?? 0) + weight
        magnitudes[j] = (magnitudes[j] ?? 0) + Math.abs(weight)
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
