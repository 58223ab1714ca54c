import { blockEngine } from '../../tensor/block-engine.ts'
import { contributionKernel, type SelectElements } from '../../tensor/contribution-kernel.ts'
import { findCuts } from '../../tensor/order-cuts.ts'
import { TreeSum } from '../../tensor/pair-sums.ts'
import type { KeptRange } from '../../tensor/sparsify.ts'
import type { ElementReader } from '../element-reader.ts'
import { copyOf } from '../operation.ts'
import { type Method, unprepared } from './method.ts'
import { sampleOf } from './order-sample.ts'
import { partOf } from './parameters.ts'

type Parameters = { topk: number }

/**
 * Selects the elements on which the models differ most, weighs models by their changes there, and adds changes of one
 * sign.
 */
export const sce: Method<Parameters> = {
  name: 'sce',
  description:
    'Selects the elements that vary most between the models, weighs models by their changes there, and elects signs',
  formula:
    'b + sum(w_i d_i m_i) / sum(w_i m_i), w_i = sum(d_i^2) / sum of all, m_i selected entries with the elected sign',
  source: 'Wan et al. 2024, arXiv:2408.07990',
  parameters: z =>
    z.strictObject({
      topk: z
        .number()
        .min(0)
        .max(1)
        .default(1)
        .describe(
          'Fraction of the elements with a variance other than 0 that change, from the largest variance down; 1: every element',
        ),
    }),
  models: { min: 2, max: null },
  base: 'required',
  fisher: false,
  weights: false,
  normalize: null,
  dropsElements: true,
  needs: ['gram', 'threshold'],
  plan: () => unprepared,
  prepare({ settings: { parameters, weights }, reader }) {
    const models = weights.length
    const kept = keptOf(parameters.topk, reader, models)
    const range = rangeOf(reader, models, kept)
    const coefficients = sharesOf(reader, models, range)
    const facts = { kept: weights.map(() => kept), coefficients }
    if (coefficients) return { step: { kind: 'elements', constants: { coefficients, ranges: [range] } }, facts }
    return { step: copyOf(models), facts: { ...facts, signConflicts: 0 } }
  },
  kernel: ({ settings: { weights } }, { coefficients = [], ranges: [range = 'all'] = [] }) =>
    contributionKernel({
      weights: coefficients,
      votes: weights.map(() => 1),
      lambda: 1,
      divisor: 'agreeing',
      zero: 0,
      sparsify: selectionOf(range),
    }),
}

/**
 * Returns the number of selected elements: all at 1, including elements on which the models agree; below 1, a part of
 * those on which they differ.
 */
function keptOf(topk: number, reader: ElementReader, models: number): number {
  if (topk === 0) return 0
  if (topk === 1) return reader.elements
  const engine = blockEngine()
  let varying = 0
  reader.scan((values, _first, count) => {
    engine.vary(differences(values, models, count), count)
    for (let j = 0; j < count; j += 1) if (engine.variances[j] !== 0) varying += 1
  })
  return partOf(topk, varying)
}

/** Returns the range of selected elements in the order by variance. */
function rangeOf(reader: ElementReader, models: number, kept: number): KeptRange {
  if (kept === 0) return 'none'
  if (kept === reader.elements) return 'all'
  const engine = blockEngine()
  const keysOf = (values: readonly Float64Array[]) => [variancesOf(values, models)]
  const [keys = new Float64Array(0)] = sampleOf([reader], keysOf)
  const [[upTo] = []] = findCuts([[kept - 1]], [{ keys, elements: reader.elements }], visit => {
    reader.scan((values, first, count) => {
      engine.vary(differences(values, models, count), count)
      visit([engine.variances], first, count)
    })
  })
  if (!upTo) throw new RangeError('a cut is missing')
  return { behind: null, upTo }
}

/** Returns the variances of at most a block of elements. */
function variancesOf(values: readonly Float64Array[], models: number): Float64Array {
  const engine = blockEngine()
  const [count = 0] = values.map(({ length }) => length)
  const blocks = values.map((own, index) => {
    const block = engine.source(index)
    block.set(own)
    return block
  })
  engine.vary(differences(blocks, models, count), count)
  return engine.variances.slice(0, count)
}

function selectionOf(range: KeptRange): SelectElements {
  const engine = blockEngine()
  return (changes, first, count) => {
    if (typeof range === 'string') {
      engine.selected.fill(range === 'all' ? -1 : 0, 0, 2 * count)
      return range === 'all' ? count : 0
    }
    engine.vary(changes, count)
    return engine.selectBetween(engine.variances, first, count, range.behind, range.upTo)
  }
}

/**
 * Returns each model's share of the squares of all selected changes; equal shares if they are not finite, null if they
 * are all 0.
 */
function sharesOf(reader: ElementReader, models: number, range: KeptRange): number[] | null {
  const select = selectionOf(range)
  const engine = blockEngine()
  const squaresOf = new Float64Array(8)
  const sums = Array.from({ length: models }, () => new TreeSum())
  reader.scan((values, first, count) => {
    const changes = differences(values, models, count)
    select(changes, first, count)
    for (const d of changes) engine.drop(d, 0, count)
    for (let model = 0; model < models; model += 2) {
      const pair = [model, model + 1].map(index => changes[Math.min(index, models - 1)] ?? engine.variances)
      engine.dotProducts(pair, [...pair, ...pair], count, squaresOf)
      sums[model]?.add(squaresOf[0] ?? 0)
      sums[model + 1]?.add(squaresOf[5] ?? 0)
    }
  })
  const squares = sums.map(({ total }) => total)
  const whole = squares.reduce((sum, square) => sum + square, 0)
  if (whole === 0) return null
  return squares.map(square => (Number.isFinite(whole) ? square / whole : 1 / models))
}

/** Replaces the models' elements by their differences from the base, in place. */
function differences(values: readonly Float64Array[], models: number, count: number): readonly Float64Array[] {
  const base = values[models]
  if (!base) throw new RangeError('the base is missing')
  const changes = values.slice(0, models)
  for (const d of changes) blockEngine().subtract(d, base, count)
  return changes
}
