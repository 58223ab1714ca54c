import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../support/catalogue.ts'
import { pair } from '../support/merge-pair.ts'
import { float32Tensor, int64Tensor, linearModel } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { type RichModel, richModel } from '../support/rich-model.ts'
import { checkFiles, selfSoup, soupOfFiles } from '../support/soup.ts'
import { structuralChanges } from '../support/structure-changes.ts'
import { bytesField, modelBytes, onnxField, tensorBytes } from '../support/wire-bytes.ts'

const field = onnxField.tensor

describe('models that are not variants of one network', () => {
  test.each(structuralChanges)('differ in %s: refused, naming the model', (_, change) => {
    const { errors } = refusalOf(() => checkFiles(pair(richModel(), richModel(change))), 'TUREEN_MODELS_DIFFER')
    expect(errors.length).toBeGreaterThan(0)
    for (const { model, message } of errors)
      expect({ model, message }).toEqual({ model: 'second', message: expect.any(String) })
  })

  test('all differences of all models are listed at once, values of what is not averaged among them', () => {
    const otherShape = (model: RichModel) =>
      void model.graph.initializer?.splice(4, 1, int64Tensor('shape', [2], [3, 3]))
    const otherAttributes = ({ graph }: RichModel) => {
      Object.assign(graph.node?.[3]?.attribute?.[0] ?? {}, { f: 0.5 })
      Object.assign(graph.node?.[5]?.attribute?.[1] ?? {}, { ints: [2] })
    }
    const inputs = [
      ...pair(
        richModel(),
        richModel(({ graph }) => Object.assign(graph.node?.[2] ?? {}, { opType: 'Sub' })),
      ),
      { bytes: richModel(otherShape), weight: 1, label: 'third' },
      { bytes: richModel(otherAttributes), weight: 1, label: 'fourth' },
    ]
    const { errors } = refusalOf(() => checkFiles(inputs), 'TUREEN_MODELS_DIFFER')
    expect(errors.map(({ model, node, tensor }) => [model, node ?? tensor])).toEqual([
      ['second', 'add'],
      ['fourth', 'custom'],
      ['fourth', 'leak'],
      ['third', 'shape'],
    ])
  })

  test('are compared with the base, not with the first', () => {
    const inputs = pair(
      richModel(),
      richModel(({ graph }) => Object.assign(graph.node?.[2] ?? {}, { opType: 'Sub' })),
    )
    const { errors } = refusalOf(() => checkFiles(inputs, { base: 1 }), 'TUREEN_MODELS_DIFFER')
    expect(errors).toMatchObject([
      { model: 'first', node: 'add', message: expect.stringMatching(/Add.*the base has Sub/) },
    ])
  })

  test('of an initializer that stands twice in a model the last is averaged, as onnxruntime takes it, the other kept', () => {
    const twice = (dead: number[], live: number[]) =>
      linearModel(dead, [3], ({ graph }) => void graph.initializer?.push(float32Tensor('W', [2, 1], live)))
    const valuesIn = (model: Uint8Array) =>
      (onnxProto.onnx.ModelProto.decode(model).graph?.initializer ?? []).map(({ name, rawData }) => [
        name,
        ...new Float32Array(Uint8Array.from(rawData ?? []).buffer),
      ])
    const [a, b, once] = [twice([1, 2], [5, 6]), twice([7, 8], [9, 8]), linearModel([1, 4], [3])]
    expect(valuesIn(soupOfFiles(pair(a, once)).content)).toEqual([
      ['W', 1, 2],
      ['b', 3],
      ['W', 3, 5],
    ])
    expect(valuesIn(soupOfFiles(pair(once, a)).content)).toEqual([
      ['W', 3, 5],
      ['b', 3],
    ])
    expect(valuesIn(soupOfFiles(pair(a, b)).content).at(-1)).toEqual(['W', 7, 7])
    expect(selfSoup(a).equals(a)).toBe(true)
  })

  test('a graph that has a cycle, or a name for two values, is refused, the model and the node named', () => {
    const whole = linearModel([1, 2], [3])
    const cycle = linearModel([1, 2], [3], ({ graph }) => Object.assign(graph.node?.[0] ?? {}, { input: ['y', 'W'] }))
    const both = linearModel(
      [1, 2],
      [3],
      ({ graph }) => void graph.node?.push({ name: 'again', opType: 'Relu', input: ['x'], output: ['y'] }),
    )
    for (const [odd, node] of [
      [cycle, /multiply|add/],
      [both, /again/],
    ] as const) {
      for (const [inputs, model] of [
        [pair(odd, whole), 'first'],
        [pair(whole, odd), 'second'],
      ] as const) {
        const { errors } = refusalOf(() => soupOfFiles(inputs), 'TUREEN_MODEL_MALFORMED')
        expect(errors).toMatchObject([{ model, node: expect.stringMatching(node) }])
      }
    }
  })
})

