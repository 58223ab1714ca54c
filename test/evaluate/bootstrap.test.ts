import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { pairedBootstrap } from '../../src/evaluate/bootstrap.ts'
import { randomStream } from '../../src/tensor/random.ts'
import { startKeeping } from './metrics/score.ts'

const classes = z.array(z.int().min(0))
const interval = z.tuple([z.number(), z.number()])

/** See test/fixtures/metrics/make_bootstrap.py. */
const golden = z
  .array(
    z.strictObject({
      name: z.string(),
      classes: z.int(),
      seed: z.int(),
      replicates: z.int(),
      confidence: z.number(),
      target: classes,
      a: classes,
      b: classes,
      accuracy: interval,
      macroF1: interval,
    }),
  )
  .parse(JSON.parse(await readFile(new URL('../fixtures/metrics/bootstrap.json', import.meta.url), 'utf8')))

/** A metric of a classifier with these predictions. */
function resampled(metric: string, predictions: readonly number[], target: readonly number[], classes: number) {
  const accumulator = startKeeping(metric)
  const scores = predictions.flatMap(c => Array.from({ length: classes }, (_, k) => (k === c ? 1 : 0)))
  accumulator.add({
    output: { dims: [predictions.length, classes], data: scores },
    target: { dims: [target.length], data: target },
  })
  return (counts: Uint32Array) => accumulator.resampled(counts)
}

describe.each(golden)('$name', ({ classes, seed, replicates, confidence, target, a, b, accuracy, macroF1 }) => {
  test.each([
    ['accuracy', accuracy],
    ['macroF1', macroF1],
  ] as const)('%s differs by what NumPy finds', (metric, expected) => {
    const outcome = pairedBootstrap({
      samples: target.length,
      a: resampled(metric, a, target, classes),
      b: resampled(metric, b, target, classes),
      seed,
      replicates,
      confidence,
    })
    expect(outcome).toMatchObject({ replicates, leftOut: 0 })
    for (const [end, value] of expected.entries()) {
      expect(Math.abs((outcome.interval?.[end] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-12)
    }
  })
})

/** The mean of numbers, one a sample. */
function meanOf(numbers: readonly number[]) {
  return (counts: Uint32Array) =>
    numbers.reduce((sum, number, i) => sum + number * (counts[i] ?? 0), 0) / numbers.length
}

const numbers = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
const seed = fc.maxSafeNat()

describe('the interval', () => {
  test('of a metric and itself is 0', () => {
    fc.assert(
      fc.property(numbers, seed, (numbers, seed) => {
        const a = meanOf(numbers)
        const outcome = pairedBootstrap({ samples: numbers.length, a, b: a, seed, replicates: 50 })
        expect(outcome).toEqual({ interval: [0, 0], replicates: 50, leftOut: 0 })
      }),
    )
  })

  test('is repeated by its seed, and by no other', () => {
    const samples = 50
    const a = meanOf(Array.from({ length: samples }, (_, i) => Math.sin(i)))
    const of = (seed: number) => pairedBootstrap({ samples, a, b: () => 0, seed, replicates: 100 }).interval
    expect(of(7)).toEqual(of(7))
    expect(of(8)).not.toEqual(of(7))
    expect(of(7 + 2 ** 32)).not.toEqual(of(7))
  })

  test('is turned round with its metrics', () => {
    fc.assert(
      fc.property(numbers, seed, (numbers, seed) => {
        const a = meanOf(numbers)
        const outcome = (first: typeof a, second: typeof a) =>
          pairedBootstrap({ samples: numbers.length, a: first, b: second, seed, replicates: 40 }).interval ?? []
        const [low = 0, high = 0] = outcome(a, () => 0)
        const [turnedLow = 0, turnedHigh = 0] = outcome(() => 0, a)
        expect(low).toBeLessThanOrEqual(high)
        expect(turnedLow).toBeCloseTo(-high, 12)
        expect(turnedHigh).toBeCloseTo(-low, 12)
      }),
    )
  })

  test('lies within that of a higher confidence', () => {
    fc.assert(
      fc.property(numbers, seed, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, seed, confidence) => {
        const common = { samples: numbers.length, a: meanOf(numbers), b: () => 0, seed, replicates: 60 }
        const [low = 0, high = 0] = pairedBootstrap({ ...common, confidence }).interval ?? []
        const [lowest = 0, highest = 0] = pairedBootstrap({ ...common, confidence: 1 }).interval ?? []
        expect(lowest).toBeLessThanOrEqual(low)
        expect(highest).toBeGreaterThanOrEqual(high)
      }),
    )
  })

  test('has about the width that the central limit theorem gives it', () => {
    const samples = 1000
    const a = meanOf(Array.from({ length: samples }, (_, i) => (i < 700 ? 1 : 0)))
    const [low, high] = pairedBootstrap({ samples, a, b: () => 0.5, seed: 3 }).interval ?? [0, 0]
    const half = 1.96 * Math.sqrt((0.7 * 0.3) / samples)
    expect(low).toBeCloseTo(0.2 - half, 2)
    expect(high).toBeCloseTo(0.2 + half, 2)
  })

  test('is interpolated between the two differences beside a quantile', () => {
    let replicate = 0
    const order = [3, 0, 4, 1, 2]
    const a = () => order[replicate++] ?? Number.NaN
    const outcome = pairedBootstrap({ samples: 1, a, b: () => 0, seed: 0, replicates: 5, confidence: 0.7 })
    expect(outcome.interval?.[0]).toBeCloseTo(0.6, 12)
    expect(outcome.interval?.[1]).toBeCloseTo(3.4, 12)
  })
})

describe('a replicate', () => {
  const drawn = (samples: number, seed: number, replicates: number) => {
    const all: number[][] = []
    pairedBootstrap({
      samples,
      a: counts => all.push(Array.from(counts)),
      b: counts => {
        expect(Array.from(counts)).toEqual(all.at(-1))
        return 0
      },
      seed,
      replicates,
    })
    return all
  }

  test('draws as many samples as there are, from a stream of its own', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        seed,
        fc.integer({ min: 1, max: 9 }),
        (samples, seed, replicates) => {
          const all = drawn(samples, seed, replicates)
          expect(all).toHaveLength(replicates)
          for (const [replicate, counts] of all.entries()) {
            const { below } = randomStream(seed, replicate)
            const expected = new Array<number>(samples).fill(0)
            for (let draw = 0; draw < samples; draw += 1) {
              const sample = below(samples)
              expected[sample] = (expected[sample] ?? 0) + 1
            }
            expect(counts).toEqual(expected)
          }
          expect(drawn(samples, seed, replicates + 1).slice(0, replicates)).toEqual(all)
        },
      ),
    )
  })

  test('draws every sample equally often', () => {
    const totals = new Array<number>(10).fill(0)
    for (const counts of drawn(10, 42, 2000))
      for (const [i, count] of counts.entries()) totals[i] = (totals[i] ?? 0) + count
    for (const total of totals) expect(Math.abs(total - 2000)).toBeLessThan(5 * Math.sqrt(2000 * 0.9))
  })
})

