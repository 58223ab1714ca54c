import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { roleOf } from '../../../src/evaluate/binding/array-roles.ts'
import { bindDataset } from '../../../src/evaluate/binding.ts'
import { requireTarget } from '../../../src/evaluate/metric-choice.ts'

type Dim = number | string | null
const value = (name: string, dtype: string, ...dims: Dim[]) => ({ name, dtype, dims })
const array = (name: string, dtype: string, ...dims: number[]) => ({ name, dtype, dims })

const logits = value('logits', 'float32', 'batch', 3)
const x = array('x', 'float32', 60, 3)
const y = array('y', 'int64', 60)
const sampleId = array('sample_id', 'int64', 60)

type Model = Parameters<typeof bindDataset>[0]
type Arrays = Parameters<typeof bindDataset>[1]['arrays']
type Request = Parameters<typeof bindDataset>[2]
type Unusable = Parameters<typeof bindDataset>[1]['unusable']

const bind = (inputs: Model['inputs'], arrays: Arrays, request: Request = {}, unusable: Unusable = []) =>
  bindDataset({ inputs, outputs: [logits] }, { kind: 'npz', arrays, unusable }, request)

/** The arrays by input, the target and what was guessed. */
function choiceOf({ binding, guesses }: ReturnType<typeof bind>) {
  return {
    inputs: Object.fromEntries(binding.inputs.map(each => [each.input, each.array])),
    target: binding.target,
    guessed: guesses.map(({ field }) => field),
  }
}

