import { describe, expect, test } from 'vitest'
import { startScorers } from '../../../src/evaluate/child/scorers.ts'
import type { Batch, Values } from '../../../src/evaluate/metrics/metric.ts'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../../../src/evaluate/metrics/parameter-schema.ts'
import { countNumbers, noCounts, type ScoredCounts } from '../../../src/evaluate/non-finite-values.ts'
import type { MetricOutcome } from '../../../src/evaluate/protocol.ts'
import { refusalOf } from '../../support/catalogue.ts'
import { full, values } from '../metrics/score.ts'

/** Scores a batch, as an evaluation does to its end. */
async function scored(
  metric: string,
  { output, target }: Batch,
  asked: object = {},
  counts?: ScoredCounts,
): Promise<MetricOutcome> {
  const registered = metrics.get(metric)
  const parameters = registered ? parameterSchema(registered).parse(asked) : {}
  const [scorer] = await startScorers([{ kind: 'registered', name: metric, metric, parameters }], 1)
  if (!scorer) throw new RangeError('no metric was started')
  await scorer.add({ output, target }, target.dims[0] ?? 1)
  return scorer.finish(counts)
}

/** Scores outputs of zero. */
const finished = (metric: string, dims: number[], target: number[], asked?: object) =>
  scored(metric, { output: full(dims), target: values([1, ...dims.slice(2)], target) }, asked)

const masks = (target: number[], asked?: object) => finished('meanIoU', [1, 3, 1, target.length], target, asked)
const positions = (metric: string, target: number[], asked?: object) =>
  finished(metric, [1, 3, target.length], target, asked)

async function refused(work: Promise<unknown>, words: RegExp): Promise<void> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  refusalOf(
    () => {
      if (outcome) throw outcome
    },
    'TUREEN_METRIC_MISMATCH',
    words,
  )
}

describe('targets that are ignored', () => {
  test('are counted in the result, also where there are none', async () => {
    // Zeros predict class 0: of classes 0, 1, 1 and 2, intersection over union is 1/4, 0 and 0.
    const some = await masks([0, 1, 1, 2, 255])
    expect(some).toMatchObject({ ignored: 1, note: expect.stringMatching(/1 of 5 targets are left out.*255/) })
    expect(some.value).toBeCloseTo(1 / 12, 12)
    expect(await masks([0, 1, 1, 2])).toMatchObject({ ignored: 0, value: some.value })
    expect((await masks([0, 1, 1, 2])).note).toBeUndefined()
    for (const metric of ['accuracy', 'topK', 'crossEntropy', 'macroF1', 'balancedAccuracy', 'rocAuc']) {
      expect(await positions(metric, [0, 1, 2, -100])).toMatchObject({ ignored: 1 })
      expect(await positions(metric, [0, 1, 2, 2])).toMatchObject({ ignored: 0 })
    }
    expect(await finished('mse', [1, 1], [3])).toMatchObject({ value: 9, ignored: 0 })
  })

  test('that leave one class are refused with the choice', async () => {
    const words = /2 of 5 targets have the value 255, .*one class; .*"classes": \[0,255\].*"ignoreIndex": null/
    await refused(masks([0, 0, 0, 255, 255]), words)
    await refused(masks([0, 0, 0, 255, 255], { ignoreIndex: 255 }), words)
    await refused(masks([255, 255, 255]), /3 of 3 targets .*none is left/)
    expect(await masks([0, 0, 0])).toMatchObject({ value: 1, ignored: 0 })
  })

  test('that are most of them are refused, unless the request says that they are to be ignored', async () => {
    const target = [0, 1, -100, -100, -100]
    await refused(positions('accuracy', target), /3 of 5 targets .*"ignoreIndex": -100 to leave these targets out/)
    expect(await positions('accuracy', target, { ignoreIndex: -100 })).toMatchObject({ value: 0.5, ignored: 3 })
    expect(await positions('accuracy', [1, -100], { ignoreIndex: -100 })).toMatchObject({ value: 0, ignored: 1 })
    expect(await masks([0, 1, 255, 255, 255], { ignoreIndex: 255 })).toMatchObject({ value: 0.25, ignored: 3 })
    await refused(masks([0, 1, 255, 255, 255]), /3 of 5 targets/)
  })
})

