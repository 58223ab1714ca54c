import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, Values } from '../../../src/evaluate/metrics/metric.ts'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { goldenSets } from './golden.ts'
import { classSets, coarseValueSets, maskSets, referenceSets, type SampleSet, valueSets } from './resampled-sets.ts'
import { rows, scoreBatches, split, startKeeping, values } from './score.ts'

const setsOf: Record<string, fc.Arbitrary<SampleSet>> = {
  accuracy: classSets({ binary: true }),
  topK: classSets({ binary: false }).map(set => ({ ...set, parameters: { ...set.parameters, k: 2 } })),
  crossEntropy: classSets({ binary: true }),
  macroF1: classSets({ binary: true }),
  balancedAccuracy: classSets({ binary: true }),
  rocAuc: classSets({ binary: true }),
  mse: valueSets,
  mae: valueSets,
  rmse: valueSets,
  r2: coarseValueSets,
  meanIoU: maskSets,
  cosine: referenceSets(),
  maxAbsDifference: referenceSets(),
  allClose: referenceSets({ rtol: 0.1, atol: 1 }),
}

const cuts = fc.array(fc.nat(200), { maxLength: 5 })

function keptOf(metric: string, { output, target, parameters }: SampleSet, at: readonly number[] = []) {
  const accumulator = startKeeping(metric, parameters)
  for (const batch of split({ output, target }, at)) accumulator.add(batch)
  return accumulator
}

/** The set in which sample i occurs `counts[i]` times. */
function repeated({ output, target }: Batch, counts: Uint32Array): Batch {
  const drawn = Array.from(counts).flatMap((count, sample) => Array.from({ length: count }, () => sample))
  const pick = ({ dims: [count = 1, ...dims], data }: Values): Values => {
    const size = data.length / count
    return {
      dims: [drawn.length, ...dims],
      data: drawn.flatMap(sample => Array.from(data).slice(sample * size, (sample + 1) * size)),
    }
  }
  return { output: pick(output), target: pick(target) }
}

/** Parameters that make any part of the set be read as the whole of it is. */
function asRead({ parameters }: SampleSet, note: string | undefined): Record<string, unknown> {
  const from = note?.match(/outputs read as (logits|probabilities)/)?.[1]
  return from === undefined ? parameters : { ...parameters, from }
}

/** Within 1e-12, relatively: of what is a difference from 1, or a mean of signed terms, relative to 1. */
function expectSame(metric: string, found: number, expected: number) {
  if (Object.is(found, expected) || found === expected) return
  const scale =
    metric === 'r2'
      ? 1 + Math.abs(1 - expected)
      : metric === 'cosine'
        ? 1
        : Math.max(Math.abs(found), Math.abs(expected))
  expect(Math.abs(found - expected), `${found} is not ${expected}`).toBeLessThanOrEqual(1e-12 * scale)
}

test('every metric is tested', () => {
  expect(Object.keys(setsOf).sort()).toEqual([...metrics.keys()].sort())
})

describe.each(Object.entries(setsOf))('%s', (metric, sets) => {
  const drawn = sets.chain(set => {
    const count = set.output.dims[0] ?? 1
    const counts = fc.array(fc.constantFrom(0, 0, 1, 1, 2, 5), { minLength: count, maxLength: count })
    return fc.tuple(fc.constant(set), counts.map(Uint32Array.from.bind(Uint32Array)), cuts)
  })

  test('of each sample once is that of the set', () => {
    fc.assert(
      fc.property(sets, cuts, (set, at) => {
        const accumulator = keptOf(metric, set, at)
        const { value } = accumulator.result()
        expect(value).toBe(scoreBatches(metric, [set], set.parameters).value)
        expect(accumulator.samples).toBe(set.output.dims[0])
        expectSame(metric, accumulator.resampled(new Uint32Array(accumulator.samples).fill(1)), value)
      }),
      { numRuns: 300 },
    )
  })

  test('of a resample is that of a set with its samples as often, in any batches', () => {
    fc.assert(
      fc.property(drawn, ([set, counts, at]) => {
        const accumulator = keptOf(metric, set, at)
        const parameters = asRead(set, accumulator.result().note)
        const expected = scoreBatches(metric, split(repeated(set, counts), at), parameters).value
        expectSame(metric, accumulator.resampled(counts), expected)
      }),
      { numRuns: 600 },
    )
  })

  test('may be asked for between batches, and again', () => {
    fc.assert(
      fc.property(drawn, ([set, counts]) => {
        const whole = keptOf(metric, set).resampled(counts)
        const accumulator = startKeeping(metric, set.parameters)
        for (const batch of split(set, [1])) {
          accumulator.add(batch)
          accumulator.resampled(new Uint32Array(accumulator.samples).fill(2))
        }
        expect(accumulator.resampled(counts)).toBe(whole)
        expect(accumulator.resampled(counts)).toBe(whole)
      }),
      { numRuns: 50 },
    )
  })

  test('does not exist where no sample is drawn, nor where there is none', () => {
    expect(startKeeping(metric).resampled(new Uint32Array(0))).toBeNaN()
    fc.assert(
      fc.property(sets, set => {
        const accumulator = keptOf(metric, set)
        expect(accumulator.resampled(new Uint32Array(accumulator.samples))).toBeNaN()
        expect(() => accumulator.resampled(new Uint32Array(accumulator.samples + 1))).toThrow(RangeError)
      }),
      { numRuns: 20 },
    )
  })
})

