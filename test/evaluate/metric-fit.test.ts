import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { requireFit } from '../../src/evaluate/metric-fit.ts'
import type { RegisteredMetric } from '../../src/evaluate/metrics/metric-loaders.ts'
import { metrics } from '../../src/evaluate/metrics/metric-registry.ts'
import type { Dimension } from '../../src/onnx/skeleton.ts'
import { randomCases } from '../support/random-cases.ts'
import { start } from './metrics/score.ts'

function named(name: string): RegisteredMetric {
  const metric = metrics.get(name)
  if (!metric) throw new RangeError(`there is no metric ${name}`)
  return metric
}

type Refusable = {
  metric: string
  output: readonly Dimension[] | null
  target: readonly number[]
  outputType?: string
  targetType?: string
}

function refusal(asked: Refusable): TureenError | undefined {
  const { metric, output, target, outputType = 'float32', targetType = 'int64' } = asked
  try {
    requireFit(
      named(metric),
      { name: 'logits', dtype: outputType, dims: output },
      { name: 'y', dtype: targetType, dims: target },
      'selection.metric',
    )
    return undefined
  } catch (error) {
    if (error instanceof TureenError) return error
    throw error
  }
}

/** Whether an accumulator takes samples of these dims. Of a batch without samples only the shapes can be wrong. */
function accepts(
  metric: RegisteredMetric,
  output: readonly number[],
  target: readonly number[],
  integers = false,
): boolean {
  try {
    start(metric.name).add({
      output: { dims: [0, ...output], data: [], integers },
      target: { dims: [0, ...target], data: [] },
    })
    return true
  } catch (error) {
    if (error instanceof TureenError) return false
    throw error
  }
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constant(0) },
)
const dims = fc.array(size, { maxLength: 4 })

/** Dims of an output and a target, unrelated, or with axes put in or exchanged. */
const pair = fc
  .tuple(dims, dims, size, fc.constantFrom('any', 'same', 'first', 'last', 'one', 'image'))
  .map(([output, target, more, kind]): [output: number[], target: number[]] => {
    if (kind === 'same') return [output, output]
    if (kind === 'first') return [[more, ...target], target]
    if (kind === 'last') return [[...target, more], target]
    if (kind === 'one') return [[...output, 1], output]
    if (kind === 'image') return [[more, ...output.slice(0, 2)], target.slice(0, 2)]
    return [output, target]
  })

describe.each([...metrics.values()])('$name', metric => {
  const refuses = (output: readonly Dimension[], target: readonly number[], outputType = 'float32') =>
    refusal({ metric: metric.name, output: ['batch', ...output], target: [7, ...target], outputType }) !== undefined

  test('is refused for known shapes if and only if its accumulators refuse them', () => {
    fc.assert(
      fc.property(pair, fc.boolean(), ([output, target], integers) => {
        const isRefused = refuses(output, target, integers ? 'int64' : 'float32')
        expect(isRefused).toBe(!accepts(metric, output, target, integers))
      }),
      { numRuns: randomCases(1000) },
    )
  })

  test('is refused for shapes with open dimensions if and only if no sizes of them would do', () => {
    const sizes = [0, 1, 2, 3, 4, 5, 6]
    const filled = (dims: readonly Dimension[]): number[][] =>
      dims.reduce<number[][]>(
        (all, dim) => all.flatMap(some => (typeof dim === 'number' && dim >= 0 ? [dim] : sizes).map(n => [...some, n])),
        [[]],
      )
    const open = fc.constantFrom<Dimension>(null, 'height', -1)
    const opened = fc.tuple(pair, fc.array(fc.tuple(fc.nat(3), open), { maxLength: 3 }))
    fc.assert(
      fc.property(opened, ([[output, target], places]) => {
        const dims: Dimension[] = [...output]
        for (const [place, dim] of places) if (place < dims.length) dims[place] = dim
        const some = filled(dims).some(each => accepts(metric, each, target))
        expect(refuses(dims, target)).toBe(!some)
        if (accepts(metric, output, target)) expect(some).toBe(true)
      }),
      { numRuns: randomCases(200) },
    )
  })

  test('is never refused for an output of unknown rank, and always for strings', () => {
    fc.assert(
      fc.property(dims, target => {
        const asked = { metric: metric.name, output: null, target: [7, ...target] }
        expect(refusal(asked)).toBeUndefined()
        expect(refusal({ ...asked, targetType: 'string' })?.message).toContain('the target y is string')
        expect(refusal({ ...asked, outputType: 'string' })?.message).toContain('the output logits is string')
      }),
    )
  })
})

