import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { philox, randomStream } from '../../src/tensor/random.ts'

const word = fc.integer({ min: 0, max: 0xffffffff })
const seed = fc.maxSafeNat()

/** Philox4x32-10 in integers of any size, as its paper writes it. */
function reference(counter: readonly number[], key: readonly number[]): number[] {
  let [c0 = 0n, c1 = 0n, c2 = 0n, c3 = 0n] = counter.map(BigInt)
  let [k0 = 0n, k1 = 0n] = key.map(BigInt)
  const low = (value: bigint) => value & 0xffffffffn
  for (let round = 0; round < 10; round += 1) {
    const first = 0xd2511f53n * c0
    const second = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(second >> 32n) ^ c1 ^ k0, low(second), (first >> 32n) ^ c3 ^ k1, low(first)]
    k0 = low(k0 + 0x9e3779b9n)
    k1 = low(k1 + 0xbb67ae85n)
  }
  return [c0, c1, c2, c3].map(Number)
}

describe('philox', () => {
  // kat_vectors of Random123, the reference implementation: philox4x32, 10 rounds.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('gives the known answer for counter %o and key %o', (counter, key, answer) => {
    expect(philox(counter, key)).toEqual(answer)
  })

  test('multiplies 32-bit words without losing a bit', () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox(counter, key)).toEqual(reference(counter, key))
      }),
      { numRuns: 500 },
    )
  })
})

describe('a random stream', () => {
  const take = (count: number, draw: () => number) => Array.from({ length: count }, draw)

  test('is the words of its blocks, in order', () => {
    fc.assert(
      fc.property(seed, word, (seed, stream) => {
        const { below } = randomStream(seed, stream)
        const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)] as const
        const blocks = [0, 1, 2].flatMap(block => philox([block, 0, stream, 0], key))
        expect(take(12, () => below(2 ** 32))).toEqual(blocks)
      }),
    )
  })

  test('is repeated by its seed and number, and by no other', () => {
    const drawn = (seed: number, stream?: number) => take(8, randomStream(seed, stream).unit)
    fc.assert(
      fc.property(seed, word, (seed, stream) => {
        expect(drawn(seed, stream)).toEqual(drawn(seed, stream))
        expect(drawn(seed, stream)).not.toEqual(drawn(seed, (stream ^ 1) >>> 0))
        expect(drawn(seed, stream)).not.toEqual(drawn((seed + 2 ** 32) % Number.MAX_SAFE_INTEGER, stream))
      }),
    )
    expect(drawn(7)).toEqual(drawn(7, 0))
  })

  test('draws whole numbers below any bound', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const { below } = randomStream(seed)
        for (const drawn of take(20, () => below(bound))) {
          expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true)
        }
      }),
    )
  })

  test('passes over the words that would make some numbers likelier', () => {
    // Three quarters of the words are below this bound; without passing over the rest, the lowest third would come twice as often.
    const bound = 3 * 2 ** 30
    const { below } = randomStream(5)
    const thirds = [0, 0, 0]
    for (const drawn of take(30_000, () => below(bound))) {
      const third = Math.floor(drawn / 2 ** 30)
      thirds[third] = (thirds[third] ?? 0) + 1
    }
    // Five standard deviations.
    for (const count of thirds) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt((30_000 * 2) / 9))
  })

  test('draws every number equally often, by chi-squared', () => {
    const { below } = randomStream(11, 3)
    const counts = new Array<number>(50).fill(0)
    for (const drawn of take(50_000, () => below(50))) counts[drawn] = (counts[drawn] ?? 0) + 1
    const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    // 49 degrees of freedom: between the quantiles of 0.0001 and 0.9999.
    expect(chiSquared).toBeGreaterThan(20)
    expect(chiSquared).toBeLessThan(95)
  })

  test('draws multiples of 2^-53 from 0 up to before 1', () => {
    fc.assert(
      fc.property(seed, word, (seed, stream) => {
        const { unit } = randomStream(seed, stream)
        const [high, low] = philox([0, 0, stream, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)])
        const drawn = unit()
        expect(drawn).toBe(((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53)
        expect(Number.isInteger(drawn * 2 ** 53) && drawn >= 0 && drawn < 1).toBe(true)
      }),
    )
    const { unit } = randomStream(2)
    const mean = take(40_000, unit).reduce((sum, value) => sum + value, 0) / 40_000
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * 40_000))
  })
})
