import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../src/evaluate/metrics/metric.ts'
import { goldenSets } from './golden.ts'
import { rows, scoreBatches, split, start, values } from './score.ts'

const cuts = fc.array(fc.nat(200), { maxLength: 8 })

/** Bit for bit: `toEqual` alone takes 0 for -0. */
function expectSame(metric: string, set: Batch, at: readonly number[], parameters: Record<string, unknown>) {
  const whole = scoreBatches(metric, [set], parameters)
  const parts = scoreBatches(metric, split(set, at), parameters)
  expect(Object.is(parts.value, whole.value), `${parts.value} is not ${whole.value}`).toBe(true)
  expect(parts).toEqual(whole)
}

describe('how samples are split into batches changes no bit of', () => {
  test('the golden sets, for every metric', () => {
    const asked = goldenSets.flatMap(({ output, target, answers }) =>
      answers.map(answer => ({ output, target, answer })),
    )
    fc.assert(
      fc.property(fc.constantFrom(...asked), cuts, ({ output, target, answer }, at) => {
        expectSame(answer.metric, { output, target }, at, answer.parameters)
      }),
      { numRuns: 500 },
    )
  })

  test('metrics of classes, whether or not a late sample changes what the outputs are taken for', () => {
    const probability = fc.double({ min: 0, max: 1, noNaN: true })
    const sample = fc.record({
      score: fc.oneof({ weight: 20, arbitrary: probability }, fc.double({ min: -30, max: 30, noNaN: true })),
      other: probability,
      target: fc.constantFrom(0, 1, 1, -100),
    })
    fc.assert(
      fc.property(
        fc.constantFrom('accuracy', 'crossEntropy', 'macroF1', 'balancedAccuracy', 'rocAuc'),
        fc.boolean(),
        fc.array(sample, { minLength: 1, maxLength: 40 }),
        cuts,
        (metric, binary, samples, at) => {
          const output = rows(samples.map(({ score, other }) => (binary ? [score] : [score, 1 - score + other / 1e3])))
          expectSame(metric, { output, target: rows(samples.map(({ target }) => target)) }, at, {})
        },
      ),
      { numRuns: 300 },
    )
  })

  test('metrics of values and references, of any numbers at all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('mse', 'mae', 'rmse', 'r2', 'cosine', 'maxAbsDifference', 'allClose'),
        fc.array(fc.tuple(fc.double(), fc.double(), fc.double(), fc.double()), { minLength: 1, maxLength: 30 }),
        cuts,
        (metric, samples, at) => {
          const output = rows(samples.map(([a, b]) => [a, b]))
          expectSame(metric, { output, target: rows(samples.map(([, , a, b]) => [a, b])) }, at, {})
        },
      ),
      { numRuns: 300 },
    )
  })
})

test('a result may be asked for at any time', () => {
  for (const { output, target, answers } of goldenSets) {
    for (const { metric, parameters } of answers) {
      const accumulator = start(metric, parameters)
      for (const batch of split({ output, target }, [1, 4])) {
        accumulator.add(batch)
        expect(accumulator.result()).toEqual(accumulator.result())
      }
      expect(accumulator.result()).toEqual(scoreBatches(metric, [{ output, target }], parameters))
    }
  }
})

test('the error of a sum does not grow with the number of samples', () => {
  const batch = {
    output: values([100_000], new Float64Array(100_000).fill(0.1)),
    target: values([100_000], new Float64Array(100_000)),
  }
  expect(
    scoreBatches(
      'mae',
      Array.from({ length: 10 }, () => batch),
    ).value,
  ).toBe(0.1)
})
