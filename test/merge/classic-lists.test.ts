import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { refusalOf } from '../support/catalogue.ts'
import { classicModel, classicNode, type Written } from '../support/classic-model.ts'
import { differencesOf, layoutOf } from '../support/inspecting.ts'
import { pair } from '../support/merge-pair.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { runModel } from '../support/run-model.ts'
import { selfSoup, soupInMemory, soupOfFiles } from '../support/soup.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

describe('support vector machines', () => {
  const regressor = (coefficients: number[], rho: number[], more = {}) =>
    classicModel([classicNode('SVMRegressor', 'x', ['y'], { coefficients, rho, ...more })], 2, { y: { width: 1 } })
  const classifier = (coefficients: number[], rho: number[], more = {}) => {
    const attributes = { classlabels_ints: { ints: [0, 1] }, coefficients, rho, ...more }
    return classicModel([classicNode('SVMClassifier', 'x', ['label', 'scores'], attributes)], 2, {
      label: { elemType: 7 },
      scores: { width: 2 },
    })
  }

  test('without support vectors are linear models: coefficients and rho are averaged', async () => {
    for (const more of [{}, { n_supports: 0 }, { kernel_type: 'LINEAR', kernel_params: [0, 0, 0] }]) {
      const soup = soupInMemory(pair(regressor([1, 2], [0.5], more), regressor([3, -2], [1], more)))
      expect(soup.equals(regressor([2, 0], [0.75], more))).toBe(true)
    }
    const { files } = soupOfIngredients(
      [regressor([1, 2], [0.5]), regressor([3, -2], [1])].map(bytes => {
        return { files: { source: memorySource(bytes), data: new Map() }, weight: 1 }
      }),
    )
    expect(await runModel(files, 3)).toEqual(
      await runModel({ source: memorySource(regressor([2, 0], [0.75])), data: new Map() }, 3),
    )
    for (const more of [{}, { vectors_per_class: { ints: [0, 0] } }, { support_vectors: [] }]) {
      const soup = soupInMemory(pair(classifier([1, 2, 3, 4], [1], more), classifier([3, 4, 5, 6], [2], more)))
      expect(soup.equals(classifier([2, 3, 4, 5], [1.5], more))).toBe(true)
    }
  })

  const withVectors: [what: string, model: (coefficients: number[], vectors: number[]) => Uint8Array][] = [
    [
      'a regressor',
      (coefficients, support_vectors) => regressor(coefficients, [1], { n_supports: 2, support_vectors }),
    ],
    ['a regressor that only counts them', coefficients => regressor(coefficients, [1], { n_supports: 2 })],
    [
      'a regressor that does not count them',
      (coefficients, support_vectors) => regressor(coefficients, [1], { support_vectors }),
    ],
    [
      'a classifier',
      (coefficients, support_vectors) =>
        classifier(coefficients, [1], { support_vectors, vectors_per_class: { ints: [1, 1] } }),
    ],
  ]

  test.each(withVectors)('%s with support vectors is refused where they differ, with the reason', (_, model) => {
    const reason = expect.stringMatching(/attribute coefficients: .*: the support vectors of two models do not/)
    expect(differencesOf(model([1, 2], [1, 2, 3, 4]), model([1, 3], [1, 2, 3, 4]))).toMatchObject([{ message: reason }])
    const base = model([1, 2], [1, 2, 3, 4])
    expect(selfSoup(base).equals(base)).toBe(true)
    expect(layoutOf(base).tensors).toEqual([])
  })

  test('of which only one has support vectors are refused', () => {
    expect(
      differencesOf(regressor([1, 2], [1]), regressor([1, 2], [1], { n_supports: 1, support_vectors: [1, 2] })),
    ).toMatchObject([{ node: 'the SVMRegressor' }])
  })
})

describe('lists of ai.onnx.ml that have no mean', () => {
  const tensorOf = (...values: number[]) => ({ tensor: float32Tensor('', [values.length], values) })
  const lists: [opType: string, attribute: string, [ours: Written, theirs: Written], why: RegExp][] = [
    [
      'TreeEnsembleRegressor',
      'target_weights',
      [
        [1, 2],
        [1, 3],
      ],
      /trees of two models/,
    ],
    [
      'TreeEnsembleClassifier',
      'nodes_values',
      [
        [1, 2],
        [1, 3],
      ],
      /trees of two models/,
    ],
    ['TreeEnsembleClassifier', 'nodes_featureids', [{ ints: [1] }, { ints: [2] }], /trees of two models/],
    ['TreeEnsemble', 'leaf_weights', [tensorOf(1, 2), tensorOf(1, 3)], /trees of two models/],
    [
      'LabelEncoder',
      'values_floats',
      [
        [1, 2],
        [1, 3],
      ],
      /no mean/,
    ],
    ['LabelEncoder', 'values_tensor', [tensorOf(1, 2), tensorOf(1, 3)], /no mean/],
    [
      'Imputer',
      'imputed_value_floats',
      [
        [1, 2],
        [1, 3],
      ],
      /may be a code/,
    ],
    ['SVMClassifier', 'prob_a', [[1], [2]], /scores of one model/],
    ['LinearClassifier', 'classlabels_ints', [{ ints: [0, 1] }, { ints: [1, 0] }], /stand for other classes/],
    ['LinearClassifier', 'classlabels_strings', [{ strings: ['a'] }, { strings: ['b'] }], /stand for other classes/],
    ['LinearClassifier', 'post_transform', ['NONE', 'SOFTMAX'], /is string "SOFTMAX"/],
    ['LinearRegressor', 'targets', [2, 3], /is int 3/],
  ]

  test.each(lists)('%s: %s must agree', (opType, attribute, values, why) => {
    const [a, b] = values.map(value =>
      classicModel([classicNode(opType, 'x', ['y'], { [attribute]: value })], 2, { y: {} }),
    )
    if (!a || !b) throw new Error('there are two')
    const { errors } = refusalOf(() => soupOfFiles(pair(a, b)), ['TUREEN_MODELS_DIFFER', 'TUREEN_NON_FLOAT_DIFFERS'])
    expect(errors).toMatchObject([{ model: 'second', node: `the ${opType}`, message: expect.stringMatching(why) }])
    expect(selfSoup(a).equals(Buffer.from(a))).toBe(true)
  })
})
