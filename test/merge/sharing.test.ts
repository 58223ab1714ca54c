import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { refusalOf } from '../support/catalogue.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { modelOf } from '../support/rich-model.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })

/** y = sigmoid(x * first) * second, the two given as names of tensors. */
function twice(first: string, second: string, tensors: Record<string, number[]>): Uint8Array {
  const node = [
    { name: 'below', opType: 'Mul', input: ['x', first], output: ['low'] },
    { name: 'bend', opType: 'Sigmoid', input: ['low'], output: ['bent'] },
    { name: 'above', opType: 'Mul', input: ['bent', second], output: ['y'] },
  ]
  const initializer = Object.entries(tensors).map(([name, values]) => float32Tensor(name, [values.length], values))
  return modelOf({ name: 'twice', node, initializer, input: [value('x')], output: [value('y')] })
}

/** The mean of two models in the first one's file: its tensors by name, and the warnings. */
function mean(base: Uint8Array, other: Uint8Array, names: readonly string[]) {
  const ingredients = [base, other].map(bytes => ({
    files: { source: memorySource(bytes), data: new Map() },
    weight: 1,
  }))
  const { files, warnings } = soupOfIngredients(ingredients)
  const soup = readBytes(files.source, 0, files.source.byteLength)
  const floats = (name: string) => [...new Float32Array(Uint8Array.from(initializerBytes(soup, name)).buffer)]
  return { tensors: names.map(floats), warnings }
}

