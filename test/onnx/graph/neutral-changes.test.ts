import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyModel } from '../../support/any-model.ts'
import { appendInside } from '../../support/append-inside.ts'
import { differencesOf, fingerprintOfBytes, isReordering } from '../../support/inspecting.ts'
import { neutralChanges, reorderings } from '../../support/neutral-changes.ts'
import { float32Tensor, int64Tensor } from '../../support/onnx-model.ts'
import { randomCases } from '../../support/random-cases.ts'
import { encodeModel, modelOf, richModel } from '../../support/rich-model.ts'
import { bytesField, onnxField } from '../../support/wire-bytes.ts'

const base = richModel()

describe('models that may be averaged, and have one fingerprint', () => {
  test.each(Object.entries(neutralChanges))('%s', (_, change) => {
    const other = richModel(change)
    expect(Buffer.from(other).equals(base)).toBe(false)
    expect(differencesOf(base, other)).toEqual([])
    expect(differencesOf(other, base)).toEqual([])
    expect(isReordering(base, other)).toBe(false)
    expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
  })

  test('any model beside one with another producer, other texts and its initializers the other way round', () => {
    fc.assert(
      fc.property(anyModel, model => {
        const other = {
          ...model,
          producerName: 'other',
          docString: 'other',
          metadataProps: [],
          irVersion: 9,
          domain: 'other',
          graph: {
            ...model.graph,
            name: 'g',
            docString: '',
            initializer: [...(model.graph.initializer ?? [])].reverse(),
          },
        }
        const [a, b] = [encodeModel(model), encodeModel(other)]
        expect(differencesOf(a, b)).toEqual([])
        expect(fingerprintOfBytes(a)).toBe(fingerprintOfBytes(b))
      }),
      { numRuns: randomCases(150) },
    )
  })

  test('the order of sparse initializers, which are found by what reads them', () => {
    const sparse = (name: string, dim = 4) => ({
      values: float32Tensor(name, [2], [1, 2]),
      indices: int64Tensor('', [2], [0, 1]),
      dims: [dim],
    })
    const model = (names: readonly string[], read: readonly string[]) =>
      modelOf({
        node: [{ name: 'reader', opType: 'Concat', input: [...read], output: ['y'] }],
        sparseInitializer: names.map(name => sparse(name, name === 'C' ? 5 : 4)),
        output: [{ name: 'y' }],
      })
    const first = model(['A', 'B'], ['A', 'B'])
    expect(differencesOf(first, model(['B', 'A'], ['A', 'B']))).toEqual([])
    expect(differencesOf(first, model(['A', 'D'], ['A', 'D']))).toEqual([])
    expect(differencesOf(first, model(['A', 'C'], ['A', 'C']))).toMatchObject([{ tensor: 'C' }])
    expect(differencesOf(first, model(['A', 'A'], ['A', 'B']))).toMatchObject([{ node: 'reader' }])
  })

  test('of initializers that stand twice the first has no part in it, whatever it is', () => {
    const twice = (dims: number[], front: boolean) =>
      richModel(({ graph }) => {
        const tensor = float32Tensor(
          'W',
          dims,
          Array.from({ length: dims.reduce((a, b) => a * b) }, () => 1),
        )
        if (front) graph.initializer?.unshift(tensor)
        else graph.initializer?.push(tensor)
      })
    for (const dims of [
      [3, 2],
      [2, 3],
      [6, 1],
    ])
      expect(differencesOf(base, twice(dims, true))).toEqual([])
    expect(differencesOf(base, twice([3, 2], false))).toEqual([])
    expect(differencesOf(base, twice([2, 3], false))).toMatchObject([{ tensor: 'W' }])
  })

  test('fields that no schema knows, where no output depends on what has them', () => {
    const { model, graph } = onnxField
    const dead = richModel(({ graph: own }) => {
      own.node?.unshift({ name: 'dead', opType: 'Relu', input: ['x'], output: ['unread'] })
      own.initializer?.unshift(float32Tensor('dead', [1], [1]))
      own.input?.unshift({ name: 'dead' })
    })
    for (const field of [graph.node, graph.initializer, graph.input, graph.output, graph.valueInfo]) {
      const path = [
        [model.graph, 0],
        [field, 0],
      ] as const
      const other = appendInside(dead, path, bytesField(1000, 'odd'))
      expect(differencesOf(base, other)).toEqual([])
      expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
    }
  })
})

describe('operands of commutative operators in another order may be averaged, and the fingerprint is the same', () => {
  test.each(Object.entries(reorderings))('%s', (_, change) => {
    const other = richModel(change)
    for (const [a, b] of [
      [base, other],
      [other, base],
    ] as const) {
      expect(differencesOf(a, b)).toEqual([])
      expect(isReordering(a, b)).toBe(true)
    }
    expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
  })
})
