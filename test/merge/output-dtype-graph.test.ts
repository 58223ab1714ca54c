import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import type { OutputDtype } from '../../schemas/merge.ts'
import type { TureenError } from '../../src/errors.ts'
import { elementType, float32Tensor, int64Tensor, linearModel } from '../support/onnx-model.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { soupInMemory } from '../support/soup.ts'

const { ModelProto } = onnxProto.onnx

/** A model around which operators are put; `x` and `W` as in {@link linearModel}. */
function around(change: (graph: onnx.IGraphProto) => void, version = 13) {
  return [1, 3].map(value => ({
    weight: 1,
    bytes: linearModel([value, 0, 0, 1], [0, value], model => {
      model.opsetImport = [{ domain: '', version }]
      change(model.graph)
    }),
  }))
}

function typesOf(bytes: Uint8Array): Record<string, number> {
  return Object.fromEntries(tensorsOf(bytes).map(({ name, dataType }) => [name, dataType]))
}

describe('what has one type with the weights', () => {
  test('changes with them: Constants, what Casts make, values in between', () => {
    const models = around(graph => {
      graph.node?.unshift(
        {
          opType: 'Constant',
          output: ['two'],
          attribute: [{ name: 'value', type: 4, t: float32Tensor('', [1], [2]) }],
        },
        { opType: 'Cast', input: ['ids'], output: ['x'], attribute: [{ name: 'to', type: 2, i: 1 }] },
        { opType: 'Mul', input: ['W', 'two'], output: ['W2'] },
      )
      graph.node?.splice(3, 1, { opType: 'MatMul', input: ['x', 'W2'], output: ['product'] })
      graph.valueInfo = [{ name: 'product', type: { tensorType: { elemType: 1 } } }]
      const [input] = graph.input ?? []
      if (input) input.name = 'ids'
      if (input?.type?.tensorType) input.type.tensorType.elemType = elementType.int64
    })
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    expect(typesOf(soup)).toEqual({ two: 10, W: 10, b: 10 })
    const { graph } = ModelProto.decode(soup)
    expect(Number(graph?.node?.[1]?.attribute?.[0]?.i)).toBe(10)
    expect(graph?.valueInfo?.[0]?.type?.tensorType?.elemType).toBe(10)
    expect(graph?.input?.[0]?.type?.tensorType?.elemType).toBe(elementType.int64)
    expect(graph?.output?.[0]?.type?.tensorType?.elemType).toBe(10)
  })

  test('ends at a Cast: weights that only feed one change by themselves', () => {
    const models = around(graph => {
      graph.node?.unshift(
        { opType: 'Cast', input: ['W'], output: ['W1'], attribute: [{ name: 'to', type: 2, i: 1 }] },
        { opType: 'Cast', input: ['b'], output: ['b1'], attribute: [{ name: 'to', type: 2, i: 1 }] },
      )
      graph.node?.splice(2, 2, { opType: 'Gemm', input: ['x', 'W1', 'b1'], output: ['y'] })
    })
    const soup = soupInMemory(models, { outputDtype: 'bfloat16' })
    expect(typesOf(soup)).toEqual({ W: 16, b: 16 })
    const { graph } = ModelProto.decode(soup)
    expect(graph?.node?.slice(0, 2).map(({ attribute }) => Number(attribute?.[0]?.i))).toEqual([1, 1])
    expect(graph?.input?.[0]?.type?.tensorType?.elemType).toBe(1)
  })

  test('goes into branches and loops', () => {
    const branch = (name: string, from: string): onnx.IGraphProto => ({
      name,
      node: [{ opType: 'Add', input: [from, `${name}_c`], output: [`${name}_y`] }],
      initializer: [float32Tensor(`${name}_c`, [1], [1])],
      output: [{ name: `${name}_y`, type: { tensorType: { elemType: 1 } } }],
    })
    const body: onnx.IGraphProto = {
      name: 'body',
      input: ['i', 'go', 'state'].map((name, index) => {
        return { name, type: { tensorType: { elemType: [7, 9, 1][index] ?? 0 } } }
      }),
      node: [
        { opType: 'Identity', input: ['go'], output: ['goes'] },
        { opType: 'Neg', input: ['state'], output: ['next'] },
      ],
      output: ['goes', 'next'].map((name, index) => ({ name, type: { tensorType: { elemType: [9, 1][index] ?? 0 } } })),
    }
    const models = around(graph => {
      const { node = [] } = graph
      graph.initializer?.push(int64Tensor('times', [], [2]), {
        name: 'yes',
        dims: [],
        dataType: 9,
        rawData: Uint8Array.of(1),
      })
      node?.splice(
        1,
        1,
        { opType: 'Add', input: ['product', 'b'], output: ['sum'] },
        {
          opType: 'Loop',
          input: ['times', 'yes', 'sum'],
          output: ['looped'],
          attribute: [{ name: 'body', type: 5, g: body }],
        },
        {
          opType: 'If',
          input: ['yes'],
          output: ['y'],
          attribute: ['then', 'else'].map(name => ({ name: `${name}_branch`, type: 5, g: branch(name, 'looped') })),
        },
      )
    })
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    expect(typesOf(soup)).toMatchObject({ W: 10, b: 10, then_c: 10, else_c: 10, times: 7, yes: 9 })
    const [, , loop, either] = ModelProto.decode(soup).graph?.node ?? []
    const elemTypes = (list: onnx.IValueInfoProto[] | null | undefined) =>
      list?.map(each => each.type?.tensorType?.elemType)
    expect(elemTypes(loop?.attribute?.[0]?.g?.input)).toEqual([7, 9, 10])
    expect(elemTypes(loop?.attribute?.[0]?.g?.output)).toEqual([9, 10])
    expect(either?.attribute?.map(({ g }) => elemTypes(g?.output))).toEqual([[10], [10]])
  })
})