describe('outputs that are labels or scores', () => {
  const finish = async (output: Values, target: Values, asked = {}) =>
    (await scored('accuracy', { output, target }, asked)).value
  const rows = (data: number[]) => ({ ...values([2, 3], data), integers: true })

  test('are refused if all targets are one-hot rows, and the request does not tell', async () => {
    const [output, target] = [rows([7, 2, 1, 1, 9, 0]), rows([1, 0, 0, 0, 0, 1])]
    await refused(finish(output, target), /one-hot; say "from": "logits"/)
    expect(await finish(output, target, { from: 'logits' })).toBe(0.5)
    // Labels of three positions: one of six is right.
    expect(await finish(output, rows([1, 0, 1, 0, 0, 1]))).toBe(1 / 6)
  })

  test('are refused if they look like class indices, and the targets are numbered otherwise', async () => {
    const labels = (data: number[]) => ({ ...values([data.length], data), integers: true })
    await refused(
      finish(labels([0, 1, 2, 2]), labels([1, 2, 3, 2])),
      /0, 1, 2, and .* 1, 2, 3; .*"classes": \[1, 2, 3\]/,
    )
    await refused(finish(labels([0, 1, 1]), labels([0, 255, 0])), /"classes": \[0, 255\]/)
    await refused(finish(labels([0, 1, 1]), labels([-1, 1, -1])), /"classes": \[-1, 1\]/)
    const thousand = Array.from({ length: 1000 }, (_, index) => index)
    await refused(
      finish(labels(thousand), labels(thousand.map(index => index + 1))),
      /0, .* 9 and 990 more, .*"classes": \[1, 2, 3, .* 1000 in all\], otherwise/,
    )
    expect(await finish(labels([0, 1, 2, 2]), labels([1, 2, 3, 2]), { classes: [1, 2, 3] })).toBe(0.75)
    // Labels that the targets have, and others than indices of them, are compared as they are.
    expect(await finish(labels([1, 2, 2, 2]), labels([1, 2, 3, 2]))).toBe(0.75)
    expect(await finish(labels([0, 1, 4, 2]), labels([0, 1, 3, 2]))).toBe(0.75)
    expect(await finish(labels([0, 0, 0]), labels([0, 255, 0]))).toBe(2 / 3)
    const maps = async (output: number[], asked: object) => {
      const batch = { output: values([1, 1, 4], output), target: values([1, 1, 4], [0, 0, 255, 255]) }
      return (await scored('meanIoU', batch, asked)).value
    }
    // Without names, a model that finds nothing would be better than one that finds half of the foreground.
    await refused(maps([0, 0, 0, 1], { ignoreIndex: null }), /"classes": \[0, 255\]/)
    expect(await maps([0, 0, 0, 1], { classes: [0, 255] })).toBeCloseTo((2 / 3 + 1 / 2) / 2, 12)
    expect(await maps([0, 0, 0, 255], { ignoreIndex: null })).toBeCloseTo((2 / 3 + 1 / 2) / 2, 12)
  })

  test('are refused if they are whole numbers of a float type', async () => {
    const [output, target] = [values([4], [0, 2, 1, 2]), values([4], [0, 1, 1, 1])]
    await refused(finish(output, target), /whole numbers from 0 to 2, .*Cast to int64/)
    expect(await finish(output, target, { from: 'logits' })).toBe(1)
    // Zeros and ones come to the same as labels and as probabilities.
    expect(await finish(values([4], [0, 1, 1, 0]), target)).toBe(0.75)
  })
})

test('numbers that are not finite are counted by kind, with their effect on the score', async () => {
  const { NaN: notANumber, POSITIVE_INFINITY: infinite } = Number
  const output = values([4], [1, notANumber, infinite, 0])
  const target = values([4], [1, notANumber, 2, 0])
  const counts = noCounts()
  countNumbers(output, counts.output)
  countNumbers(target, counts.target)
  const note = async (metric: string, asked?: object) => (await scored(metric, { output, target }, asked, counts)).note
  expect(await note('mae')).toBe(
    '2 numbers in the output are not finite (1 NaN and 1 infinite, of 4) and 1 number in the target is NaN (of 4), so there is no score (NaN)',
  )
  expect(await note('allClose', { rtol: 0, atol: 0 })).toMatch(
    /of 4\), NaN is equal to NaN only, and an infinity to itself only$/,
  )
})
