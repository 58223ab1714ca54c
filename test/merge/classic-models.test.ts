import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { methods } from '../../src/merge/methods/merge-method-registry.ts'
import { methodParameters } from '../../src/merge/methods/method-schema.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { describeTensor } from '../../src/onnx/skeleton.ts'
import { refusalOf } from '../support/catalogue.ts'
import { classicModel, classicNode, first, type Pipeline, pipelineModel, second } from '../support/classic-model.ts'
import { descriptionOf, differencesOf, fingerprintOfBytes, layoutOf } from '../support/inspecting.ts'
import { pair } from '../support/merge-pair.ts'
import { float32Tensor, linearModel } from '../support/onnx-model.ts'
import { withoutPayloads } from '../support/onnx-oracle.ts'
import { encodeModel } from '../support/rich-model.ts'
import { runModel } from '../support/run-model.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { selfSoup, soupInMemory, soupOfFiles } from '../support/soup.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'
import { floatsAt } from '../support/tensor-places.ts'

const mean = (a: readonly number[], b: readonly number[]) => a.map((x, index) => (x + (b[index] ?? Number.NaN)) / 2)

/** scikit-learn's predict_proba of StandardScaler and multinomial LogisticRegression, in binary64. */
function probabilities({ offset, scale, coefficients, intercepts }: Pipeline, x: readonly number[]): number[] {
  const scaled = x.map((value, feature) => (value - (offset[feature] ?? 0)) * (scale[feature] ?? 0))
  const scores = intercepts.map((intercept, c) =>
    scaled.reduce((sum, value, feature) => sum + value * (coefficients[c * x.length + feature] ?? 0), intercept),
  )
  const total = scores.reduce((sum, score) => sum + Math.exp(score), 0)
  return scores.map(score => Math.exp(score) / total)
}

const samples = [
  [1, 2],
  [-1, 0.5],
  [0, -3],
]

async function answers(model: Uint8Array): Promise<{ label: number[]; probabilities: number[] }> {
  const session = await ort.InferenceSession.create(model)
  const outputs = await session.run({ x: new ort.Tensor('float32', Float32Array.from(samples.flat()), [3, 2]) })
  await session.release()
  return {
    label: Array.from(outputs['label']?.data ?? [], Number),
    probabilities: Array.from(outputs['probabilities']?.data ?? [], Number),
  }
}

const averagedPaths = [
  'graph.node[0].attribute[0].floats',
  'graph.node[0].attribute[1].floats',
  'graph.node[1].attribute[1].floats',
  'graph.node[1].attribute[2].floats',
]

