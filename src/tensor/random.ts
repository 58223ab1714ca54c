/**
 * Random numbers computed from a counter: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
 * 3", doi:10.1145/2063384.2063405). Neither the order of calls nor the number of threads can change them.
 */

const rounds = 10
const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85

type FourWords = readonly [number, number, number, number]

/** Returns the four random 32-bit words of a counter of four words, under a key of two words. */
export function philox(counter: FourWords, key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < rounds; round += 1) {
    const high0 = highProduct(multiplier0, c0)
    const high1 = highProduct(multiplier1, c2)
    const next0 = (high1 ^ c1 ^ k0) >>> 0
    const next2 = (high0 ^ c3 ^ k1) >>> 0
    c1 = Math.imul(multiplier1, c2) >>> 0
    c3 = Math.imul(multiplier0, c0) >>> 0
    c0 = next0
    c2 = next2
    k0 = (k0 + weyl0) >>> 0
    k1 = (k1 + weyl1) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** Returns the upper 32 bits of the product of two 32-bit words. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0
}

/** A sequence of random numbers. The same seed and stream give the same sequence on any machine. */
export type RandomStream = {
  /** Returns a whole number in [0, bound), each equally likely. `bound` is at most 2^32. */
  below(bound: number): number
  /** Returns a multiple of 2^-53 in [0, 1). */
  unit(): number
}

/**
 * Starts a sequence.
 * @param seed a non-negative safe integer
 * @param stream separates the sequences of one seed; below 2^32
 */
export function randomStream(seed: number, stream = 0): RandomStream {
  const key = [seed >>> 0, Math.floor(seed / 0x100000000)] as const
  let block = 0
  let words: number[] = []
  const word = (): number => {
    const next = words.pop()
    if (next !== undefined) return next
    words = philox([block >>> 0, Math.floor(block / 0x100000000), stream, 0], key).reverse()
    block += 1
    return word()
  }
  return {
    below(bound) {
      const fair = 0x100000000 - (0x100000000 % bound)
      let value = word()
      while (value >= fair) value = word()
      return value % bound
    },
    unit() {
      const high = word() >>> 5
      const low = word() >>> 6
      return (high * 0x4000000 + low) / 0x20000000000000
    },
  }
}
