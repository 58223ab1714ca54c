import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChannelMoments } from '../../src/evaluate/channel-moments.ts'

const channels = 2
const inner = 3
const row = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
  minLength: channels * inner,
  maxLength: channels * inner,
})

describe('moments of channels', () => {
  it('are those of all values together, however they come in batches', () => {
    const cut = fc.tuple(fc.array(row, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(11), { maxLength: 4 }))
    fc.assert(
      fc.property(cut, ([rows, cuts]) => {
        const moments = new ChannelMoments(channels)
        const ends = [...cuts.filter(end => end < rows.length), rows.length].sort((a, b) => a - b)
        let start = 0
        for (const end of ends) {
          moments.add(rows.slice(start, end).flat(), end - start, inner)
          start = end
        }
        expect(moments.count).toBe(rows.length * inner)
        for (let channel = 0; channel < channels; channel += 1) {
          const values = rows.flatMap(each => each.slice(channel * inner, (channel + 1) * inner))
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length
          const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
          expect(moments.mean[channel]).toBeCloseTo(mean, 8)
          expect(moments.variance[channel]).toBeCloseTo(variance, 6)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('keep a small variance beside a large mean', () => {
    const moments = new ChannelMoments(1)
    for (const value of [1e9 - 1, 1e9, 1e9 + 1]) moments.add([value], 1, 1)
    expect([...moments.mean, ...moments.variance]).toEqual([1e9, 2 / 3])
  })

  it('of no value are no numbers', () => {
    expect(new ChannelMoments(1).variance[0]).toBeNaN()
  })
})