describe('a graph that does not allow the type', () => {
  function refusal(models: ReturnType<typeof around>, outputDtype: OutputDtype): TureenError {
    try {
      soupInMemory(models, { outputDtype })
    } catch (error) {
      return error as TureenError
    }
    throw new Error('it was merged')
  }
  const node = (change: Partial<onnx.INodeProto>, version?: number) =>
    around(graph => {
      graph.node?.splice(1, 1, { opType: 'Add', input: ['product', 'b'], output: ['sum'] })
      graph.node?.push({ name: 'last', input: ['sum'], output: ['y'], ...change })
    }, version)

  test.each<[string, ReturnType<typeof around>, OutputDtype, object]>([
    [
      'an operator of that version',
      node({ opType: 'Elu' }, 13),
      'bfloat16',
      { node: 'last', message: expect.stringContaining('float64, float32, float16') },
    ],
    [
      'float32 alone',
      node({ opType: 'Celu' }),
      'float16',
      { node: 'last', message: expect.stringContaining('float32') },
    ],
    [
      'an operator of onnxruntime',
      node({ opType: 'SkipLayerNormalization', domain: 'com.microsoft', input: ['sum', 'sum', 'b'] }),
      'float64',
      { node: 'last', message: expect.stringContaining('float32, float16, bfloat16') },
    ],
    ['of another domain', node({ opType: 'Elu', domain: 'com.example' }), 'float16', { node: 'last' }],
    ['that nothing is known of', node({ opType: 'Sharpen' }), 'float16', { node: 'last' }],
    ['a version to come', node({ opType: 'Relu' }, 99), 'float16', { node: 'multiply' }],
    [
      'floats written into a Constant',
      around(graph => {
        graph.initializer?.pop()
        graph.node?.unshift({
          name: 'plain',
          opType: 'Constant',
          output: ['b'],
          attribute: [{ name: 'value_floats', type: 6, floats: [1, 2] }],
        })
      }),
      'float16',
      { node: 'plain' },
    ],
  ])('is refused with node and reason: %s', (_, models, dtype, problem) => {
    const { code, errors } = refusal(models, dtype)
    expect(code).toBe('TUREEN_OUTPUT_DTYPE_IMPOSSIBLE')
    expect(errors).toContainEqual(expect.objectContaining(problem))
  })

  test('is merged as it is without the wish', () => {
    expect(typesOf(soupInMemory(node({ opType: 'Celu' })))).toEqual({ W: 1, b: 1 })
  })

  test('takes it from the version on that admits it', () => {
    expect(typesOf(soupInMemory(node({ opType: 'Elu' }, 22), { outputDtype: 'bfloat16' }))).toEqual({ W: 16, b: 16 })
  })
})
