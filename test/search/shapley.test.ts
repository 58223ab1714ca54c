import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shapleyValues } from '../../src/search/shapley.ts'

const games = fc.integer({ min: 2, max: 6 }).chain(players =>
  fc.record({
    players: fc.constant(players),
    values: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 64, maxLength: 64 }),
  }),
)

/** Every order in which the players can join. */
function orders(players: readonly number[]): number[][] {
  if (players.length === 0) return [[]]
  return players.flatMap(first => orders(players.filter(each => each !== first)).map(rest => [first, ...rest]))
}

describe('Shapley values', () => {
  test('are the mean, over all orders, of what each player changes on joining', () => {
    fc.assert(
      fc.property(games, ({ players, values }) => {
        const all = orders(Array.from({ length: players }, (_, player) => player))
        const value = (mask: number) => (mask === 0 ? 0 : (values[mask] ?? 0))
        const sums = Array.from({ length: players }, () => ({ all: 0, later: 0 }))
        for (const order of all) {
          let mask = 0
          for (const player of order) {
            const gain = value(mask | (1 << player)) - value(mask)
            const sum = sums[player]
            if (sum) {
              sum.all += gain
              if (mask !== 0) sum.later += gain
            }
            mask |= 1 << player
          }
        }
        shapleyValues(players, value).forEach(({ shapley, marginal }, player) => {
          expect(shapley).toBeCloseTo((sums[player]?.all ?? 0) / all.length, 9)
          const laterOrders = (all.length * (players - 1)) / players
          expect(marginal).toBeCloseTo((sums[player]?.later ?? 0) / laterOrders, 9)
        })
      }),
      { numRuns: 30 },
    )
  })

  test('sum to the value of all, whatever the game', () => {
    fc.assert(
      fc.property(games, ({ players, values }) => {
        const sum = shapleyValues(players, mask => values[mask] ?? 0).reduce((total, { shapley }) => total + shapley, 0)
        expect(sum).toBeCloseTo(values[2 ** players - 1] ?? 0, 9)
      }),
    )
  })

  test('of the glove game are 2/3, 1/6 and 1/6', () => {
    // Player 0 has a left glove, 1 and 2 have right ones; a pair is worth 1 (Shapley & Shubik 1969).
    const pair = (mask: number) => (mask & 1 && mask & 6 ? 1 : 0)
    expect(shapleyValues(3, pair).map(({ shapley }) => shapley)).toEqual(
      [2 / 3, 1 / 6, 1 / 6].map(each => expect.closeTo(each, 12)),
    )
  })

  test('of a player that never changes anything are 0, and a spoiler’s are negative', () => {
    const values = shapleyValues(3, mask => (mask & 1 ? 5 : 0) - (mask & 4 ? 1 : 0))
    expect(values.map(({ shapley }) => shapley)).toEqual([5, 0, -1].map(each => expect.closeTo(each, 12)))
    expect(values.map(({ marginal }) => marginal)).toEqual([5, 0, -1].map(each => expect.closeTo(each, 12)))
  })
})