test('the golden sets, each sample drawn once', () => {
  for (const { output, target, answers } of goldenSets) {
    for (const { metric, parameters } of answers) {
      const accumulator = keptOf(metric, { output, target, parameters })
      const once = accumulator.resampled(new Uint32Array(accumulator.samples).fill(1))
      expectSame(metric, once, accumulator.result().value)
    }
  }
})

describe('what the outputs are taken for stays what the set shows', () => {
  const onlyFirst = Uint32Array.of(1, 0)

  test('logits of a binary head', () => {
    const set = { output: rows([0.3, 4]), target: rows([1, 1]), parameters: {} }
    expect(keptOf('accuracy', set).resampled(onlyFirst)).toBe(1)
    expect(scoreBatches('accuracy', split(set, [1]).slice(0, 1)).value).toBe(0)
    expect(keptOf('crossEntropy', set).resampled(onlyFirst)).toBeCloseTo(Math.log1p(Math.exp(-0.3)), 14)
  })

  test('logits of classes', () => {
    const output = rows([
      [0.5, 0.5],
      [9, 1],
    ])
    const set = { output, target: rows([1, 0]), parameters: {} }
    expect(keptOf('crossEntropy', set).resampled(onlyFirst)).toBeCloseTo(Math.LN2, 14)
  })

  test('masks of labels, and a mismatch that only the whole set shows', () => {
    const output = values([2, 1, 2], [0, 7, 1, 1])
    const set = { output, target: values([2, 1, 2], [0, 0, 1, 1]), parameters: {} }
    expect(keptOf('meanIoU', set).resampled(onlyFirst)).toBe(0.25)
    const odd = { output: values([1, 1, 2], [0.5, 7]), target: values([1, 1, 2], [0, 7]), parameters: {} }
    expect(() => keptOf('meanIoU', odd).resampled(Uint32Array.of(1))).toThrow(/the masks have the label 7/)
  })
})

test('r2 of a resample of one sample drawn twice is that of a constant target', () => {
  const set = { output: rows([0.1, 5]), target: rows([0.1, 7]), parameters: {} }
  const accumulator = keptOf('r2', set)
  expect(accumulator.resampled(Uint32Array.of(3, 0))).toBe(1)
  expect(accumulator.resampled(Uint32Array.of(0, 2))).toBe(0)
  expect(accumulator.resampled(Uint32Array.of(1, 0))).toBeNaN()
})

test('rocAuc leaves out classes that a resample does not have', () => {
  const output = rows([
    [2, 1, 0],
    [1, 3, 0],
    [0, 1, 2],
    [0, 3, 1],
  ])
  const accumulator = keptOf('rocAuc', { output, target: rows([0, 1, 2, 2]), parameters: { from: 'logits' } })
  const once = split({ output, target: rows([0, 1, 2, 2]) }, [3]).slice(0, 1)
  expect(accumulator.resampled(Uint32Array.of(1, 1, 1, 0))).toBe(scoreBatches('rocAuc', once).value)
  expect(accumulator.resampled(Uint32Array.of(2, 0, 0, 0))).toBeNaN()
})
