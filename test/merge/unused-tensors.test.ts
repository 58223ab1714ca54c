import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { float32Tensor, int64Tensor, linearModel, rawInitializer } from '../support/onnx-model.ts'
import { runModel } from '../support/run-model.ts'
import { soupInMemory } from '../support/soup.ts'

type Tensor = ReturnType<typeof float32Tensor>

/** y = x W + b with tensors that nothing reads. */
const withUnused = (weight: number, ...tensors: Tensor[]) =>
  linearModel([weight], [0], ({ graph }) => void graph.initializer?.push(...tensors))

function soup(a: Uint8Array, b: Uint8Array): Buffer {
  return soupInMemory([
    { bytes: a, weight: 1 },
    { bytes: b, weight: 1 },
  ])
}

function unused(model: Uint8Array, name: string): Float32Array {
  return new Float32Array(rawInitializer(model, name).buffer)
}

describe('a tensor that no output depends on', () => {
  test('is averaged with the one of its name, or the only other one of its type', () => {
    const a = withUnused(1, float32Tensor('p', [2], [1, 1]), float32Tensor('q', [3], [1, 1, 1]))
    const b = withUnused(3, float32Tensor('r', [3], [5, 5, 5]), float32Tensor('p', [2], [3, 3]))
    const merged = soup(a, b)
    expect([...unused(merged, 'W')]).toEqual([2])
    expect([...unused(merged, 'p')]).toEqual([2, 2])
    expect([...unused(merged, 'q')]).toEqual([3, 3, 3])
  })

  test('stays the base’s where there are several that it might be, or none', () => {
    const a = withUnused(1, float32Tensor('p', [2], [1, 1]), float32Tensor('alone', [5], [7, 7, 7, 7, 7]))
    const b = withUnused(3, float32Tensor('r', [2], [5, 5]), float32Tensor('s', [2], [9, 9]))
    const merged = soup(a, b)
    expect([...unused(merged, 'W')]).toEqual([2])
    expect([...unused(merged, 'p')]).toEqual([1, 1])
    expect([...unused(merged, 'alone')]).toEqual([7, 7, 7, 7, 7])
  })

  test('stays the base’s if it is a single number, such as the ratio of a Dropout that does nothing', async () => {
    const dropout = (weight: number, ratio: number) =>
      linearModel([weight], [0], ({ graph }) => {
        graph.initializer?.push(float32Tensor('ratio', [], [ratio]))
        graph.node?.push({ opType: 'Dropout', input: ['sum', 'ratio'], output: ['y'] })
        Object.assign(graph.node?.[1] ?? {}, { output: ['sum'] })
      })
    const inputs = [0.5, 0.75].map(ratio => ({ bytes: dropout(1, ratio), weight: 1 }))
    const merged = soupInMemory(inputs, { normalize: false })
    expect(rawInitializer(merged, 'ratio')).toEqual(rawInitializer(dropout(1, 0.5), 'ratio'))
    expect([...unused(merged, 'W')]).toEqual([2])
    // onnxruntime refuses a ratio of 1 and more although nothing is dropped.
    expect(await runModel({ source: memorySource(merged), data: new Map() }, 1)).toHaveProperty('outputs')
    expect(await runModel({ source: memorySource(dropout(2, 1.25)), data: new Map() }, 1)).toHaveProperty('reason')
  })

  test('refuses the soup if it is an integer of the same name and differs, and does not if it has another name', () => {
    const a = withUnused(1, int64Tensor('steps', [1], [100]))
    expect(() => soup(a, withUnused(3, int64Tensor('steps', [1], [200])))).toThrow(
      expect.objectContaining({ code: 'TUREEN_NON_FLOAT_DIFFERS' }),
    )
    expect(soup(a, withUnused(3, int64Tensor('epochs', [1], [200])))).toHaveLength(a.byteLength)
  })
})