function refusalOf(run: () => unknown): TureenError {
  try {
    run()
  } catch (error) {
    if (error instanceof TureenError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a missing input is never filled by shape alone', () => {
  const inputs = [value('x', 'float32', 'batch', 3), value('keep_prob', 'float32')]

  test.each([
    ['an identifier and a target', [x, y, sampleId]],
    ['a target', [x, y]],
    ['floats for every sample', [x, y, array('temperature', 'float32', 60)]],
    ['another constant', [x, y, array('scale', 'float32')]],
    ['no target either', [x]],
  ])('a scalar that is missing is named, beside %s', (_, arrays) => {
    const { code, errors } = refusalOf(() => bind(inputs, arrays))
    expect(code).toBe('TUREEN_DATASET_MISMATCH')
    expect(errors.map(({ field }) => field)).toEqual(['inputs.keep_prob'])
    expect(errors[0]?.message).toContain('keep_prob')
  })

  test('a constant saved with one axis is named, and how to save it', () => {
    const { errors } = refusalOf(() => bind(inputs, [array('keep_prob', 'float32', 1), x, y]))
    expect(errors).toMatchObject([{ field: 'inputs.keep_prob', message: expect.stringMatching(/without axes/) }])
    expect(errors[0]?.actual).toContain('keep_prob (float32 [1])')
  })

  test('a constant with one axis that the request names is refused beside the samples, not instead of them', () => {
    const run = () => bind(inputs, [array('one', 'float32', 1), x, y], { inputs: { keep_prob: 'one' } })
    expect(refusalOf(run).message).toMatch(/one and x do not belong together|x and one do not belong together/)
  })

  test('a constant with its name is fed to it', () => {
    const { binding } = bind(inputs, [x, y, array('keep_prob', 'float32')])
    expect(binding.inputs[1]).toEqual({ input: 'keep_prob', dtype: 'float32', array: 'keep_prob', feeding: 'whole' })
  })

  test('the request may feed it from any array', () => {
    const { binding } = bind(inputs, [x, y, sampleId], { inputs: { keep_prob: 'sample_id' } })
    expect(binding.inputs.map(each => each.array)).toEqual(['x', 'sample_id'])
  })

  test('all missing inputs are named at once', () => {
    const three = [
      value('x', 'float32', 'batch', 3),
      value('mask', 'bool', 'batch', 3),
      value('length', 'int64', 'batch'),
    ]
    const { errors } = refusalOf(() => bind(three, [x, y, sampleId]))
    expect(errors.map(({ field }) => field)).toEqual(['inputs.mask', 'inputs.length'])
  })

  test.each([
    ['integers', array('other', 'int32', 60, 3)],
    ['texts', array('other', 'string', 60, 3)],
    ['another rank', array('other', 'float32', 60, 3, 1)],
    ['a target', array('y_onehot', 'float32', 60, 3)],
    ['an output of the model', array('logits', 'float32', 60, 3)],
    ['other samples', array('other', 'float32', 20, 3)],
  ])('the second of two inputs is not taken from %s', (_, other) => {
    const two = [value('x', 'float32', 'batch', 3), value('noise', 'float32', 'batch', 3)]
    expect(refusalOf(() => bind(two, [x, y, other])).errors.map(({ field }) => field)).toEqual(['inputs.noise'])
  })

  test('two inputs that one array fits are both named', () => {
    const two = [value('a', 'float32', 'batch', 3), value('b', 'float32', 'batch', 3)]
    const { errors } = refusalOf(() => bind(two, [x, y]))
    expect(errors.map(({ field, tensor }) => [field, tensor])).toEqual([
      ['inputs.a', 'x'],
      ['inputs.b', 'x'],
    ])
  })
})

test.each([
  ['that one array fits', 'float32', 'the array x fits the inputs'],
  ['that no array fits', 'bool', 'no array fits the input'],
])('of thousands of inputs %s, the first 20 are named, and the others counted', (_, dtype, words) => {
  const many = Array.from({ length: 20_000 }, (_, index) => value(`in${index}`, dtype, 'batch', 3))
  const { errors, message } = refusalOf(() => bind(many, [x, y]))
  expect(errors.map(({ field }) => field)).toEqual(many.slice(0, 20).map(({ name }) => `inputs.${name}`))
  expect(message).toContain(words)
  expect(message).toMatch(/; and 19980 more\.$/)
})

describe('what is bound without a name', () => {
  test('is the only array of its kind, rank and role, and is told', () => {
    const two = [value('pixels', 'float32', 'batch', 3), value('length', 'int64', 'batch')]
    const bound = bind(two, [array('features', 'float64', 60, 3), array('count', 'int32', 60), sampleId, y])
    expect(choiceOf(bound)).toEqual({
      inputs: { pixels: 'features', length: 'count' },
      target: 'y',
      guessed: ['inputs.pixels', 'inputs.length', 'target'],
    })
  })

  test('a single input takes numbers of another kind if nothing fits better', () => {
    const single = [value('input', 'float32', 'batch', 3)]
    const bytes = array('image', 'uint8', 60, 3)
    expect(choiceOf(bind(single, [bytes, y])).inputs).toEqual({ input: 'image' })
    expect(choiceOf(bind(single, [bytes, array('scaled', 'float32', 60, 3), y])).inputs).toEqual({ input: 'scaled' })
    expect(refusalOf(() => bind(single, [array('word', 'string', 60, 3), y])).code).toBe('TUREEN_DATASET_MISMATCH')
  })

  test('nothing is told of arrays that bear the names of inputs, and of the only other one that is named like a target', () => {
    expect(choiceOf(bind([value('x', 'float32', 'batch', 3)], [x, y]))).toEqual({
      inputs: { x: 'x' },
      target: 'y',
      guessed: [],
    })
  })
})

describe('the target', () => {
  const single = [value('x', 'float32', 'batch', 3)]
  test.each<[string, string[], string | null, boolean]>([
    ['the one that is named like one', ['sample_id', 'labels', 'weight'], 'labels', true],
    ['the one that is named like the output', ['teacher', 'logits'], 'logits', true],
    ['the only one left beside identifiers', ['sample_id', 'score'], 'score', true],
    ['the only one left', ['score'], 'score', true],
    ['none of several', ['score', 'rank'], null, false],
    ['none of two targets', ['y', 'label'], null, false],
    ['no identifier', ['sample_id'], null, false],
  ])('is %s', (_, names, target, isTold) => {
    const bound = bind(single, [x, ...names.map(name => array(name, 'int64', 60))])
    expect(choiceOf(bound)).toMatchObject({ target, guessed: isTold ? ['target'] : [] })
  })

  test('is none if the array with such a name cannot be used', () => {
    const unusable = [{ name: 'y', reason: 'The array y (|O) holds Python objects.' }]
    expect(bind(single, [x, array('score', 'float32', 60)], {}, unusable).binding.target).toBeNull()
  })
})

test('the refusal without a target names the array that was taken for an input by guess', () => {
  const inputs = [value('x', 'float32', 'batch', 3), value('lengths', 'int64', 'batch')]
  const arrays = [x, array('diagnosis', 'int64', 60)]
  const { binding, guesses } = bind(inputs, arrays)
  const { errors, message } = refusalOf(() => requireTarget(binding, { arrays, guesses }))
  expect(errors).toMatchObject([{ field: 'target' }, { field: 'inputs.lengths', tensor: 'diagnosis' }])
  expect(message).toContain('diagnosis was taken for the input lengths')
})

describe('train and test arrays in one file', () => {
  const single = [value('x', 'float32', 'batch', 3)]
  const both = [
    array('x_train', 'float32', 60, 3),
    array('y_train', 'int64', 60),
    array('x_test', 'float32', 20, 3),
    array('y_test', 'int64', 20),
  ]

  test.each<[string, Request, string, string, number]>([
    ['the target', { target: 'y_test' }, 'x_test', 'y_test', 20],
    ['an input', { inputs: { x: 'x_train' } }, 'x_train', 'y_train', 60],
    ['both', { inputs: { x: 'x_test' }, target: 'y_test' }, 'x_test', 'y_test', 20],
  ])('those that belong to %s of the request are used', (_, request, input, target, samples) => {
    const bound = bind(single, both, request)
    expect({ ...choiceOf(bound), samples: bound.samples }).toMatchObject({ inputs: { x: input }, target, samples })
  })

  test('without a choice, both are named', () => {
    expect(refusalOf(() => bind(single, both)).message).toMatch(/x_train.*x_test/)
  })

  test('a choice of both is refused, with the numbers of samples', () => {
    const request = { inputs: { x: 'x_train' }, target: 'y_test' }
    expect(refusalOf(() => bind(single, both, request)).message).toMatch(/60 and 20 samples/)
  })
})

describe("ONNX's test data", () => {
  const inputs = [value('x', 'float32', 'batch', 3), value('keep_prob', 'float32')]
  const tensor = (name: string, tensorName: string | undefined, dtype: string, ...dims: number[]) => ({
    ...array(name, dtype, ...dims),
    tensorName,
  })
  const output = tensor('output_0', 'logits', 'float32', 60, 3)
  const bindCase = (...arrays: ReturnType<typeof tensor>[]) =>
    bindDataset({ inputs, outputs: [logits] }, { kind: 'testDataSet', arrays: [...arrays, output] }, {})

  test('are bound by the names of their tensors, and by position where these are unknown', () => {
    const scalar = tensor('input_0', 'keep_prob', 'float32')
    const named = bindCase(scalar, tensor('input_1', 'x', 'float32', 60, 3))
    expect(choiceOf(named).inputs).toEqual({ x: 'input_1', keep_prob: 'input_0' })
    const unnamed = bindCase(tensor('input_0', undefined, 'float64', 60, 3), tensor('input_1', 'other', 'float32'))
    expect(choiceOf(unnamed).inputs).toEqual({ x: 'input_0', keep_prob: 'input_1' })
  })

  test.each([
    ['identifiers', tensor('input_1', 'sample_id', 'int64', 60)],
    ['another type', tensor('input_1', undefined, 'int64')],
    ['another rank', tensor('input_1', undefined, 'float32', 1)],
  ])('by position, an input does not take %s', (_, other) => {
    const { errors } = refusalOf(() => bindCase(tensor('input_0', 'x', 'float32', 60, 3), other))
    expect(errors.map(({ field, tensor }) => [field, tensor])).toEqual([['inputs.keep_prob', 'input_1']])
  })

  test('a missing input is named', () => {
    const { errors } = refusalOf(() => bindCase(tensor('input_0', 'x', 'float32', 60, 3)))
    expect(errors.map(({ field }) => field)).toEqual(['inputs.keep_prob'])
  })
})

describe('an array that cannot be used', () => {
  const reason = 'The array meta (|O) holds Python objects. Save it as numbers.'
  const unusable = [{ name: 'meta', reason }]

  test('is refused with the reason where the request asks for it', () => {
    for (const request of [{ target: 'meta' }, { inputs: { x: 'meta' } }]) {
      const { code, message } = refusalOf(() => bind([value('x', 'float32', 'batch', 3)], [x, y], request, unusable))
      expect({ code, message }).toEqual({ code: 'TUREEN_DATASET_UNSUPPORTED', message: reason })
    }
  })

  test('is named with the reason where an input has its name', () => {
    const inputs = [value('meta', 'float32', 'batch', 3)]
    expect(refusalOf(() => bind(inputs, [y], {}, unusable)).message).toContain('holds Python objects')
  })
})

test.each([
  ['target', 'y Y labels y_train classLabels gt mask_true target_ids class_id y2 ground_truth ytrain yte testlabels'],
  ['beside', 'id ID sample_id sampleId userid idx index file_name class_names sample_weight class_weights fold'],
  ['data', 'x image input_ids token_type_ids position_ids features valid grid width mask yaw hidden xtrain year train'],
])('arrays are %s by their names: %s', (role, names) => {
  expect(names.split(' ').map(name => [name, roleOf(name)])).toEqual(names.split(' ').map(name => [name, role]))
})
