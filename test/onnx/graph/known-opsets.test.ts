import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { attributeDefault } from '../../../src/onnx/graph/attribute-defaults.ts'
import { newestOpset } from '../../../src/onnx/graph/known-opsets.ts'
import { operatorEpoch } from '../../../src/onnx/graph/operator-epochs.ts'
import { operatorTypes } from '../../../src/onnx/graph/operator-types.ts'
import { classicModel, classicNode } from '../../support/classic-model.ts'
import { differencesOf, fingerprintOfBytes, networkOfBytes } from '../../support/inspecting.ts'
import { int64Tensor } from '../../support/onnx-model.ts'
import { encodeModel } from '../../support/rich-model.ts'
import { conv, gemm, int, type Layer, normalisation, relu, stack, zeros } from '../../support/stacked-model.ts'

const { ModelProto } = onnxProto.onnx

const newest = newestOpset('')

/** Whether a merge takes two models for one network; their fingerprints must say the same. */
function areOne(base: Uint8Array, other: Uint8Array): boolean {
  const isOne = differencesOf(base, other).length === 0
  expect(fingerprintOfBytes(base) === fingerprintOfBytes(other)).toBe(isOne)
  return isOne
}

/** A model that imports another version of a domain. */
function importing(bytes: Uint8Array, domain: string, version: number): Uint8Array {
  const model = ModelProto.decode(bytes)
  model.opsetImport = [...model.opsetImport.filter(each => each.domain !== domain), { domain, version }]
  return encodeModel(model)
}

const layers = [
  conv('/conv'),
  normalisation('/norm'),
  relu('/relu'),
  { opType: 'Softmax', name: '/softmax', attribute: [int('axis', -1)] },
  gemm('/head', [8, 4]),
]

describe('opsets of ai.onnx that Tureen does not know', () => {
  test.each([
    [newest, newest + 1],
    [newest + 1, newest],
    [newest + 1, newest + 3],
    [13, newest + 3],
  ])('opset %i is not opset %i: each operator is refused with the reason', (ours, theirs) => {
    const [base, other] = [stack(layers, ours), stack(layers, theirs)]
    const problems = differencesOf(base, other)
    expect(problems.map(({ node }) => node).sort()).toEqual(['/conv', '/head', '/norm', '/relu', '/softmax'])
    expect(problems.find(({ node }) => node === '/conv')?.message).toBe(
      `opset: Conv is of opset ${theirs}, in the base of opset ${ours}. Tureen knows ai.onnx up to opset ${newest}, and cannot tell whether the two mean the same: export both with one opset`,
    )
    expect(areOne(base, other)).toBe(false)
  })

  test('one of them is itself', () => {
    expect(areOne(stack(layers, newest + 3), stack(layers, newest + 3))).toBe(true)
  })

  test('the newest known opset and an older one still are one where the operators mean the same', () => {
    expect(areOne(stack(layers, 13), stack(layers, newest))).toBe(true)
  })

  const written = (layer: Layer) => stack([conv('/conv'), layer, gemm('/head', [8, 4])], newest + 1)
  const known = (layer: Layer) => stack([conv('/conv'), layer, gemm('/head', [8, 4])], newest)
  test.each<[string, Layer, Layer]>([
    ['a default', { opType: 'Elu' }, { opType: 'Elu', attribute: [{ name: 'alpha', type: 1, f: 1 }] }],
    [
      'a default by axes',
      { opType: 'MaxPool', attribute: [{ name: 'kernel_shape', type: 7, ints: [2, 2] }] },
      {
        opType: 'MaxPool',
        attribute: [
          { name: 'kernel_shape', type: 7, ints: [2, 2] },
          { name: 'strides', type: 7, ints: [1, 1] },
        ],
      },
    ],
    [
      'the kernel of a weight',
      { opType: 'Conv', tensors: [zeros('w', 8, 8, 3, 3)] },
      {
        opType: 'Conv',
        tensors: [zeros('w', 8, 8, 3, 3)],
        attribute: [{ name: 'kernel_shape', type: 7, ints: [3, 3] }],
      },
    ],
    [
      'the momentum of a batch norm',
      normalisation('/norm'),
      { ...normalisation('/norm'), attribute: [{ name: 'momentum', type: 1, f: 0.5 }] },
    ],
    [
      'a Flatten and an equal Reshape',
      { opType: 'Flatten', name: '/flat' },
      { opType: 'Reshape', name: '/flat', tensors: [int64Tensor('shape', [2], [0, -1])] },
    ],
    [
      'a roi that no mode reads',
      { opType: 'Resize', tensors: [zeros('roi', 0), zeros('scales', 4)] },
      { opType: 'Resize', tensors: [zeros('roi', 8), zeros('scales', 4)] },
    ],
    ['a Dropout and none', { opType: 'Dropout', name: '/drop' }, { opType: 'Identity', name: '/drop' }],
  ])('%s is compared as it is written', (_, ours, theirs) => {
    expect(areOne(known({ name: '/layer', ...ours }), known({ name: '/layer', ...theirs }))).toBe(true)
    expect(areOne(written({ name: '/layer', ...ours }), written({ name: '/layer', ...theirs }))).toBe(false)
  })

  test('a Reshape to a matrix is of its opset, too', () => {
    const flat = (opset: number) =>
      stack([{ opType: 'Reshape', name: '/flat', tensors: [int64Tensor('shape', [2], [0, -1])] }], opset)
    expect(areOne(flat(newest + 1), flat(newest + 2))).toBe(false)
    expect(areOne(flat(newest - 1), flat(newest))).toBe(true)
  })

  test('the rank of what an operator puts out is not known, so that [4] and [1, 4] may differ', () => {
    const shifted = (opset: number, ...dims: number[]) =>
      stack([gemm('/head', [8, 4]), { opType: 'Add', name: '/shift', tensors: [zeros('shift', ...dims)] }], opset)
    const said = (opset: number) => differencesOf(shifted(opset, 4), shifted(opset, 1, 4)).map(({ message }) => message)
    expect(said(newest)).toEqual([])
    expect(said(newest + 1)).toEqual([expect.stringContaining('how many there are is not known')])
  })

  test('a bias of zeros may be left out in them, as in all versions', () => {
    const bare: Layer = { opType: 'Conv', name: '/conv', tensors: [zeros('w', 8, 8, 3, 3)] }
    const biased = { ...bare, tensors: [zeros('w', 8, 8, 3, 3), zeros('b', 8)] }
    expect(areOne(stack([bare], newest + 1), stack([biased], newest + 1))).toBe(true)
    expect(areOne(stack([bare], newest + 1), stack([biased], newest + 2))).toBe(false)
  })

  test('what holds in all versions holds in them: parameters stay parameters, operands of an Add have no order', () => {
    const clip = { opType: 'Clip', name: '/clip', tensors: [zeros('lower'), zeros('upper')] }
    const { leaves } = networkOfBytes(stack([clip], newest + 1))
    expect(leaves.map(({ name, isWeight }) => [name, isWeight])).toEqual([
      ['lower', false],
      ['upper', false],
    ])
    const sum = (input: string[]) =>
      stack([gemm('/head', [8, 4])], newest + 1, graph => {
        graph.node.push({ name: '/relu', opType: 'Relu', input: ['v0'], output: ['r'] })
        graph.node.push({ name: '/sum', opType: 'Add', input, output: ['s'] })
        graph.output.splice(0, 1, { name: 's', type: { tensorType: { elemType: 1 } } })
      })
    expect(areOne(sum(['v0', 'r']), sum(['r', 'v0']))).toBe(true)
  })
})

