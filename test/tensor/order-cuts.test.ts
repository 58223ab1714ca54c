import { describe, expect, test } from 'vitest'
import { isWithin } from '../../src/tensor/cut.ts'
import { findCuts } from '../../src/tensor/order-cuts.ts'

/** More than are gathered and sorted at a time, so that equal ones are counted. */
const many = 100_000

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

/** True if the first index comes before the other from the largest down: NaN first, equal ones in their order. */
function isBefore(keys: Float64Array, index: number, other: number): boolean {
  const [key = 0, otherKey = 0] = [keys[index], keys[other]]
  if (Number.isNaN(key) !== Number.isNaN(otherKey)) return Number.isNaN(key)
  return key > otherKey || (!(key < otherKey) && index < other)
}

/** Returns the index at each rank from the largest down, as {@link isBefore} orders them. */
function placesAt(keys: Float64Array, ranks: readonly number[]): number[] {
  const numbers = keys.filter(key => !Number.isNaN(key)).sort()
  const missing = keys.length - numbers.length
  return ranks.map(rank => {
    const value = rank < missing ? Number.NaN : numbers[keys.length - 1 - rank]
    const before = rank < missing ? 0 : missing + numbers.length - 1 - numbers.lastIndexOf(value ?? 0)
    let left = rank - before
    return keys.findIndex(key => Object.is(key, value) && left-- === 0)
  })
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
  const ranks = [0, 1, Math.floor(keys.length / 3), Math.floor(keys.length * 0.9), keys.length - 1]
  const places = placesAt(keys, ranks)

  test.each([
    [4096, 'a good sample', keys.filter((_, index) => index % 10 === 3)],
    [70_001, 'a good sample', keys.filter((_, index) => index % 10 === 3)],
    [4096, 'a sample of the smallest ones only', keys.toSorted().slice(0, 2000)],
    [70_001, 'no sample', new Float64Array(0)],
  ])('cuts fall where sorting puts them, in chunks of %i, after %s', (chunk, _name, sample) => {
    for (const [index, cut] of cutsOf(keys, ranks, chunk, sample).entries()) {
      const place = places[index] ?? 0
      expect({ value: cut.value, last: cut.last }).toEqual({ value: keys[place], last: place })
    }
  })

  test('as many stand within a cut as its rank says, and they are the largest', () => {
    const [, , third = 0] = places
    const [cut] = cutsOf(keys, [Math.floor(keys.length / 3)], 4096, keys.slice(0, 9000))
    let within = 0
    for (const [index, key] of keys.entries()) {
      const isExpected = index === third || isBefore(keys, index, third)
      if ((cut && isWithin(key, index, cut)) !== isExpected) expect.fail(`index ${index} is on the wrong side`)
      within += Number(isExpected)
    }
    expect(within).toBe(Math.floor(keys.length / 3) + 1)
  })
})
