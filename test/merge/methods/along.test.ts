import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementReader } from '../../../src/merge/element-reader.ts'
import { methodSettings } from '../../../src/merge/method-settings.ts'
import { columnSlerpKernel } from '../../../src/merge/methods/column-slerp.ts'
import { memorySource, readBytes } from '../../../src/onnx/byte-source.ts'
import { floats } from '../../support/merge-pair.ts'
import { tensorMerge } from '../../support/merge-tensors.ts'
import { describeShared, sharedDirectory } from '../../support/shared.ts'
import { soupInMemory } from '../../support/soup.ts'

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** nuslerp of two matrices, or of their differences from a third. */
function nuslerp(matrices: readonly Float32Array[], dims: [number, number], along: string): Float32Array {
  const [x, y, base] = matrices.map(bytesOf)
  if (!x || !y) throw new Error('a matrix is missing')
  const tensor = { name: 'w', dtype: 'float32', dims, elements: dims[0] * dims[1], models: [x, y], base }
  const { source } = tensorMerge({ method: 'nuslerp', parameters: { along }, weights: [1, 2], tensors: [tensor] })
  return new Float32Array(readBytes(source, 0, source.byteLength).buffer)
}

function transposed(matrix: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)] ?? 0,
  )
}

function matrix(seed: number, elements: number): Float32Array {
  let state = seed + 1
  return Float32Array.from({ length: elements }, () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647 - 0.5
  })
}

test('along the first axis is along the last one of the transposed matrices', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.boolean(),
      (rows, columns, seed, hasBase) => {
        const matrices = Array.from({ length: hasBase ? 3 : 2 }, (_, i) => matrix(seed + i, rows * columns))
        const turned = matrices.map(each => transposed(each, [rows, columns]))
        const byColumn = nuslerp(matrices, [rows, columns], 'first')
        const byRow = nuslerp(turned, [columns, rows], 'last')
        expect(bytesOf(transposed(byRow, [columns, rows]))).toEqual(bytesOf(byColumn))
      },
    ),
    { numRuns: 30 },
  )
})

test('a matrix with more columns than are known at once comes to the same', () => {
  const dims = [5, 300]
  const tensor = { name: 'w', dtype: 'float32', dims, elements: 1500 }
  const reader = elementReader(
    tensor,
    [1, 2, 3].map(seed => memorySource(bytesOf(matrix(seed, tensor.elements)))),
  )
  const results = [300, 90, 1].map(columnsAtOnce => {
    const kernel = columnSlerpKernel(reader, true, gram => [gram.dot(0, 0), gram.dot(0, 1)], columnsAtOnce)
    const output = new Float64Array(tensor.elements)
    for (let first = 0; first < tensor.elements; first += 233) {
      const block = Array.from({ length: 3 }, () => new Float64Array(Math.min(233, tensor.elements - first)))
      reader.read(first, block)
      kernel.compute(block, output.subarray(first), first, block[0]?.length ?? 0)
    }
    return output
  })
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

test('is kept under one name in rules too, whichever a request has', () => {
  const rules = [
    { match: 'a', parameters: { rowWise: true } },
    { match: 'b', parameters: { rowWise: false } },
    { match: 'c', parameters: { along: 'last', rowWise: true } },
  ]
  const inputs = { weights: [1, 1], hasBase: false, fishers: 0 }
  const settings = methodSettings({ method: 'nuslerp', parameters: { along: 'first' }, rules }, inputs)
  expect(settings.parameters).toEqual({ along: 'first' })
  expect(settings.rules.map(({ parameters }) => parameters)).toEqual([
    { along: 'last' },
    { along: 'tensor' },
    { along: 'last' },
  ])
})

describeShared("mergekit's nuslerp", () => {
  const settings = { method: 'nuslerp', normalize: null, rules: [] }
  // What mergekit's own code gives for the configurations there; its float32 leaves four decimals to compare.
  test.each([
    ['nuslerp_row_wise alone, which it ignores', 'tensor', 2.5477],
    ['nuslerp_flatten: false', 'last', 2.2925],
    ['both', 'first', 2.3511],
  ])('%s', (_, along, first) => {
    const [a, b] = ['A', 'B'].map(name => readFileSync(join(sharedDirectory, 'cases/mergekit', `${name}.onnx`)))
    if (!a || !b) throw new Error('a model is missing')
    const inputs = [a, b].map(bytes => ({ bytes, weight: 1 }))
    const soup = soupInMemory(inputs, { ...settings, parameters: { along } })
    expect(floats(soup, 'w')[0]).toBeCloseTo(first, 4)
  })
})
