import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bootstrapOfSamples } from '../../src/evaluate/bootstrap-of-samples.ts'
import { type TestedTerm, testByTerms } from '../../src/search/test-by-terms.ts'

const scores = z.array(z.number())
const term = z.strictObject({
  direction: z.enum(['max', 'min']),
  weight: z.number(),
  seed: z.int(),
  winner: scores,
  best: scores,
  single: scores,
})
type Term = z.infer<typeof term>

/** See test/fixtures/metrics/make_objective.py. */
const golden = z
  .array(
    z.strictObject({
      name: z.string(),
      replicates: z.int(),
      confidence: z.number(),
      terms: z.array(term),
      interval: z.tuple([z.number(), z.number()]),
    }),
  )
  .parse(JSON.parse(await readFile(new URL('../fixtures/metrics/objective.json', import.meta.url), 'utf8')))

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Tests terms on their samples, as a search with scores from outside does. */
function tested(terms: readonly Term[], replicates = 200, confidence = 0.95, change: Partial<TestedTerm> = {}) {
  const each = terms.map(({ winner, best, single, seed }): TestedTerm => {
    const gains = { single, isRelative: meanOf(best) !== 0, seed }
    const outcome = bootstrapOfSamples({ a: winner, b: best, seed: 0, replicates, confidence, gains })
    const notes = { winner: undefined, bestSingle: undefined }
    return {
      ...{ winner: meanOf(winner), best: meanOf(best), bestSingle: meanOf(single), uniform: null, base: null },
      ...{ samples: winner.length, ignored: 0, notes },
      ...{ interval: outcome.interval, leftOut: outcome.leftOut, gains: outcome.gains, ...change },
    }
  })
  return testByTerms(
    terms.map(({ direction, weight }) => ({ direction, weight, atLeast: null })),
    each,
    confidence,
  )
}

describe('the interval of the objective', () => {
  test.each(golden)('is what NumPy finds: $name', ({ terms, replicates, confidence, interval }) => {
    const found = tested(terms, replicates, confidence)
    expect(found.leftOut).toBe(0)
    for (const [end, value] of interval.entries()) expect(found.interval?.[end]).toBeCloseTo(value, 11)
  })

  /** Gains of -1 and 1 in two samples, so that resamples have the means -1, 0 and 1 with the chances 1/4, 1/2 and 1/4. */
  const seesaw = (first: number, seed: number): Term => ({
    direction: 'max',
    weight: 1,
    seed,
    winner: [first, -first],
    best: [0, 0],
    single: [0, 0],
  })

  test('reaches the sum of both extremes on different samples, which 1/16 of the resamples have', () => {
    expect(tested([seesaw(1, 0), seesaw(-1, 1)], 2000).interval).toEqual([-2, 2])
  })

  test('is 0 where terms on the same samples cancel each other out, and doubles where they agree', () => {
    expect(tested([seesaw(1, 0), seesaw(-1, 0)], 2000).interval).toEqual([0, 0])
    expect(tested([seesaw(1, 0), seesaw(1, 0)], 2000).interval).toEqual([-2, 2])
  })

  test('is turned round where lower scores are better', () => {
    const [low = 0, high = 0] = tested(golden[0]?.terms ?? []).interval ?? []
    const min = (golden[0]?.terms ?? []).map(each => ({ ...each, direction: 'min' as const }))
    const turned = tested(min).interval ?? [0, 0]
    expect(turned[0]).toBeCloseTo(-high, 12)
    expect(turned[1]).toBeCloseTo(-low, 12)
  })

  test('of a model and itself is 0, whatever the terms are', () => {
    const sample = fc.double({ min: 0.5, max: 2, noNaN: true })
    const samples = fc
      .tuple(sample, sample)
      .chain(() => fc.array(fc.tuple(sample, sample), { minLength: 1, maxLength: 9 }))
    const weighed = fc.record({ samples, weight: fc.double({ min: 0.01, max: 9, noNaN: true }), seed: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(weighed, { minLength: 1, maxLength: 4 }), terms => {
        const same = terms.map(({ samples, weight, seed }): Term => {
          const winner = samples.map(([a]) => a)
          return { direction: 'min', weight, seed, winner, single: winner, best: samples.map(([, b]) => b) }
        })
        expect(tested(same, 20).interval?.map(Math.abs)).toEqual([0, 0])
      }),
    )
  })

  test('scales with the weights', () => {
    const terms = golden[1]?.terms ?? []
    const [low = 0, high = 0] = tested(terms).interval ?? []
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), factor => {
        const scaled = tested(terms.map(each => ({ ...each, weight: each.weight * factor }))).interval ?? [0, 0]
        expect(scaled[0] / factor).toBeCloseTo(low, 9)
        expect(scaled[1] / factor).toBeCloseTo(high, 9)
      }),
      { numRuns: 20 },
    )
  })

  test('is null if a term has no score for each sample, or if the objective is not defined', () => {
    const terms = golden[1]?.terms ?? []
    expect(tested(terms, 50, 0.95, { gains: null })).toMatchObject({ interval: null, leftOut: 0 })
    expect(tested(terms, 50, 0.95, { bestSingle: null })).toMatchObject({ interval: null, leftOut: 0 })
  })

  test('leaves out resamples in which the best model scores 0, and is null where they are more than half', () => {
    const rare = { ...seesaw(1, 0), best: [0, 2] }
    // A quarter of the resamples have the first sample alone, in which nothing can be divided by the best score.
    const { interval, leftOut } = tested([rare], 2000)
    expect(leftOut / 2000).toBeGreaterThan(0.2)
    expect(leftOut / 2000).toBeLessThan(0.3)
    // The mean gain of the others: 0 / 1, or -1 / 2.
    expect(interval).toEqual([-0.5, 0])
    const often = { ...rare, winner: [1, -1, 1, 1, 1], best: [0, 2, 0, 0, 0], single: [0, 0, 0, 0, 0] }
    expect(tested([often, { ...often, seed: 1 }], 2000).interval).toBeNull()
  })
})
