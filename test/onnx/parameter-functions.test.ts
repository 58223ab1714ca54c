import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { clip, constant, node, parametersOf, scalar, valuePath } from '../support/slot-models.ts'

describe('functions', () => {
  const custom = { domain: 'f' }
  const call = (name: string, input: string[], output = ['y'], attribute: onnx.IAttributeProto[] = []) =>
    node(name, input, output, { ...custom, attribute })

  test('what a call gives for an input, through another function, any order', () => {
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'Outer',
        input: ['x', 'p', 'w'],
        output: ['y'],
        node: [call('Inner', ['x', 'p'], ['z']), node('Mul', ['z', 'w'])],
      },
      { ...custom, name: 'Inner', input: ['x', 'q'], output: ['y'], node: [clip('q')] },
    ]
    const graph = { node: [call('Outer', ['x', 'a', 'b'])], initializer: [scalar('a'), scalar('b')] }
    expect(parametersOf(graph, { functions })).toEqual({ 'graph.initializer[0]': 'clip: min' })
  })

  test('its own Constants, where they are used inside or come out', () => {
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'F',
        input: ['x'],
        output: ['y', 'o'],
        node: [constant('c'), constant('o'), constant('w'), clip('c', 'z'), node('Mul', ['z', 'w'])],
      },
    ]
    const graph = { node: [call('F', ['x'], ['r', 'p']), node('Pow', ['r', 'p'])] }
    expect(parametersOf(graph, { functions })).toEqual({
      'functions[0].node[0].attribute[0].t': 'clip: min',
      'functions[0].node[1].attribute[0].t': 'n: exponent',
    })
  })

  test('tensors that a call gives for an attribute', () => {
    const reference = (name: string) => constant(name, { name: 'value', refAttrName: name, type: 4 })
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'F',
        input: ['x'],
        output: ['y'],
        attribute: ['p', 'w'],
        node: [reference('p'), reference('w'), clip('p', 'z'), node('Mul', ['z', 'w'])],
      },
    ]
    const graph = {
      node: [
        call(
          'F',
          ['x'],
          ['y'],
          [
            { name: 'p', t: scalar('') },
            { name: 'w', t: scalar('') },
          ],
        ),
      ],
    }
    expect(parametersOf(graph, { functions })).toEqual({ [valuePath]: 'clip: min' })
  })

  test('a function that has the name of an operator is the function', () => {
    const functions: onnx.IFunctionProto[] = [
      { domain: '', name: 'Clip', input: ['x', 'a'], output: ['y'], node: [node('Mul', ['x', 'a'])] },
    ]
    expect(parametersOf({ node: [clip('a')], initializer: [scalar('a')] }, { functions })).toEqual({})
  })

  test('names of the graph are none of a function', () => {
    const functions: onnx.IFunctionProto[] = [
      {
        ...custom,
        name: 'F',
        input: ['p'],
        output: ['y'],
        node: [clip('p', 'z'), clip('a', 'q'), node('Mul', ['z', 'q'])],
      },
    ]
    const graph = { node: [call('F', ['b'])], initializer: [scalar('a'), scalar('b')] }
    expect(parametersOf(graph, { functions })).toEqual({ 'graph.initializer[1]': 'clip: min' })
  })
})
