import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProblemItem } from '../../src/errors.ts'
import { differencesOf, fingerprintOfBytes } from '../support/inspecting.ts'
import { float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { anyModel, encodeModel, modelOf, richModel } from '../support/rich-model.ts'
import { type Change, neutralChanges, onlyAttribute, structuralChanges } from '../support/structure-changes.ts'
import { bytesField, onnxField, parseFields } from '../support/wire-bytes.ts'

const base = richModel()

function expectNamed(differences: ProblemItem[], place: object, message: RegExp): void {
  expect(differences).toContainEqual({ ...place, message: expect.stringMatching(message) })
}

describe('models that may be averaged', () => {
  test.each(Object.entries(neutralChanges))('%s', (_, change) => {
    const other = richModel(change)
    expect(Buffer.from(other).equals(base)).toBe(false)
    expect(differencesOf(base, other)).toEqual([])
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
          graph: { ...model.graph, docString: '', initializer: [...(model.graph.initializer ?? [])].reverse() },
        }
        const [a, b] = [encodeModel(model), encodeModel(other)]
        expect(differencesOf(a, b)).toEqual([])
        expect(fingerprintOfBytes(a)).toBe(fingerprintOfBytes(b))
      }),
      { numRuns: 150 },
    )
  })
})

describe('every single change of structure is found, and named at its place', () => {
  test.each(structuralChanges)('%s', (_, change, place, message) => {
    const other = richModel(change)
    expectNamed(differencesOf(base, other), place, message)
    expect(differencesOf(other, base)).not.toEqual([])
    expect(fingerprintOfBytes(other)).not.toBe(fingerprintOfBytes(base))
  })

  test('a change is the only difference that is listed', () => {
    for (const [what, change] of structuralChanges.filter(
      ([what]) => !/exchanged|name of an init|name of a sparse/.test(what),
    )) {
      expect(differencesOf(base, richModel(change)), what).toHaveLength(1)
    }
  })

  const { model: modelField, graph: graphField, node: nodeField } = onnxField

  /** The base with bytes added at the end of its graph, and after it. */
  function withFields(inGraph: Uint8Array, inModel: Uint8Array = Buffer.alloc(0)): Buffer {
    const fields = parseFields(base).map(({ number, start, payload, end }) =>
      number === modelField.graph
        ? bytesField(number, [base.subarray(payload, end), inGraph])
        : base.subarray(start, end),
    )
    return Buffer.concat([...fields, inModel])
  }
  const node = (...fields: Uint8Array[]) =>
    bytesField(graphField.node, [bytesField(nodeField.name, 'odd'), bytesField(nodeField.opType, 'Odd'), ...fields])

  const odd = (text: string) => bytesField(1000, text)
  const unknown: [where: string, with_: (text: string) => Buffer, place: object, message: RegExp][] = [
    ['the model', text => withFields(Buffer.alloc(0), odd(text)), {}, /model\.#1000/],
    ['the graph', text => withFields(odd(text)), {}, /graph\.#1000/],
    ['a node', text => withFields(node(odd(text))), { node: 'odd' }, /node\[7\]\.#1000/],
    [
      'a node: its overload (IR 10)',
      text => withFields(node(bytesField(nodeField.overload, text))),
      { node: 'odd' },
      /overload/,
    ],
    [
      'an attribute',
      text => withFields(node(bytesField(nodeField.attribute, odd(text)))),
      { node: 'odd' },
      /attribute\[0\]/,
    ],
    ['an input', text => withFields(bytesField(graphField.input, odd(text))), {}, /input\[2\]/],
    [
      'an initializer',
      text => withFields(bytesField(graphField.initializer, [bytesField(8, 'odd'), odd(text)])),
      { tensor: 'odd' },
      /#1000/,
    ],
  ]
  test.each(unknown)('a field that no schema knows, in %s', (_, model, place, message) => {
    const [a, b] = [model('a'), model('b')]
    expectNamed(differencesOf(a, b), place, message)
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
    expect(differencesOf(base, a)).not.toEqual([])
    expect(differencesOf(a, base)).not.toEqual([])
    expect(differencesOf(a, a)).toEqual([])
  })

  test('the order of repeated fields that no schema knows', () => {
    const fields = ['a', 'b'].map(text => bytesField(1000, text))
    const [a, b] = [withFields(Buffer.concat(fields)), withFields(Buffer.concat(fields.reverse()))]
    expect(differencesOf(a, b)).not.toEqual([])
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
  })

  test.each([
    ['s', (last: number) => ({ s: new Uint8Array(9000).fill(1).fill(last, 8999) })],
    ['floats', (last: number) => ({ floats: Array.from({ length: 3000 }, (_, index) => (index < 2999 ? 1 : last)) })],
    ['ints', (last: number) => ({ ints: Array.from({ length: 9000 }, (_, index) => (index < 8999 ? 1 : last)) })],
    ['strings', (last: number) => ({ strings: [Buffer.alloc(9000, 1), Buffer.alloc(9000, last)] })],
  ])('the last element of a long attribute: %s', (name, value) => {
    const long = (last: number) => richModel(onlyAttribute('add', { name: 'long', ...value(last) }))
    const [a, b] = [long(1), long(2)]
    expectNamed(differencesOf(a, b), { node: 'add' }, new RegExp(name))
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
    expect(differencesOf(a, long(1))).toEqual([])
  })

  test('the order of texts in an attribute, one of them long', () => {
    const texts = [Buffer.alloc(9000, 0x61), Buffer.from('short')]
    const model = (strings: Buffer[]) => richModel(onlyAttribute('add', { name: 'classes', strings, type: 8 }))
    const [a, b] = [model(texts), model([...texts].reverse())]
    expect(differencesOf(a, b)).not.toEqual([])
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
  })

  test('the order of sparse initializers is no difference, as they are found by name', () => {
    const sparse = (name: string, values: number[]) => ({
      values: float32Tensor(name, [2], values),
      indices: int64Tensor('', [2], [0, 1]),
      dims: [4],
    })
    const model = (...names: [string, string]) =>
      richModel(({ graph }) => {
        graph.sparseInitializer = names.map(name => sparse(name, [1, 2]))
      })
    expect(differencesOf(model('A', 'B'), model('B', 'A'))).toEqual([])
    expect(differencesOf(model('A', 'B'), model('A', 'C'))).not.toEqual([])
    expect(differencesOf(model('A', 'A'), model('A', 'B'))).not.toEqual([])
  })

  test('a name that stands twice among the initializers is not taken for one', () => {
    const twice = richModel(({ graph }) => void graph.initializer?.push(float32Tensor('W', [3, 2], [6, 5, 4, 3, 2, 1])))
    expect(differencesOf(base, twice)).not.toEqual([])
    expect(differencesOf(twice, base)).not.toEqual([])
  })

  test('more than a hundred differences are counted, not listed', () => {
    const renamed = (prefix: string) =>
      modelOf({ node: Array.from({ length: 150 }, (_, index) => ({ opType: 'Relu', name: `${prefix}${index}` })) })
    const differences = differencesOf(renamed('a'), renamed('b'))
    expect(differences).toHaveLength(101)
    expect(differences.at(-1)).toEqual({ message: 'and 50 more differences' })
  })

  test('long texts are shortened in what is said of them', () => {
    const model = (name: string) => modelOf({ name: name.repeat(5000) })
    const [difference] = differencesOf(model('a'), model('b'))
    expect(difference?.message.length).toBeLessThan(400)
  })
})

describe('the fingerprint', () => {
  test('is equal exactly where the comparison finds nothing', () => {
    const changes = [...Object.values(neutralChanges), ...structuralChanges.map(([, change]) => change)]
    const variant = fc.subarray(changes, { maxLength: 3 })
    const outcomes = { equal: 0, different: 0 }
    const apply = (some: Change[]) =>
      richModel(model => {
        // Two changes may get into each other's way; what counts is that some model comes out.
        for (const change of some) {
          try {
            change(model)
          } catch {}
        }
      })
    fc.assert(
      fc.property(variant, variant, fc.boolean(), (first, second, same) => {
        const [a, b] = [apply(first), apply(same ? [...first].reverse() : second)]
        const equal = fingerprintOfBytes(a) === fingerprintOfBytes(b)
        outcomes[equal ? 'equal' : 'different'] += 1
        expect(differencesOf(a, b).length === 0).toBe(equal)
        expect(differencesOf(b, a).length === 0).toBe(equal)
      }),
      { numRuns: 500 },
    )
    expect(Math.min(outcomes.equal, outcomes.different)).toBeGreaterThan(20)
  })

  test('is equal exactly where the comparison finds nothing, for any two models', () => {
    fc.assert(
      fc.property(anyModel, anyModel, (first, second) => {
        const [a, b] = [encodeModel(first), encodeModel(second)]
        expect(differencesOf(a, b).length === 0).toBe(fingerprintOfBytes(a) === fingerprintOfBytes(b))
      }),
      { numRuns: 150 },
    )
  })

  test('does not change between versions unnoticed', () => {
    expect(fingerprintOfBytes(base)).toBe(fingerprintOfBytes(richModel()))
    expect(fingerprintOfBytes(base)).toMatch(/^sha256:[0-9a-f]{64}$/)
  })
})
