/** A repeatable source of random numbers (mulberry32), so that a failing run can be run again by its seed. */
export type Random = {
  /** At least 0, less than 1. */
  next(): number
  /** An integer from `from` to `to`, both included. */
  integer(from: number, to: number): number
  pick<Item>(items: readonly Item[]): Item
  shuffled<Item>(items: readonly Item[]): Item[]
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    integer,
    pick(items) {
      const item = items[integer(0, items.length - 1)]
      if (item === undefined) throw new RangeError('there is nothing to pick from')
      return item
    },
    shuffled(items) {
      return items
        .map(item => ({ item, key: next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ item }) => item)
    },
  }
}

/** The seed of a run: TUREEN_TEST_SEED, to repeat one, or a new one. Put it into the title of the test. */
export const runSeed = Number(process.env.TUREEN_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
