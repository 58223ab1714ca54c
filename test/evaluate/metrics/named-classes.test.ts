import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, MetricResult, Values } from '../../../src/evaluate/metrics/metric.ts'
import { refusalOf } from '../../support/catalogue.ts'
import { classSets, maskSets } from './resampled-sets.ts'
import { score, startKeeping, values } from './score.ts'

const integers = (data: readonly number[]): Values => ({ ...values([data.length], data), integers: true })

/** Texts as an evaluation codes them: indices of a list that output and target share. */
function texts(data: readonly string[], all: readonly string[] = [...new Set(data)]): Values {
  return {
    ...values(
      [data.length],
      data.map(text => all.indexOf(text)),
    ),
    texts: all,
  }
}

const classesOf = ({ output, target }: Batch) => (target.dims.length === 1 ? (output.dims[1] ?? 1) : 0)
const classMetrics = ['accuracy', 'macroF1', 'balancedAccuracy', 'crossEntropy', 'rocAuc', 'topK']

/** A result whose classes are called by other names. */
const renamed = (result: MetricResult, names: readonly (number | string)[]) =>
  result.perClass?.map(each => ({ ...each, class: names[Number(each.class)] }))

describe('classes of the request', () => {
  const shuffled = fc.shuffledSubarray([-7, 0, 1, 2, 3, 255], { minLength: 6, maxLength: 6 })

  test('give the score of the same targets as class indices, with targets that are integers or texts', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...classMetrics),
        classSets({ binary: true }),
        shuffled,
        fc.boolean(),
        (metric, set, list, areTexts) => {
          const classes = Math.max(2, classesOf(set))
          fc.pre(classesOf(set) > (metric === 'topK' ? 1 : 0))
          const from = metric === 'topK' ? {} : { from: set.parameters['from'] ?? 'auto' }
          const known = set.target.data.length > 0 && Array.from(set.target.data).every(t => t >= 0 && t < classes)
          fc.pre(known)
          const names = list.slice(0, classes).map(name => (areTexts ? `class ${name}` : name))
          const wanted = Array.from(set.target.data, index => names[index] ?? '')
          const target = areTexts ? texts(wanted.map(String)) : values(set.target.dims, wanted.map(Number))
          const plain = score(metric, set.output, set.target, { ...from, ignoreIndex: null })
          const named = score(metric, set.output, target, { ...from, classes: names })
          expect(named.value).toBe(plain.value)
          expect(named.perClass).toEqual(renamed(plain, names))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('give the mean IoU of the same masks as class indices', () => {
    fc.assert(
      fc.property(maskSets, shuffled, (set, names) => {
        const channels = set.output.dims.length === 4 ? (set.output.dims[1] ?? 1) : 2
        fc.pre(Array.from(set.target.data).every(label => label < channels))
        const classes = names.slice(0, channels)
        const target = values(
          set.target.dims,
          Array.from(set.target.data, label => classes[label] ?? 0),
        )
        const plain = score('meanIoU', set.output, set.target, { ignoreIndex: null })
        const named = score('meanIoU', set.output, target, { classes })
        // Numbers that are labels with one reading may be logits with the other.
        fc.pre(channels > 2 || plain.note?.includes('labels') !== true)
        expect(named.value).toBe(plain.value)
      }),
      { numRuns: 300 },
    )
  })

  test('read 255 as foreground, in every form of output', () => {
    // Intersection over union by hand: class 0 has 2 of 3, class 255 has 1 of 2.
    const target = values([1, 1, 4], [0, 0, 255, 255])
    const expected = {
      value: (2 / 3 + 1 / 2) / 2,
      perClass: [
        { class: 0, value: 2 / 3, support: 2 },
        { class: 255, value: 1 / 2, support: 2 },
      ],
    }
    for (const output of [
      values([1, 1, 1, 4], [-2, -1, -0.5, 3]),
      values([1, 1, 4], [0.2, 0.1, 0.3, 0.9]),
      values([1, 1, 4], [0, 0, 0, 1]),
      values([1, 1, 4], [0, 0, 0, 255]),
      values([1, 2, 1, 4], [1, 1, 1, 0, 0, 0, 0, 1]),
    ])
      expect(score('meanIoU', output, target, { classes: [0, 255] })).toMatchObject(expected)
    // Labels that the output has, too, need no names.
    expect(score('meanIoU', values([1, 1, 4], [0, 0, 0, 255]), target, { ignoreIndex: null })).toMatchObject(expected)
  })

  test('compare labels by ArgMax with targets that are counted from 1', () => {
    const result = score('accuracy', integers([0, 1, 2, 0]), integers([1, 2, 3, 2]), { classes: [1, 2, 3] })
    expect(result).toMatchObject({ value: 0.75, note: expect.stringContaining('they are indices of the classes') })
    expect(result.perClass?.map(each => each.class)).toEqual([1, 2, 3])
  })

  test('take integers of the output for their values where one of them is no class index', () => {
    const result = score('accuracy', integers([-1, 1, 1]), integers([-1, 1, -1]), { classes: [-1, 1] })
    expect(result).toMatchObject({ value: 2 / 3, note: expect.stringContaining('they are values of the classes') })
  })

  test('compare labels that are texts with class indices, and class indices with texts', () => {
    const names = ['setosa', 'rose', 'lily']
    const [output, target] = [texts(['rose', 'lily', 'rose'], names), integers([1, 2, 0])]
    const expected = { value: 2 / 3, perClass: [{ class: 'setosa' }, { class: 'rose' }, { class: 'lily' }] }
    expect(score('accuracy', output, target, { classes: names })).toMatchObject(expected)
    const swapped = score('accuracy', integers([1, 2, 1]), texts(['rose', 'lily', 'setosa'], names), { classes: names })
    expect(swapped).toMatchObject(expected)
  })

  test('can be resampled', () => {
    for (const [output, target] of [
      [integers([0, 1, 1]), integers([1, 2, 1])],
      [values([3], [0.1, 0.9, 0.8]), integers([1, 2, 1])],
    ] as const) {
      const kept = startKeeping('accuracy', { classes: [1, 2] })
      kept.add({ output, target })
      expect(kept.samples).toBe(3)
      expect(kept.resampled(Uint32Array.of(1, 1, 1))).toBeCloseTo(2 / 3, 12)
      expect(kept.resampled(Uint32Array.of(0, 0, 2))).toBe(0)
    }
  })

  test.each<[string, string, Values, Values, unknown[], RegExp]>([
    [
      'a target that is none of them',
      'accuracy',
      integers([0]),
      integers([7]),
      [1, 2],
      /target of sample 0 is 7, .*\[1, 2\]/,
    ],
    [
      'a target of scores that is none of them',
      'crossEntropy',
      values([2, 2], [0, 1, 1, 0]),
      integers([0, 1]),
      [0, 255],
      /the target of sample 1 is 1, which is not among the classes of the request, \[0, 255\]/,
    ],
    ['an output that is none of them', 'accuracy', integers([9]), integers([1]), [1, 2], /output of sample 0 is 9/],
    [
      'a mask that is none of them',
      'meanIoU',
      values([1, 1, 1], [0]),
      values([1, 1, 1], [7]),
      [0, 255],
      /label 7: .*\[0, 255\]/,
    ],
    [
      'texts that they do not name',
      'accuracy',
      values([1, 2], [0, 1]),
      texts(['cat']),
      [0, 255],
      /name the texts as classes/,
    ],
  ])('refuse %s', (_, metric, output, target, classes, words) => {
    refusalOf(() => score(metric, output, target, { classes }), 'TUREEN_METRIC_MISMATCH', words)
  })
})

describe('a request that names another number of classes than the output has is refused in the same words', () => {
  const row = (scores: readonly number[]) => values([1, scores.length], scores)
  const pixel = (channels: readonly number[]) => values([1, channels.length, 1, 1], channels)
  const mask = (label: number) => values([1, 1, 1], [label])

  test.each([
    ['accuracy', row([0, 1, 2]), integers([1])],
    ['crossEntropy', row([0, 1, 2]), integers([1])],
    ['accuracy', row([0, 1, 2]), row([0, 1, 0])],
    ['meanIoU', pixel([0, 1, 2]), mask(1)],
  ])('%s of three scores, with two names', (metric, output, target) => {
    const words = /names 2 classes, \[0, 1\], and the output has 3; name each class once, in the order of the output$/
    const error = refusalOf(() => score(metric, output, target, { classes: [0, 1] }), 'TUREEN_METRIC_MISMATCH', words)
    expect(error.errors).toMatchObject([{ field: 'metrics', expected: '3 classes', actual: '2 classes' }])
  })

  // The values of the targets do not matter: each is one of the first two classes, or of the third.
  test.each([
    ['rocAuc', values([1], [0.5]), integers([1])],
    ['accuracy', values([1], [0.5]), integers([2])],
    ['meanIoU', values([1, 1, 1], [0.5]), mask(0)],
    ['meanIoU', values([1, 1, 1], [0.5]), mask(1)],
    ['meanIoU', values([1, 1, 1], [-3]), mask(2)],
  ])('%s of one score, with three names', (metric, output, target) => {
    const words = /names 3 classes, \[0, 1, 2\], and the output has one score for each target, which tells 2 apart/
    const classes = [0, 1, 2]
    const error = refusalOf(() => score(metric, output, target, { classes }), 'TUREEN_METRIC_MISMATCH', words)
    expect(error.errors).toMatchObject([{ field: 'metrics', expected: '2 classes', actual: '3 classes' }])
  })

  test('but labels may be of more classes than a set shows', () => {
    const maps = score('meanIoU', values([1, 1, 2], [0, 1]), values([1, 1, 2], [0, 0]), { classes: [0, 1, 2] })
    // Class 0 has one of two pixels, class 1 is predicted once and wanted nowhere, class 2 occurs nowhere.
    expect(maps).toMatchObject({ value: 0.25, note: expect.stringContaining('outputs read as labels') })
    const labels = score('accuracy', integers([0, 1]), integers([0, 0]), { classes: [0, 1, 2] })
    expect(labels).toMatchObject({ value: 0.5, note: expect.stringContaining('outputs read as class labels') })
  })
})

describe('ignoreIndex null', () => {
  test('leaves nothing out', () => {
    const [output, target] = [integers([1, -100, 3]), integers([1, -100, 0])]
    expect(score('accuracy', output, target).value).toBe(0.5)
    expect(score('accuracy', output, target, { ignoreIndex: null }).value).toBe(2 / 3)
  })
})

describe('the classes that a mean leaves out are named', () => {
  const output = values([2, 4], [9, 0, 0, 0, 0, 9, 0, 0])
  const target = integers([0, 0])

  test.each([
    ['balancedAccuracy', {}, 'classes without targets, left out of the mean: 1, 2, 3'],
    ['macroF1', {}, 'classes without targets and predictions, or ignored, left out of the mean: 2, 3'],
    [
      'macroF1',
      { classes: [0, 5, 6, 7] },
      'classes without targets and predictions, or ignored, left out of the mean: 6, 7',
    ],
  ])('by %s %o', (metric, parameters, note) => {
    expect(score(metric, output, target, parameters).note).toBe(note)
  })

  test('ten of them', () => {
    const many = values([1, 40], new Float64Array(40))
    expect(score('balancedAccuracy', many, integers([0])).note).toMatch(/: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 29 more$/)
  })

  test('unless the labels themselves are all that is known of them', () => {
    const maps = score('meanIoU', values([1, 1, 2], [0, 7]), values([1, 1, 2], [0, 7]))
    expect(maps.note).toBe('outputs read as labels: all are integers from 0')
  })
})
