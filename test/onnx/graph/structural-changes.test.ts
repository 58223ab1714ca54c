import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { memorySource } from '../../../src/onnx/byte-source.ts'
import { anyModelAtAll } from '../../support/any-model.ts'
import { outcomeOf, refusalOf } from '../../support/catalogue.ts'
import { differencesOf, fingerprintOfBytes, inspectSource, networkOfBytes } from '../../support/inspecting.ts'
import { randomCases } from '../../support/random-cases.ts'
import { onlyAttribute } from '../../support/rich-changes.ts'
import { encodeModel, modelOf, richModel } from '../../support/rich-model.ts'
import { selfSoup } from '../../support/soup.ts'
import { structuralChanges } from '../../support/structure-changes.ts'

const base = richModel()

describe('every single change of structure is found, and named at its place', () => {
  test.each(structuralChanges)('%s', (_, change, place, message) => {
    const other = richModel(change)
    expect(differencesOf(base, other)).toContainEqual(
      expect.objectContaining({ ...place, message: expect.stringMatching(message) }),
    )
    expect(differencesOf(other, base)).not.toEqual([])
    expect(fingerprintOfBytes(other)).not.toBe(fingerprintOfBytes(base))
  })

  /** Of these there is more to say: of two operands or attributes, of each operator or tensor, of inputs that are read no more. */
  const several = /^(an opset version in|the order of edges|the name of an? .*attribute|an initializer less)/

  test('a change is the only difference that is listed', () => {
    for (const [what, change] of structuralChanges) {
      const differences = differencesOf(base, richModel(change))
      if (several.test(what)) expect(differences.length, what).toBeGreaterThan(1)
      else expect(differences, what).toHaveLength(1)
    }
  })

  test.each([
    ['s', (last: number) => ({ s: new Uint8Array(9000).fill(1).fill(last, 8999) })],
    ['floats', (last: number) => ({ floats: Array.from({ length: 3000 }, (_, index) => (index < 2999 ? 1 : last)) })],
    ['ints', (last: number) => ({ ints: Array.from({ length: 9000 }, (_, index) => (index < 8999 ? 1 : last)) })],
    ['strings', (last: number) => ({ strings: [Buffer.alloc(9000, 1), Buffer.alloc(9000, last)] })],
  ])('the last element of a long attribute: %s', (name, value) => {
    const long = (last: number) => richModel(onlyAttribute('add', { name: 'long', ...value(last) }))
    const [a, b] = [long(1), long(2)]
    expect(differencesOf(a, b)).toMatchObject([{ node: 'add', message: expect.stringContaining(name) }])
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

  test('the branches of an If exchanged, which are not alike', () => {
    const branch = (opType: string, name: string) => ({
      name,
      g: { node: [{ name: opType, opType, input: ['x'], output: ['z'] }], output: [{ name: 'z' }] },
    })
    const model = (yes: string, no: string) =>
      modelOf({
        node: [
          {
            name: 'choose',
            opType: 'If',
            input: ['flag'],
            output: ['y'],
            attribute: [branch(yes, 'then_branch'), branch(no, 'else_branch')],
          },
        ],
        input: [{ name: 'x' }, { name: 'flag' }],
        output: [{ name: 'y' }],
      })
    const [a, b] = [model('Relu', 'Abs'), model('Abs', 'Relu')]
    expect(differencesOf(a, b)).toMatchObject([
      { node: 'Relu', message: expect.stringMatching(/Relu.*Abs/) },
      { node: 'Abs', message: expect.stringMatching(/Abs.*Relu/) },
    ])
    expect(fingerprintOfBytes(a)).not.toBe(fingerprintOfBytes(b))
  })

  test('more than a hundred differences are counted, not listed', () => {
    const chain = (alpha: number) =>
      modelOf({
        node: Array.from({ length: 150 }, (_, index) => ({
          opType: 'LeakyRelu',
          name: `node ${index}`,
          input: [index ? `v${index - 1}` : 'x'],
          output: [`v${index}`],
          attribute: [{ name: 'alpha', type: 1, f: alpha }],
        })),
        input: [{ name: 'x' }],
        output: [{ name: 'v149' }],
      })
    const differences = differencesOf(chain(0.5), chain(0.25))
    expect(differences).toHaveLength(101)
    expect(differences.at(-1)).toEqual({ message: 'and 50 more differences from model 0' })
  })

  test('long texts are shortened in what is said of them', () => {
    const model = (name: string) =>
      modelOf({
        node: [{ opType: name.repeat(5000), input: [name.repeat(6000)], output: [name.repeat(7000)] }],
        output: [{ name: name.repeat(7000) }],
      })
    const attribute = (letter: string) =>
      richModel(onlyAttribute('add', { name: letter.repeat(5000), s: Buffer.from(letter.repeat(4000)) }))
    for (const write of [model, attribute])
      for (const { message } of differencesOf(write('a'), write('b'))) expect(message.length).toBeLessThan(1200)
  })
})

describe('a graph that is none is refused, the node named', () => {
  const relu = (name: string, input: string, output: string) => ({
    name,
    opType: 'Relu',
    input: [input],
    output: [output],
  })
  const output = [{ name: 'y' }]
  const identity = (name: string, input: string, output: string) => ({
    ...relu(name, input, output),
    opType: 'Identity',
  })

  test.each([
    ['a node that reads itself', { node: [relu('self', 'y', 'y')], output }, 'self'],
    ['a cycle', { node: [relu('first', 'y', 'a'), relu('second', 'a', 'y')], output }, /first|second/],
    [
      'a cycle of Identity',
      { node: [identity('first', 'y', 'a'), identity('second', 'a', 'y')], output },
      /first|second/,
    ],
    [
      'a branch that reads what it computes',
      {
        node: [
          {
            name: 'choose',
            opType: 'If',
            input: ['x'],
            output: ['y'],
            attribute: [{ name: 'then_branch', g: { node: [relu('inside', 'y', 'z')], output: [{ name: 'z' }] } }],
          },
        ],
        output,
      },
      /choose|inside/,
    ],
    ['a name that two nodes put out', { node: [relu('first', 'x', 'y'), relu('second', 'x', 'y')], output }, 'second'],
    [
      'a name that one node puts out twice',
      { node: [{ ...relu('one', 'x', 'y'), output: ['y', 'y'] }], output },
      'one',
    ],
  ])('%s', (_, graph, node) => {
    const { errors } = refusalOf(() => networkOfBytes(modelOf(graph)), 'TUREEN_MODEL_MALFORMED')
    expect(errors).toMatchObject([{ node: expect.stringMatching(node) }])
  })

  test('any model at all is described and comes out of a soup with itself, or is refused with an error of the catalogue', () => {
    const outcomes = { sound: 0, refused: 0 }
    fc.assert(
      fc.property(anyModelAtAll, model => {
        const bytes = encodeModel(model)
        const inspected = outcomeOf(() => inspectSource(memorySource(bytes)))
        const soup = outcomeOf(() => selfSoup(bytes))
        if (soup instanceof TureenError) expect(soup.code).toBe('TUREEN_MODEL_MALFORMED')
        else expect(soup.equals(Buffer.from(bytes))).toBe(true)
        expect(inspected instanceof TureenError).toBe(soup instanceof TureenError)
        outcomes[soup instanceof TureenError ? 'refused' : 'sound'] += 1
      }),
      { numRuns: randomCases(400) },
    )
    expect(Math.min(outcomes.sound, outcomes.refused)).toBeGreaterThan(10)
  })

  test('but for a cycle that no output depends on', () => {
    const graph = { node: [relu('dead', 'a', 'a'), relu('live', 'x', 'y')], output }
    expect(networkOfBytes(modelOf(graph)).operators).toMatchObject([{ name: 'live' }])
  })
})