describe('linear models of ai.onnx.ml', () => {
  test('are averaged, and answer as scikit-learn does with the averaged lists', async () => {
    const { content, report } = soupOfFiles(pair(pipelineModel(first), pipelineModel(second)))
    const averaged = {
      offset: mean(first.offset, second.offset),
      scale: mean(first.scale, second.scale),
      coefficients: mean(first.coefficients, second.coefficients),
      intercepts: mean(first.intercepts, second.intercepts),
    }
    expect(averagedPaths.map(path => floatsAt(content, path))).toEqual(Object.values(averaged))
    expect(report.tensors.averaged).toBe(4)
    const run = await answers(content)
    const expected = samples.map(x => probabilities(averaged, x))
    run.probabilities.forEach((value, index) => {
      expect(value).toBeCloseTo(expected.flat()[index] ?? Number.NaN, 6)
    })
    expect(run.label).toEqual(expected.map(row => row.indexOf(Math.max(...row))))
    expect(withoutPayloads(content)).toEqual(withoutPayloads(pipelineModel(first)))
  })

  test('of one model with itself are that model, whatever it holds', () => {
    const list = (length: number) => fc.array(fc.float({ noNaN: false }), { minLength: length, maxLength: length })
    const pipeline = fc.record({ offset: list(2), scale: list(2), coefficients: list(6), intercepts: list(3) })
    fc.assert(
      fc.property(pipeline, values => {
        const model = pipelineModel(values)
        expect(selfSoup(model).equals(model)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('compute in the file of another what they did in their own', async () => {
    const [a, b] = [first, second].map(values => ({ source: memorySource(pipelineModel(values)), data: new Map() }))
    if (!a || !b) throw new Error('there are two')
    const { files } = soupOfIngredients([
      { files: a, weight: null },
      { files: b, weight: 1 },
    ])
    expect(await runModel(files, 7)).toEqual(await runModel(b, 7))
    expect(await runModel(files, 7)).not.toEqual(await runModel(a, 7))
  })

  test('are one network, with the lists among its tensors and parameters', () => {
    const model = pipelineModel(first)
    expect(fingerprintOfBytes(model)).toBe(fingerprintOfBytes(pipelineModel(second)))
    const layout = layoutOf(model)
    expect(layout.tensors.map(describeTensor)).toEqual(
      [
        ['scaled.offset', 2],
        ['scaled.scale', 2],
        ['label.coefficients', 6],
        ['label.intercepts', 3],
      ].map(([name, size], index) => ({
        name,
        dtype: 'float32',
        dims: [size],
        bytes: Number(size) * 4,
        storage: 'typed',
        where: averagedPaths[index],
      })),
    )
    expect(descriptionOf(model).parameters).toBe(13)
  })

  test('are met by rules, which may weigh or keep each list', () => {
    const rules = [
      { match: 'scaled.*', skip: true },
      { match: '*.intercepts', weights: [0, 1] },
    ]
    const soup = soupInMemory(pair(pipelineModel(first), pipelineModel(second)), { rules })
    expect(averagedPaths.map(path => floatsAt(soup, path))).toEqual([
      first.offset,
      first.scale,
      mean(first.coefficients, second.coefficients),
      second.intercepts,
    ])
  })

  test.each([...methods.values()].filter(({ fisher }) => !fisher).map(method => [method.name, method] as const))(
    'give by %s what the same numbers give in an initializer',
    (name, method) => {
      const { models, base, normalize } = method
      const schema = methodParameters(method)
      const choices = [{ density: 0.5 }, {}, { t: 0.25 }, { alpha: 0.25 }].map(given => schema.safeParse(given))
      const given = choices.find(({ success }) => success)?.data ?? {}
      const lists = [
        [1, -2, 0.5, 3],
        [2, -1, -0.5, 2],
        [0.5, 1, 4, -3],
      ].slice(0, (models.max ?? 2) + (base === 'required' ? 1 : 0))
      const settings = { method: name, parameters: given, normalize, usesBase: base === 'required' }
      const soupOf = (model: (values: number[]) => Uint8Array) =>
        soupInMemory(
          lists.map((values, index) => ({
            bytes: model(values),
            weight: settings.usesBase && index === 0 ? null : 1,
          })),
          settings,
        )
      const regressor = soupOf(coefficients =>
        classicModel([classicNode('LinearRegressor', 'x', ['y'], { coefficients })], 4, { y: { width: 1 } }),
      )
      const product = soupOf(values =>
        linearModel(values, [0], ({ graph }) => {
          graph.initializer = [float32Tensor('y.coefficients', [4], values)]
          graph.node = [{ opType: 'Mul', input: ['x', 'y.coefficients'], output: ['y'] }]
        }),
      )
      expect(floatsAt(regressor, 'graph.node[0].attribute[0].floats')).toEqual(
        floatsAt(product, 'graph.initializer[0]'),
      )
    },
  )

  test('with longer lists than are kept of other attributes', () => {
    const long = (value: number) => Array.from({ length: 5000 }, (_, index) => value + index)
    const model = (coefficients: number[]) =>
      classicModel([classicNode('LinearRegressor', 'x', ['y'], { coefficients })], 5000, { y: { width: 1 } })
    expect(soupInMemory(pair(model(long(1)), model(long(4)))).equals(model(long(2.5)))).toBe(true)
  })

  test('in a branch and in a function', () => {
    const regressor = (coefficients: number[]) => classicNode('LinearRegressor', 'x', ['z'], { coefficients })
    const model = (values: number[]) =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }, { domain: 'ai.onnx.ml', version: 1 }, { domain: 'f', version: 1 }],
        graph: {
          node: [
            {
              opType: 'If',
              input: ['c'],
              output: ['chosen'],
              attribute: ['then_branch', 'else_branch'].map((name, index) => ({
                name,
                type: 5,
                g: { node: [regressor(values.map(value => value + index))], output: [{ name: 'z' }] },
              })),
            },
            { opType: 'F', domain: 'f', input: ['x'], output: ['called'] },
            { opType: 'Add', input: ['chosen', 'called'], output: ['y'] },
          ],
          input: [{ name: 'x' }, { name: 'c' }],
          output: [{ name: 'y' }],
        },
        functions: [
          {
            name: 'F',
            domain: 'f',
            input: ['x'],
            output: ['z'],
            node: [regressor(values.map(value => -value))],
            opsetImport: [{ domain: 'ai.onnx.ml', version: 1 }],
          },
        ],
      })
    expect(soupInMemory(pair(model([1, 2]), model([3, 8]))).equals(model([2, 5]))).toBe(true)
  })

  test('of a function of the model that is called like one are no weights', () => {
    const model = (coefficients: number[]) =>
      encodeModel({
        irVersion: 8,
        opsetImport: [{ version: 13 }, { domain: 'ai.onnx.ml', version: 1 }],
        graph: {
          node: [classicNode('LinearRegressor', 'x', ['y'], { coefficients })],
          input: [{ name: 'x' }],
          output: [{ name: 'y' }],
        },
        functions: [
          {
            name: 'LinearRegressor',
            domain: 'ai.onnx.ml',
            input: ['x'],
            output: ['y'],
            attribute: ['coefficients'],
            node: [
              {
                opType: 'Constant',
                output: ['c'],
                attribute: [{ name: 'value_floats', type: 6, refAttrName: 'coefficients' }],
              },
              { opType: 'Pow', input: ['x', 'c'], output: ['y'] },
            ],
            opsetImport: [{ version: 13 }],
          },
        ],
      })
    refusalOf(() => soupInMemory(pair(model([1, 2]), model([1, 3]))), 'TUREEN_NON_FLOAT_DIFFERS')
    expect(selfSoup(model([1, 2])).equals(model([1, 2]))).toBe(true)
  })

  test('keep their type: another one is refused, the lists named', () => {
    const { errors } = refusalOf(
      () => soupInMemory(pair(pipelineModel(first), pipelineModel(second)), { outputDtype: 'float16' }),
      'TUREEN_OUTPUT_DTYPE_IMPOSSIBLE',
      /plain floats of an attribute, which are always float32/,
    )
    expect(errors.map(({ tensor }) => tensor)).toEqual([
      'scaled.offset',
      'scaled.scale',
      'label.coefficients',
      'label.intercepts',
    ])
  })

  test('are refused where a list has another length, or only one has it', () => {
    const model = (attributes: Record<string, number[]>) =>
      classicModel([classicNode('LinearRegressor', 'x', ['y'], attributes)], 2, { y: {} })
    expect(differencesOf(model({ coefficients: [1, 2] }), model({ coefficients: [1, 2, 3] }))).toEqual([
      {
        node: 'the LinearRegressor',
        tensor: 'y.coefficients',
        message: expect.stringMatching(/is float32\[3\], in the base float32\[2\]/),
      },
    ])
    expect(differencesOf(model({ coefficients: [1] }), model({ coefficients: [1], intercepts: [0] }))).toMatchObject([
      { node: 'the LinearRegressor', message: expect.stringMatching(/intercepts/) },
    ])
  })

  test('of a domain that nobody knows are attributes like others', () => {
    const model = (values: number[]) => {
      const node = classicNode('LinearRegressor', 'x', ['y'], { coefficients: values })
      return classicModel([{ ...node, domain: 'mine' }], 2, { y: {} })
    }
    expect(differencesOf(model([1, 2]), model([1, 3]))).toMatchObject([
      { message: expect.stringMatching(/attribute coefficients/) },
    ])
  })
})

describeShared('the pipelines of cases/sklearn-linear', () => {
  const read = (name: string) => readFileSync(join(sharedDirectory, 'cases', 'sklearn-linear', name))

  test('are averaged list by list, in single precision', () => {
    const [a, b] = [read('lr-a.onnx'), read('lr-b.onnx')]
    const soup = soupInMemory(pair(a, b))
    for (const path of averagedPaths)
      expect(floatsAt(soup, path)).toEqual(mean(floatsAt(a, path), floatsAt(b, path)).map(Math.fround))
    expect(soup.byteLength).toBe(a.byteLength)
  })
})
