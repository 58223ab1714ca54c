import { describe, expect, test } from 'vitest'
import { isWithin } from '../../src/tensor/cut.ts'
import { findCuts } from '../../src/tensor/order-cuts.ts'

/** More than are gathered and sorted at a time, so that equal ones are counted. */
const many = 200_000

function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

function keysOf(count: number, next: (random: number) => number, seed = 77): Float64Array {
  const random = sequence(seed)
  return Float64Array.from({ length: count }, () => next(random()))
}

/** The indices from the largest down: NaN first, equal ones in their order. */
function ordered(keys: Float64Array): number[] {
  const indices = [...keys.keys()]
  const isMissing = (index: number) => Number.isNaN(keys[index])
  const numbers = indices.filter(index => !isMissing(index))
  // The sort is stable, and takes the NaN of two infinities for equal.
  return [...indices.filter(isMissing), ...numbers.sort((a, b) => (keys[b] ?? 0) - (keys[a] ?? 0))]
}

function cutsOf(keys: Float64Array, ranks: readonly number[], chunk: number, sample: Float64Array) {
  const [cuts = []] = findCuts([ranks], [{ keys: sample, elements: keys.length }], visit => {
    for (let first = 0; first < keys.length; first += chunk) {
      const part = Float64Array.from(keys.subarray(first, first + chunk))
      visit([part], first, part.length)
    }
  })
  return cuts
}

const special = (random: number) =>
  random < 0.2
    ? Number.NaN
    : random < 0.3
      ? Number.POSITIVE_INFINITY
      : random < 0.5
        ? 0
        : random < 0.6
          ? 5e-324
          : random

describe.each([
  ['all different', keysOf(many, random => random)],
  ['few different ones', keysOf(many, random => Math.floor(random * 3))],
  ['all the same', keysOf(many, () => 0.75)],
  ['all zero', keysOf(many, () => 0)],
  ['that differ in the last bits', keysOf(many, random => 1 + Math.floor(random * 100_000) * 2 ** -52)],
  ['NaN, infinities and zeros among others', keysOf(many, special)],
  ['a few', keysOf(5, special)],
])('of numbers %s', (_, keys) => {
  const order = ordered(keys)
  const ranks = [0, 1, Math.floor(keys.length / 3), Math.floor(keys.length * 0.9), keys.length - 1]

  test.each([
    [4096, 'a good sample', keys.filter((_, index) => index % 10 === 3)],
    [70_001, 'a good sample', keys.filter((_, index) => index % 10 === 3)],
    [4096, 'a sample of the smallest ones only', keys.toSorted().slice(0, 2000)],
    [70_001, 'no sample', new Float64Array(0)],
  ])('cuts fall where sorting puts them, in chunks of %i, after %s', (chunk, _name, sample) => {
    for (const [index, cut] of cutsOf(keys, ranks, chunk, sample).entries()) {
      const place = order[ranks[index] ?? 0] ?? 0
      expect({ value: cut.value, last: cut.last }).toEqual({ value: keys[place], last: place })
    }
  })

  test('as many stand within a cut as its rank says, and they are the largest', () => {
    const [cut] = cutsOf(keys, [Math.floor(keys.length / 3)], 4096, keys.slice(0, 9000))
    const within = [...keys.keys()].filter(index => cut && isWithin(keys[index] ?? 0, index, cut))
    const expected = order.slice(0, Math.floor(keys.length / 3) + 1).sort((a, b) => a - b)
    expect(within).toHaveLength(expected.length)
    expect(within.filter((index, at) => index !== expected[at])).toEqual([])
  })
})
