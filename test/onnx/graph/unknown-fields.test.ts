import { describe, expect, test } from 'vitest'
import { appendInside, type MessagePath } from '../../support/append-inside.ts'
import { differencesOf, fingerprintOfBytes } from '../../support/inspecting.ts'
import { richModel } from '../../support/rich-model.ts'
import { bytesField, onnxField } from '../../support/wire-bytes.ts'

const base = richModel()
const { model, graph, node, attribute } = onnxField
const odd = (text: string, number = 1000) => bytesField(number, text)
const inGraph = (...path: MessagePath): MessagePath => [[model.graph, 0], ...path]
const [constant, add, choose] = [1, 2, 4].map((index): MessagePath => inGraph([graph.node, index]))
const functionField = { self: 25, node: 7 }
const inFunction = (...path: MessagePath): MessagePath => [[functionField.self, 0], ...path]
const sparse = { values: 1, indices: 2 }

describe('a field that no schema knows must agree where an output depends on what has it', () => {
  const places: [where: string, path: MessagePath, place: object, message: RegExp][] = [
    ['the model', [], {}, /model or graph/],
    ['the graph', inGraph(), {}, /model or graph/],
    ['a node', add ?? [], { node: 'add' }, /attribute #1000/],
    ['an attribute', inGraph([graph.node, 3], [node.attribute, 0]), { node: 'leak' }, /attribute alpha.*#1000/],
    [
      'an attribute that holds a graph',
      [...(choose ?? []), [node.attribute, 0]],
      { node: 'choose' },
      /then_branch.*#1000/,
    ],
    [
      'the graph in an attribute',
      [...(choose ?? []), [node.attribute, 0], [attribute.g, 0]],
      { node: 'choose' },
      /then_branch\.#1000/,
    ],
    [
      'a node in a branch',
      [...(choose ?? []), [node.attribute, 1], [attribute.g, 0], [graph.node, 0]],
      { node: 'else scale' },
      /#1000/,
    ],
    ['an input', inGraph([graph.input, 0]), { node: 'multiply' }, /the input x \(float32 #1000/],
    ['an initializer', inGraph([graph.initializer, 1]), { tensor: 'b' }, /#1000/],
    ['a Constant', constant ?? [], { tensor: 'offset', node: 'constant' }, /#1000/],
    [
      'the attribute of a Constant',
      [...(constant ?? []), [node.attribute, 0]],
      { tensor: 'offset', node: 'constant' },
      /#1000/,
    ],
    [
      'the tensor of a Constant',
      [...(constant ?? []), [node.attribute, 0], [attribute.t, 0]],
      { tensor: 'offset', node: 'constant' },
      /#1000/,
    ],
    ['a sparse initializer', inGraph([graph.sparseInitializer, 0]), { tensor: 'sparse' }, /#1000/],
    ['its values', inGraph([graph.sparseInitializer, 0], [sparse.values, 0]), { tensor: 'sparse' }, /#1000/],
    ['its indices', inGraph([graph.sparseInitializer, 0], [sparse.indices, 0]), { tensor: 'sparse' }, /#1000/],
    ['a function', inFunction(), { node: 'times' }, /function\.#1000/],
    ['a node of a function', inFunction([functionField.node, 1]), { node: 'times' }, /#1000/],
    ['a Constant of a function', inFunction([functionField.node, 0]), { node: 'two', tensor: 'factor' }, /#1000/],
  ]

  test.each(places)('in %s', (_, path, place, message) => {
    const withFields = (...texts: string[]) => appendInside(base, path, Buffer.concat(texts.map(text => odd(text))))
    const [a, b, both] = [withFields('a'), withFields('b'), withFields('a', 'b')]
    expect(differencesOf(a, b)).toEqual([{ ...place, message: expect.stringMatching(message) }])
    const models = [base, a, b, both]
    for (const one of models) {
      for (const other of models) {
        expect(differencesOf(one, other).length === 0).toBe(one === other)
        expect(fingerprintOfBytes(one) === fingerprintOfBytes(other)).toBe(one === other)
      }
    }
  })

  test.each(places)('in %s: several in one order', (_, path) => {
    const fields = [odd('a'), odd('b')]
    const [a, b] = [fields, [...fields].reverse()].map(some => appendInside(base, path, Buffer.concat(some)))
    if (!a || !b) throw new Error('two models are needed')
    expect(differencesOf(a, b)).not.toEqual([])
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
  })

  test('the overload of a node (IR 10), which says which function it calls', () => {
    const twice = inGraph([graph.node, 6])
    const [a, b] = ['a', 'b'].map(text => appendInside(base, twice, odd(text, node.overload)))
    if (!a || !b) throw new Error('two models are needed')
    expect(differencesOf(base, a)).toMatchObject([
      { node: 'twice', message: expect.stringMatching(/custom\.Twice.*Mul times/) },
    ])
    const withFunction = appendInside(a, inFunction(), odd('a', 13))
    expect(differencesOf(base, withFunction)).toEqual([])
    expect(fingerprintOfBytes(withFunction)).toBe(fingerprintOfBytes(base))
    expect(differencesOf(a, b)).toMatchObject([{ node: 'twice', message: expect.stringMatching(/overload.*"b".*"a"/) }])
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
    expect(differencesOf(base, appendInside(base, add ?? [], odd('', node.overload)))).toEqual([])
    expect(differencesOf(base, appendInside(base, add ?? [], odd('a', node.overload)))).toMatchObject([{ node: 'add' }])
  })
})
