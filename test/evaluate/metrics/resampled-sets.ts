import fc from 'fast-check'
import type { Batch, Values } from '../../../src/evaluate/metrics/metric.ts'

/** A set of samples and a metric's parameters for it. */
export type SampleSet = Batch & { parameters: Record<string, unknown> }

type Sized = { dims: readonly number[]; data: fc.Arbitrary<number[]> }

const samples = fc.integer({ min: 1, max: 12 })

function numbers(dims: readonly number[], number: fc.Arbitrary<number>): Sized {
  const length = dims.reduce((product, dim) => product * dim, 1)
  return { dims, data: fc.array(number, { minLength: length, maxLength: length }) }
}

function sets(
  output: Sized,
  target: Sized,
  parameters: fc.Arbitrary<Record<string, unknown>>,
): fc.Arbitrary<SampleSet> {
  const values = ({ dims, data }: Sized): fc.Arbitrary<Values> => data.map(data => ({ dims, data }))
  return fc.record({ output: values(output), target: values(target), parameters })
}

/** Scores with ties, far ones, and now and then a NaN. */
const logit = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 12, arbitrary: fc.double({ min: -9, max: 9, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -0, 300) },
)
const probability = fc.oneof(fc.constantFrom(0, 0.25, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }))

/** Rows of scores as probabilities of classes, by what lies before and behind the axis of the classes. */
function normalised({ dims, data }: Sized, classes: number, step: number): Sized {
  return {
    dims,
    data: data.map(raw =>
      raw.map((value, i) => {
        const first = i - (Math.floor(i / step) % classes) * step
        const sum = Array.from({ length: classes }, (_, c) => raw[first + c * step] ?? 0).reduce((a, b) => a + b, 0)
        return sum === 0 ? 1 / classes : value / sum
      }),
    ),
  }
}

/** Sets of a classifier in every layout; `binary`: of binary heads, too. */
export function classSets({ binary }: { binary: boolean }): fc.Arbitrary<SampleSet> {
  const shape = fc.record({
    n: samples,
    classes: fc.integer({ min: binary ? 1 : 2, max: 4 }),
    positions: fc.constantFrom(0, 0, 5),
    classAxis: fc.constantFrom('first', 'last'),
    oneHot: fc.boolean(),
    probabilities: fc.boolean(),
    from: fc.boolean(),
    ignoreIndex: fc.constantFrom(-100, -100, 0),
  })
  return shape.chain(({ n, classes, positions, classAxis, oneHot, probabilities, from, ignoreIndex }) => {
    const first = classAxis === 'first' || positions === 0
    const dims = positions === 0 ? [n, classes] : first ? [n, classes, positions] : [n, positions, classes]
    const raw = numbers(dims, probabilities ? probability : logit)
    const step = first && positions > 0 ? positions : 1
    const output = probabilities && classes > 1 ? normalised(raw, classes, step) : raw
    const reading = probabilities ? 'probabilities' : 'logits'
    const parameters = fc.constant({ ignoreIndex, ...(binary && from ? { from: reading } : {}) })
    const hot = numbers([n], fc.nat({ max: classes - 1 }))
    if (oneHot && positions === 0 && classes > 1) {
      const rows = hot.data.map(row => row.flatMap(c => Array.from({ length: classes }, (_, k) => (k === c ? 1 : 0))))
      return sets(output, { dims: [n, classes], data: rows }, parameters)
    }
    const target = fc.oneof(
      { weight: 6, arbitrary: fc.nat({ max: Math.max(1, classes - 1) }) },
      { weight: 1, arbitrary: fc.constant(ignoreIndex) },
    )
    return sets(output, numbers(positions === 0 ? [n] : [n, positions], target), parameters)
  })
}

const notFinite = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
const anyValue = fc.oneof(
  { weight: 30, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 8, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 1, arbitrary: notFinite },
)
/** Of numbers that hardly differ the variance is all rounding. */
const coarseValue = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: -80, max: 80 }).map(eighths => eighths / 8) },
  { weight: 1, arbitrary: notFinite },
)

/** Sets of numbers to come close to, one or several a sample; in some the target is nearly or quite constant. */
function setsOfValues(value: fc.Arbitrary<number>): fc.Arbitrary<SampleSet> {
  return fc
    .tuple(samples, fc.constantFrom([], [1], [3], [2, 2]), fc.constantFrom(value, value, fc.constantFrom(0.1, 0.1, 7)))
    .chain(([n, dims, target]) => sets(numbers([n, ...dims], value), numbers([n, ...dims], target), fc.constant({})))
}

export const valueSets = setsOfValues(anyValue)
export const coarseValueSets = setsOfValues(coarseValue)

/** Sets of outputs and their references, some of them equal. */
export function referenceSets(parameters: Record<string, unknown> = {}): fc.Arbitrary<SampleSet> {
  return valueSets.chain(({ output, target }) =>
    fc.array(fc.boolean(), { minLength: output.data.length, maxLength: output.data.length }).map(equal => ({
      output,
      target: { dims: target.dims, data: equal.map((same, i) => (same ? output : target).data[i] ?? 0) },
      parameters,
    })),
  )
}

/** Sets of masks, and outputs of scores for each class, of labels, or of one number a pixel, of the same size and of others. */
export const maskSets: fc.Arbitrary<SampleSet> = fc
  .record({
    n: fc.integer({ min: 1, max: 6 }),
    channels: fc.constantFrom(1, 1, 2, 4),
    kind: fc.constantFrom('labels', 'probabilities', 'logits'),
    size: fc.constantFrom([2, 3], [2, 3], [1, 2]),
    ignoreIndex: fc.constantFrom(255, 255, 0),
  })
  .chain(({ n, channels, kind, size, ignoreIndex }) => {
    const number = { labels: fc.nat({ max: 5 }), probabilities: probability, logits: logit }[kind]
    const highest = channels > 1 ? channels - 1 : kind === 'labels' && size[0] === 2 ? 5 : 1
    const label = fc.oneof(
      { weight: 5, arbitrary: fc.nat({ max: highest }) },
      { weight: 1, arbitrary: fc.constant(ignoreIndex) },
    )
    const output = numbers(channels === 1 ? [n, ...size] : [n, channels, ...size], number)
    return sets(output, numbers([n, 2, 3], label), fc.constant({ ignoreIndex }))
  })