describe('tensors that one model shares and another has copies of', () => {
  const copies = twice('a', 'b', { a: [1, 2], b: [3, 4] })
  const shared = twice('s', 's', { s: [5, 6] })

  test('one in place of several goes into each', () => {
    const { tensors, warnings } = mean(copies, shared, ['a', 'b'])
    expect(tensors).toEqual([
      [3, 4],
      [4, 5],
    ])
    expect(warnings).toContainEqual(
      expect.stringMatching(/^model 1 has one tensor, s, where the base has (a, b|b, a)$/),
    )
  })

  test('two different ones in place of one are refused, all named', () => {
    const { errors } = refusalOf(() => mean(shared, copies, ['s']), 'TUREEN_MODELS_DIFFER')
    expect(errors).toEqual([
      {
        model: 'model 1',
        tensor: expect.stringMatching(/^[ab]$/),
        message: expect.stringMatching(
          /same place as [ab]: the base has one tensor there, s, .*two different ones: take this model as "base"/,
        ),
      },
    ])
  })

  test('two equal ones in place of one are taken for it, with a warning', () => {
    const equal = twice('a', 'b', { a: [7, 8], b: [7, 8] })
    const { tensors, warnings } = mean(shared, equal, ['s'])
    expect(tensors).toEqual([[6, 7]])
    expect(warnings).toContainEqual(
      expect.stringMatching(/^model 1 has a separate tensor [ab] in one of the places of the base's s/),
    )
  })

  test('three in place of one are taken only if all are equal', () => {
    const three = (last: number) => {
      const node = ['a', 'b', 'c'].map((name, index) => ({
        opType: 'Mul',
        input: [index === 0 ? 'x' : `v${index - 1}`, name],
        output: [`v${index}`],
      }))
      const initializer = [7, 7, last].map((item, index) => float32Tensor('abc'.charAt(index), [1], [item]))
      return modelOf({ name: 'three', node, initializer, input: [value('x')], output: [value('v2')] })
    }
    const one = (tensors: onnx.ITensorProto[]) => {
      const node = [0, 1, 2].map(index => ({
        opType: 'Mul',
        input: [index === 0 ? 'x' : `v${index - 1}`, 's'],
        output: [`v${index}`],
      }))
      return modelOf({ name: 'one', node, initializer: tensors, input: [value('x')], output: [value('v2')] })
    }
    const base = one([float32Tensor('s', [1], [1])])
    expect(mean(base, three(7), ['s']).tensors).toEqual([[4]])
    refusalOf(() => mean(base, three(9), ['s']), 'TUREEN_MODELS_DIFFER')
  })
})

describe('tensors that each of two models shares where the other has copies', () => {
  /** y = sigmoid(sigmoid(x * p) * q) * r, the three given as names of tensors. */
  const thrice = (places: readonly [string, string, string], tensors: Record<string, number>): Uint8Array => {
    const node = places.flatMap((name, index) => [
      {
        name: `scale ${index}`,
        opType: 'Mul',
        input: [index === 0 ? 'x' : `s${index - 1}`, name],
        output: [`v${index}`],
      },
      { name: `bend ${index}`, opType: 'Sigmoid', input: [`v${index}`], output: [`s${index}`] },
    ])
    const initializer = Object.entries(tensors).map(([name, item]) => float32Tensor(name, [1], [item]))
    return modelOf({ name: 'thrice', node, initializer, input: [value('x')], output: [value('s2')] })
  }
  const first = (once: number, again: number) => thrice(['a', 'a', 'b'], { a: once, b: again })
  const last = (once: number, again: number) => thrice(['c', 'd', 'd'], { c: once, d: again })

  test('are taken whichever is the base where the values agree', () => {
    expect(mean(first(2, 2), last(4, 4), ['a', 'b']).tensors).toEqual([[3], [3]])
    expect(mean(last(4, 4), first(2, 2), ['c', 'd']).tensors).toEqual([[3], [3]])
  })

  test('are taken in one direction where they agree in one of the models, and the refusal of the other says so', () => {
    expect(mean(first(2, 8), last(4, 4), ['a', 'b']).tensors).toEqual([[3], [6]])
    const { errors } = refusalOf(() => mean(last(4, 4), first(2, 8), ['c', 'd']), 'TUREEN_MODELS_DIFFER')
    expect(errors[0]?.message).toMatch(/take this model as "base"/)
  })

  test('are refused where they agree in neither, with a remedy that helps: no sharing', () => {
    for (const [base, other] of [
      [first(2, 8), last(4, 6)],
      [last(4, 6), first(2, 8)],
    ] as const) {
      const { errors } = refusalOf(() => mean(base, other, []), 'TUREEN_MODELS_DIFFER')
      expect(errors.map(({ message }) => message)).toEqual([
        expect.stringMatching(/export both without shared tensors/),
      ])
    }
    const apart = (a: number, b: number, c: number) => thrice(['a', 'b', 'c'], { a, b, c })
    expect(mean(apart(2, 2, 8), apart(4, 6, 6), ['a', 'b', 'c']).tensors).toEqual([[3], [4], [7]])
  })
})

describe('operands of commutative operators', () => {
  /** y = sigmoid(x + b) + tanh(x * w), in one order or the other. */
  const sum = (isSwapped: boolean, names: readonly [string, string], values: readonly [number, number]) => {
    const [w, b] = names
    const order = (one: string, other: string) => (isSwapped ? [other, one] : [one, other])
    const node = [
      { name: 'shift', opType: 'Add', input: order('x', b), output: ['shifted'] },
      { name: 'sigmoid', opType: 'Sigmoid', input: ['shifted'], output: ['p'] },
      { name: 'scale', opType: 'Mul', input: order('x', w), output: ['scaled'] },
      { name: 'tanh', opType: 'Tanh', input: ['scaled'], output: ['q'] },
      { name: 'sum', opType: 'Add', input: order('p', 'q'), output: ['y'] },
    ]
    const initializer = [float32Tensor(w, [1], [values[0]]), float32Tensor(b, [1], [values[1]])]
    return modelOf({ name: 'sum', node, initializer, input: [value('x')], output: [value('y')] })
  }
  const base = sum(false, ['w', 'b'], [1, 10])

  test('may stand in another order: the tensors are paired by what they are, with a warning', () => {
    for (const names of [
      ['w', 'b'],
      ['v', 'c'],
      ['b', 'w'],
    ] as const) {
      const { tensors, warnings } = mean(base, sum(true, names, [3, 30]), ['w', 'b'])
      expect(tensors).toEqual([[2], [20]])
      expect(warnings).toContainEqual(
        'model 1 has operands of commutative operators in another order; they were paired by structure',
      )
    }
    expect(mean(base, sum(false, ['v', 'c'], [3, 30]), ['w', 'b']).warnings.join()).not.toMatch(/order/)
  })

  test.each<[string, onnx.INodeProto]>([
    ['Sub', { opType: 'Sub' }],
    [
      'Add before version 7, which stretches the second',
      { opType: 'Add', attribute: [{ name: 'broadcast', type: 2, i: 1 }] },
    ],
  ])('may not where they are no such: %s', (_, node) => {
    const model = (input: string[]) =>
      modelOf({
        name: 'two operands',
        node: [{ name: 'operator', ...node, input, output: ['y'] }],
        initializer: [float32Tensor('w', [1], [1])],
        input: [value('x')],
        output: [value('y')],
      })
    const { errors } = refusalOf(() => mean(model(['x', 'w']), model(['w', 'x']), ['w']), 'TUREEN_MODELS_DIFFER')
    expect(errors[0]?.node).toBe('operator')
  })
})

describe('names that contradict the structure', () => {
  test('do not count: what stands in the same place is averaged, and the warning names the pairs', () => {
    const base = twice('lower', 'upper', { lower: [1, 2], upper: [3, 4] })
    const permuted = twice('upper', 'lower', { lower: [30, 40], upper: [10, 20] })
    const { tensors, warnings } = mean(base, permuted, ['lower', 'upper'])
    expect(tensors).toEqual([
      [5.5, 11],
      [16.5, 22],
    ])
    expect(warnings).toEqual([
      expect.stringMatching(/^model 1 uses names of the base for other tensors: 2 .*upper for lower/),
    ])
  })
})
