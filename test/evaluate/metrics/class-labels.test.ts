import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, Values } from '../../../src/evaluate/metrics/metric.ts'
import { refusalOf } from '../../support/catalogue.ts'
import { randomCases } from '../../support/random-cases.ts'
import { score, scoreBatches, split, start, startKeeping, values } from './score.ts'

const integers = (data: readonly number[], dims: readonly number[] = [data.length]): Values => ({
  ...values(dims, data),
  integers: true,
})

/** Two arrays of texts as an evaluation codes them. */
function texts(output: readonly string[], target: readonly string[]): Batch {
  const all = [...new Set([...output, ...target])]
  const coded = (some: readonly string[]): Values => {
    return {
      ...values(
        [some.length],
        some.map(text => all.indexOf(text)),
      ),
      texts: all,
    }
  }
  return { output: coded(output), target: coded(target) }
}

/** scikit-learn's metrics by their definitions, over pairs of labels. */
function expected(pairs: readonly (readonly [predicted: number, wanted: number])[]) {
  const share = (some: readonly unknown[], all: readonly unknown[]) => some.length / all.length
  const mean = (some: readonly number[]) => some.reduce((sum, value) => sum + value, 0) / some.length
  const wanted = [...new Set(pairs.map(([, label]) => label))]
  const recall = wanted.map(label => {
    const own = pairs.filter(pair => pair[1] === label)
    return share(
      own.filter(([prediction]) => prediction === label),
      own,
    )
  })
  const f1 = [...new Set(pairs.flat())].map(label => {
    const hits = pairs.filter(pair => pair.every(each => each === label)).length
    return (2 * hits) / pairs.flat().filter(each => each === label).length
  })
  return {
    accuracy: share(
      pairs.filter(([prediction, label]) => prediction === label),
      pairs,
    ),
    balancedAccuracy: mean(recall),
    macroF1: mean(f1),
  }
}

