import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBytes } from '../../../src/onnx/byte-source.ts'
import { type TensorMerge, type TestTensor, tensorMerge } from '../../support/merge-tensors.ts'

/** Longer than a block of elements, in rows that blocks and ranges cut through. */
const dims = [13, 700]
const elements = 9100

/** Numbers of which many are equal, some zero, and one is NaN. */
function floats(seed: number): Uint8Array {
  let state = seed
  const values = Float32Array.from({ length: elements }, () => {
    state = (state * 48271) % 2147483647
    return Math.round((state / 2147483647 - 0.5) * 40) / 64
  })
  values[5000] = Number.NaN
  return new Uint8Array(values.buffer)
}

const [a, b, c, base] = [11, 22, 33, 44].map(floats)
if (!a || !b || !c || !base) throw new Error('a tensor is missing')
const tensor = (models: Uint8Array[], more: Partial<TestTensor> = {}): TestTensor[] => [
  { name: 'first', dtype: 'float32', dims, elements, models, ...more },
  { name: 'second', dtype: 'float32', dims: [elements], elements, models, ...more },
]
const changes = (parameters: Record<string, unknown> = {}) => ({ parameters, tensors: tensor([a, b, c], { base }) })

const columns = (): TestTensor[] => tensor([a, b, c], { base, rows: { slabs: 1, outer: 13, units: 70, inner: 10 } })

/** By method, and what is special behind it. */
const merges: Record<string, Omit<TensorMerge, 'method'>> = {
  linear: { tensors: tensor([a, b, c]), weights: [1, 2, 3] },
  slerp: { tensors: tensor([a, b]), parameters: { t: 0.3 } },
  'nuslerp along last': { tensors: tensor([a, b], { base }), parameters: { along: 'last' }, weights: [1, 2] },
  'nuslerp along first': { tensors: tensor([a, b], { base }), parameters: { along: 'first' }, weights: [1, 2] },
  multislerp: { tensors: tensor([a, b, c], { base }) },
  karcher: { tensors: tensor([a, b, c]) },
  model_stock: changes(),
  task_arithmetic: changes(),
  ties: changes({ density: 0.3 }),
  dare_linear: changes({ density: 0.5 }),
  dare_ties: changes({ density: 0.5, rescale: 'l1' }),
  della: changes({ density: 0.5 }),
  della_linear: changes({ density: 0.5 }),
  'della_linear of strided rows': { parameters: { density: 0.5 }, tensors: columns() },
  breadcrumbs: changes({ density: 0.5, gamma: 0.1 }),
  breadcrumbs_ties: changes({ density: 0.5, gamma: 0.1 }),
  sce: changes({ topk: 0.3 }),
  ema: { tensors: tensor([a, b, c]), parameters: { decay: 0.5 } },
  nearswap: { tensors: tensor([a, b]), parameters: { t: 0.05 } },
  fisher: { tensors: tensor([a, b], { fishers: [c, base] }) },
  wise_ft: { tensors: tensor([a], { base }), parameters: { alpha: 0.3 } },
}

describe('read in any ranges, in any order, a merge is the same bytes', () => {
  test.each(Object.entries(merges))('%s', (title, merge) => {
    const [method = ''] = title.split(' ')
    const whole = tensorMerge({ method, ...merge })
    const bytes = readBytes(whole.source, 0, whole.source.byteLength)
    const facts = whole.facts()
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: bytes.byteLength - 1 }), { maxLength: 8 }),
        fc.boolean(),
        (cuts, isBackwards) => {
          const { source, facts: factsOf } = tensorMerge({ method, ...merge })
          const places = [...new Set([0, ...cuts, bytes.byteLength])].sort((x, y) => x - y)
          const ranges = places.slice(1).map((end, index) => [places[index] ?? 0, end] as const)
          const joined = new Uint8Array(bytes.byteLength)
          for (const [start, end] of isBackwards ? ranges.toReversed() : ranges)
            source.read(start, joined.subarray(start, end))
          expect(Buffer.compare(joined, bytes)).toBe(0)
          expect(factsOf()).toEqual(facts)
        },
      ),
      { numRuns: 6 },
    )
  })
})