describe('versions of other domains that Tureen does not know', () => {
  const classifier = (attributes: Parameters<typeof classicNode>[3] = {}) =>
    classicModel(
      [classicNode('LinearRegressor', 'x', ['y'], { coefficients: [1, 2], intercepts: [3], ...attributes })],
      2,
      { y: { width: 1 } },
    )
  test('ai.onnx.ml: different ones are refused with the reason, one of them is itself, known ones are compared', () => {
    const of = (version: number, model = classifier()) => importing(model, 'ai.onnx.ml', version)
    const known = newestOpset('ai.onnx.ml')
    expect(areOne(of(1), of(known))).toBe(true)
    expect(areOne(of(known), of(known + 1))).toBe(false)
    expect(areOne(of(known + 1), of(known + 2))).toBe(false)
    expect(areOne(of(known + 2), of(known + 2))).toBe(true)
    const [problem] = differencesOf(of(known + 1), of(known + 2))
    expect(problem?.message).toBe(
      `opset: ai.onnx.ml.LinearRegressor is of opset ${known + 2}, in the base of opset ${known + 1}. Tureen knows ai.onnx.ml up to opset ${known}, and cannot tell whether the two mean the same: export both with one opset`,
    )
    const spelled = classifier({ targets: 1, post_transform: 'NONE' })
    expect(areOne(of(known), of(known, spelled))).toBe(true)
    expect(areOne(of(known + 1), of(known + 1, spelled))).toBe(false)
  })

  const turn = (domain: string, version: number) =>
    importing(stack([{ opType: 'Turn', name: '/turn', domain }, gemm('/head', [8, 4])]), domain, version)

  test('com.microsoft has the one version that onnxruntime has', () => {
    expect(areOne(turn('com.microsoft', 1), turn('com.microsoft', 1))).toBe(true)
    expect(areOne(turn('com.microsoft', 1), turn('com.microsoft', 2))).toBe(false)
  })

  test('an unknown domain has no version that Tureen knows', () => {
    expect(newestOpset('org.example')).toBe(0)
    expect(areOne(turn('org.example', 3), turn('org.example', 3))).toBe(true)
    expect(areOne(turn('org.example', 1), turn('org.example', 2))).toBe(false)
    expect(differencesOf(turn('org.example', 1), turn('org.example', 2))[0]?.message).toBe(
      'opset: org.example.Turn is of opset 2, in the base of opset 1. Tureen does not know the operators of org.example, and cannot tell whether the two mean the same: export both with one opset',
    )
  })
})

test.each(['', 'ai.onnx.ml', 'ai.onnx.preview.training', 'com.microsoft', 'org.example'])(
  'every table of "%s" ends with the newest known opset',
  domain => {
    const beyond = [1, 2, 100].map(more => newestOpset(domain) + more)
    const operators: [opType: string, attribute: string][] = [
      ['Conv', 'group'],
      ['Softmax', 'axis'],
      ['LinearRegressor', 'targets'],
      ['Adam', 'epsilon'],
      ['FusedMatMul', 'alpha'],
    ]
    for (const [opType, attribute] of operators) {
      expect(beyond.map(version => operatorEpoch(domain, opType, version))).toEqual(beyond)
      expect(beyond.map(version => attributeDefault(domain, opType, version, attribute))).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      expect(beyond.map(version => operatorTypes(domain, opType, version))).toEqual([null, null, null])
    }
  },
)