describe('outputs that are class labels', () => {
  const label = fc.constantFrom(-7, 0, 1, 2, 3, 1_000_000)
  const pairs = fc.array(fc.tuple(label, label), { minLength: 1, maxLength: 30 })

  test('are compared with the targets as labels, whatever integers they are', () => {
    fc.assert(
      fc.property(pairs, some => {
        const [output, target] = [integers(some.map(([each]) => each)), integers(some.map(([, each]) => each))]
        for (const [name, value] of Object.entries(expected(some)))
          expect(score(name, output, target).value).toBeCloseTo(value, 12)
      }),
    )
  })

  test('come to the same in any batches, and resampled once each', () => {
    fc.assert(
      fc.property(pairs, fc.array(fc.nat(30), { maxLength: 3 }), (some, cuts) => {
        const whole = {
          output: integers(some.map(([each]) => each)),
          target: integers(some.map(([, each]) => each)),
        }
        const batches = split(whole, cuts).map(({ output, target }) => ({
          output: { ...output, integers: true },
          target,
        }))
        for (const name of ['accuracy', 'balancedAccuracy', 'macroF1']) {
          const result = score(name, whole.output, whole.target)
          expect(scoreBatches(name, batches)).toEqual(result)
          const kept = startKeeping(name)
          for (const batch of batches) kept.add(batch)
          expect(kept.samples).toBe(some.length)
          expect(kept.resampled(new Uint32Array(some.length).fill(1))).toBe(result.value)
          expect(kept.resampled(new Uint32Array(some.length).fill(2))).toBeCloseTo(result.value, 12)
        }
      }),
      { numRuns: randomCases(50) },
    )
  })

  test('are named in the values by class, in order', () => {
    expect(score('accuracy', integers([9, 3, 3, -1]), integers([9, 3, 9, 5]))).toEqual({
      value: 0.5,
      perClass: [
        { class: 3, value: 1, support: 1 },
        { class: 5, value: 0, support: 1 },
        { class: 9, value: 0.5, support: 2 },
      ],
      note: 'outputs read as class labels: they are integers, one for each target; labels of the targets that no output has: 5',
    })
  })

  test('may be texts, compared with texts', () => {
    const { output, target } = texts(['virginica', 'setosa', 'setosa'], ['setosa', 'setosa', 'setosa'])
    expect(score('accuracy', output, target)).toMatchObject({
      value: 2 / 3,
      perClass: [{ class: 'setosa', value: 2 / 3, support: 3 }],
    })
    refusalOf(() => score('accuracy', output, integers([0, 1, 1])), 'TUREEN_METRIC_MISMATCH', /texts.*numbers/)
    refusalOf(() => score('accuracy', integers([0, 1, 1]), target), 'TUREEN_METRIC_MISMATCH', /numbers.*texts/)
    refusalOf(() => score('accuracy', values([3, 2], [1, 0, 0, 1, 1, 0]), target), 'TUREEN_METRIC_MISMATCH', /texts/)
  })

  test('of positions are compared position by position', () => {
    const [output, target] = [
      integers([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]),
      integers([1, 2, 3, 4, 0, 6, 7, 0], [2, 2, 2]),
    ]
    expect(score('accuracy', output, target).value).toBe(0.75)
  })

  test('of tokens are compared token by token, in batches as well', () => {
    // ArgMax over the classes of three tokens in each of two samples.
    const [output, target] = [integers([0, 2, 1, 1, 1, 0], [2, 3]), integers([0, 2, 2, 1, 0, 0], [2, 3])]
    const whole = score('accuracy', output, target)
    expect(whole).toMatchObject({ value: 4 / 6, note: expect.stringContaining('one for each target') })
    const batches = split({ output, target }, [1]).map(batch => ({
      ...batch,
      output: { ...batch.output, integers: true },
    }))
    expect(scoreBatches('accuracy', batches)).toEqual(whole)
    refusalOf(() => score('crossEntropy', output, target), 'TUREEN_METRIC_MISMATCH', /not one 1 among zeros/)
  })

  test('leave out targets that are to be ignored', () => {
    expect(score('accuracy', integers([1, 2, 3]), integers([1, -100, 0])).value).toBe(0.5)
    expect(score('accuracy', integers([1, 2, 3]), integers([1, 7, 0]), { ignoreIndex: 7 }).value).toBe(0.5)
    const { output, target } = texts(['a', 'b'], ['a', 'b'])
    expect(score('accuracy', output, target, { ignoreIndex: 0 }).value).toBe(1)
  })

  test('are scores where there is one for each class, or where the request says so', () => {
    const scores = integers([1, 5, 2, 9, 0, 0], [2, 3])
    expect(score('accuracy', scores, integers([1, 0])).value).toBe(1)
    expect(score('accuracy', integers([3, -2]), integers([1, 0]), { from: 'logits' }).value).toBe(1)
    expect(score('accuracy', integers([3, -2]), integers([1, 0])).value).toBe(0)
  })

  test('that share none with the targets are scored with a note that says so', () => {
    expect(score('accuracy', integers([1, 2, 3]), integers([4, 5, 6])).note).toMatch(/numbered alike\?$/)
  })

  test('name the labels of the targets that they never have, such as a void one', () => {
    const { note, value } = score('accuracy', integers([0, 1, 1, 0]), integers([0, 1, 255, 255]))
    expect(value).toBe(0.5)
    expect(note).toMatch(/labels of the targets that no output has: 255$/)
    expect(score('accuracy', integers([0, 1, 2]), integers([0, 1, 1])).note).not.toContain('no output has')
  })

  test.each([
    [[1], [0]],
    [
      [1, 1],
      [0, 0],
    ],
  ])('targets %j of one label are scored against %j, since they tell no numbering', (target, output) => {
    const accumulator = start('accuracy')
    accumulator.add({ output: integers(output), target: integers(target) })
    accumulator.requireClear?.()
    expect(accumulator.result().value).toBe(0)
  })

  test.each(['crossEntropy', 'rocAuc', 'topK'])('are refused by %s, which needs scores', name => {
    refusalOf(() => score(name, integers([0, 1]), integers([0, 1])), 'TUREEN_METRIC_MISMATCH', /needs scores/)
    const { output, target } = texts(['a'], ['a'])
    refusalOf(() => score(name, output, target), 'TUREEN_METRIC_MISMATCH', /needs scores/)
  })

  test.each<[string, Values, Values, RegExp]>([
    ['a target that is no integer', integers([0, 1]), values([2], [0, 0.5]), /the target of sample 1 is 0.5/],
    ['a target that is NaN', integers([0, 1]), values([2], [Number.NaN, 1]), /the target of sample 0 is NaN/],
    ['labels that binary64 does not tell apart', integers([2 ** 53]), integers([2 ** 53]), /at most 53 bits/],
    ['one-hot targets', integers([0, 1]), integers([1, 0, 0, 1], [2, 2]), /shapes do not fit/],
    [
      'more labels than classes can be',
      integers(Array.from({ length: 70_000 }, (_, index) => index)),
      integers(Array.from({ length: 70_000 }, (_, index) => index)),
      /more than 65536 different labels/,
    ],
  ])('%s are refused', (_, output, target, words) => {
    refusalOf(() => score('accuracy', output, target), 'TUREEN_METRIC_MISMATCH', words)
  })
})