describe('replicates in which a metric does not exist', () => {
  const of = (missing: number, replicates = 10) => {
    let replicate = 0
    const a = () => (replicate++ < missing ? Number.NaN : 1)
    return pairedBootstrap({ samples: 3, a, b: () => 0.5, seed: 1, replicates })
  }

  test('are left out and counted', () => {
    expect(of(4)).toEqual({ interval: [0.5, 0.5], replicates: 6, leftOut: 4 })
    expect(of(5)).toEqual({ interval: [0.5, 0.5], replicates: 5, leftOut: 5 })
  })

  test('leave no interval where fewer than half remain', () => {
    expect(of(6)).toEqual({ interval: null, replicates: 4, leftOut: 6 })
    expect(of(10)).toEqual({ interval: null, replicates: 0, leftOut: 10 })
    const outcome = pairedBootstrap({ samples: 3, a: () => 1, b: () => Number.NaN, seed: 1 })
    expect(outcome).toEqual({ interval: null, replicates: 0, leftOut: 2000 })
  })

  test('are all of those of a set without samples', () => {
    const outcome = pairedBootstrap({ samples: 0, a: () => 1, b: () => 0, seed: 1, replicates: 8 })
    expect(outcome).toEqual({ interval: null, replicates: 0, leftOut: 8 })
  })

  test('are those in which both are infinite; one that is makes the difference so', () => {
    const infinite = () => Number.POSITIVE_INFINITY
    expect(pairedBootstrap({ samples: 2, a: infinite, b: infinite, seed: 1, replicates: 4 }).interval).toBeNull()
    const outcome = pairedBootstrap({ samples: 2, a: infinite, b: () => 0, seed: 1, replicates: 4 })
    expect(outcome.interval).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  })
})