describe('the refusal', () => {
  test.each<[string, Refusable, RegExp]>([
    [
      'of a regression target that accuracy cannot read',
      { metric: 'accuracy', output: ['n', 10], target: [500, 3], targetType: 'float32' },
      /: the shapes do not fit: output logits float32 \[n, 10\], target y float32 \[500, 3\]; expected an output of \[n\] or \[n, 1\] \(binary head\)/,
    ],
    [
      'of classes by name',
      { metric: 'macroF1', output: ['n', 10], target: [500], targetType: 'string' },
      / without classes that name the texts: the target y is string; the metric takes class indices or one-hot rows, which are numbers\.$/,
    ],
    [
      'of values of another number',
      { metric: 'rmse', output: [null, 3], target: [500, 4], targetType: 'float32' },
      /: the output logits float32 \[\?, 3\] and the target y float32 \[500, 4\] must have the same shape\.$/,
    ],
    [
      'of a mask of another rank',
      { metric: 'meanIoU', output: [1, 21, 'h', 'w'], target: [500], targetType: 'uint8' },
      /: the shapes do not fit: output logits float32 \[1, 21, h, w\], target y uint8 \[500\]; expected an output of \[n, C, h, w\]/,
    ],
    [
      'of classes on the last axis of an image',
      { metric: 'meanIoU', output: [1, 4, 5, 3], target: [500, 4, 5] },
      /: the output has its classes on the last axis .*; transpose it to \[n, C, h, w\]\.$/,
    ],
    [
      'of classes on either of two axes',
      { metric: 'crossEntropy', output: ['n', 4, 4], target: [500, 4] },
      /: the classes may lie on axis 1 or on the last axis, both fit \(output logits float32 \[n, 4, 4\], target y int64 \[500, 4\]\); transpose the output/,
    ],
    [
      'of a binary head',
      { metric: 'topK', output: ['n', 1], target: [500] },
      /: the output logits float32 \[n, 1\] has one score a sample; the metric needs one for each class\.$/,
    ],
    [
      'of labels that scores are needed of',
      { metric: 'crossEntropy', output: ['n'], target: [500], outputType: 'int64' },
      /: the output logits is int64: class labels, one for each target, and the metric needs scores: score an output of probabilities or logits, or ask for accuracy, balancedAccuracy or macroF1\.$/,
    ],
    [
      'of labels that are texts, of numbers',
      { metric: 'accuracy', output: ['n'], target: [500], outputType: 'string' },
      / without classes that name the texts: the output logits is string; its texts cannot be compared with y, int64\.$/,
    ],
    [
      'of what is no tensor',
      { metric: 'accuracy', output: null, target: [500], outputType: 'sequence(map(int64, float32))' },
      /: the output logits is sequence\(map\(int64, float32\)\); metrics are of numbers\.$/,
    ],
  ])('%s', (_, asked, message) => {
    const error = refusal(asked)
    expect(error?.code).toBe('TUREEN_METRIC_MISMATCH')
    expect(error?.message).toMatch(new RegExp(`^The metric ${asked.metric} cannot be computed${message.source}`))
    expect(error?.errors).toMatchObject([{ field: 'selection.metric', message: expect.any(String) }])
    expect(error?.message).toContain(error?.errors[0]?.message)
  })
})

describe('what may still fit is let through', () => {
  test.each<[string, Refusable]>([
    [
      'float targets of the shape of indices',
      { metric: 'accuracy', output: ['n', 3], target: [9], targetType: 'float32' },
    ],
    ['one-hot rows', { metric: 'accuracy', output: ['n', 3], target: [9, 3], targetType: 'float32' }],
    ['an output of a fixed batch size', { metric: 'mse', output: [1, 3], target: [9, 3], targetType: 'float64' }],
    ['a type that is not known', { metric: 'mse', output: ['n'], target: [9], outputType: 'type 99' }],
    ['scores of another size than the masks', { metric: 'meanIoU', output: ['n', 21, 8, 8], target: [9, 32, 32] }],
    ['axes of size 1', { metric: 'mae', output: ['n', 'one'], target: [9], targetType: 'float32' }],
    [
      'more open dimensions than can be gone through',
      { metric: 'mse', output: new Array(40).fill(null), target: [9, 2, 3] },
    ],
  ])('%s', (_, asked) => {
    expect(refusal(asked)).toBeUndefined()
  })
})
