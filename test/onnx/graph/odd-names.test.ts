import { describe, expect, test } from 'vitest'
import { differencesOf, fingerprintOfBytes, networkOfBytes } from '../../support/inspecting.ts'
import { float32Tensor } from '../../support/onnx-model.ts'
import { modelOf } from '../../support/rich-model.ts'

const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })

describe('names that objects have', () => {
  const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
  const plain = ['a', 'b', 'c', 'd', 'e']
  const [first] = odd
  const named = ([x = '', w = '', s = '', product = '', y = '']: string[]) =>
    modelOf({
      name: x,
      node: [
        { name: w, opType: 'Mul', input: [x, w], output: [product] },
        { name: x, opType: 'Add', input: [product, s], output: [y] },
      ],
      initializer: [float32Tensor(w, [2], [1, 2]), float32Tensor(s, [2], [3, 4])],
      input: [value(x)],
      output: [value(y)],
    })

  test('are names like others', () => {
    expect(first).toBe('__proto__')
    expect(fingerprintOfBytes(named(odd))).toBe(fingerprintOfBytes(named(plain)))
    expect(differencesOf(named(odd), named(plain))).toEqual([])
    expect(differencesOf(named(plain), named(odd.toReversed()))).toEqual([])
    const { leaves, inputs } = networkOfBytes(named(odd))
    expect(leaves.map(({ name }) => name)).toEqual(['constructor', 'toString'])
    expect(inputs.map(({ name }) => name)).toEqual(['__proto__'])
  })
})