describe('values that are never averaged', () => {
  const changed = (change: (graph: onnx.IGraphProto) => unknown) => richModel(({ graph }) => void change(graph))
  const initializer = (name: string, tensor: onnx.ITensorProto) => (graph: onnx.IGraphProto) =>
    graph.initializer?.splice(
      graph.initializer.findIndex(each => each.name === name),
      1,
      tensor,
    )

  test.each([
    [
      'an integer initializer',
      changed(initializer('shape', int64Tensor('shape', [2], [2, -1]))),
      { tensor: 'shape', expected: '[-1, 2]', actual: '[2, -1]' },
    ],
    [
      'a text initializer, the same letters divided differently',
      changed(
        initializer('names', {
          name: 'names',
          dims: [2],
          dataType: 8,
          stringData: [Buffer.from('xy'), Buffer.from('y')],
        }),
      ),
      { tensor: 'names', expected: '["x", "yy"]', actual: '["xy", "y"]' },
    ],
    [
      'the indices of a sparse initializer',
      changed(graph => Object.assign(graph.sparseInitializer?.[0] ?? {}, { indices: int64Tensor('', [2], [0, 4]) })),
      { tensor: 'graph.sparse_initializer[0].indices', expected: '[0, 3]', actual: '[0, 4]' },
    ],
  ])('%s: a difference is refused and named', (_, other, place) => {
    for (const task of [soupOfFiles, checkFiles]) {
      const { errors } = refusalOf(() => task(pair(richModel(), other)), 'TUREEN_NON_FLOAT_DIFFERS')
      expect(errors).toMatchObject([{ model: 'second', ...place, message: expect.any(String) }])
    }
  })

  test('"nonFloat": "base" takes those of the base for initializers', () => {
    const other = changed(initializer('shape', int64Tensor('shape', [2], [2, -1])))
    const soup = (base: number) => soupOfFiles(pair(richModel(), other), { nonFloat: 'base', base }).content
    expect(initializerBytes(soup(0), 'shape')).toEqual(initializerBytes(richModel(), 'shape'))
    expect(initializerBytes(soup(1), 'shape')).toEqual(initializerBytes(other, 'shape'))
  })

  test('"nonFloat": "base" does not let the places of sparse values differ', () => {
    const other = changed(graph =>
      Object.assign(graph.sparseInitializer?.[0] ?? {}, { indices: int64Tensor('', [2], [0, 4]) }),
    )
    refusalOf(() => soupOfFiles(pair(richModel(), other), { nonFloat: 'base' }), 'TUREEN_NON_FLOAT_DIFFERS')
  })

  test('of quantised weights the reason is explained', () => {
    const model = (byte: number) =>
      modelBytes([tensorBytes('W_quantized', 3, [2], bytesField(field.rawData, Buffer.from([1, byte])))])
    const { errors } = refusalOf(() => soupOfFiles(pair(model(1), model(2))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(errors).toMatchObject([
      { model: 'second', tensor: 'W_quantized', message: expect.stringMatching(/quantise/) },
    ])
  })
})
