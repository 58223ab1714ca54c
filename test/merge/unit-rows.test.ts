import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { candidatePlan } from '../../src/merge/candidate-plan.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { elementType, int64Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { encodeModel } from '../support/rich-model.ts'
import { projectRoot } from '../support/server.ts'
import { node } from '../support/slot-models.ts'
import { digest, soupInMemory, soupOfFiles } from '../support/soup.ts'

/** Computed by NumPy: test/fixtures/methods/make_unit_rows.py. */
type Form = { form: string; dims: number[]; change: number[]; probabilities: number[] }
const file = join(projectRoot, 'test/fixtures/methods/unit-rows.json')
const forms: Form[] = JSON.parse(readFileSync(file, 'utf8'))

type Graph = Pick<onnx.IGraphProto, 'node'> & { initializer?: onnx.ITensorProto[]; functions?: onnx.IFunctionProto[] }

const int = (name: string, i: number): onnx.IAttributeProto => ({ name, type: 2, i })
const ints = (name: string, values: number[]): onnx.IAttributeProto => ({ name, type: 7, ints: values })
const equation = (text: string): onnx.IAttributeProto => ({ name: 'equation', type: 3, s: Buffer.from(text) })
const attributes = (...attribute: onnx.IAttributeProto[]): onnx.INodeProto => ({ attribute })
const microsoft = (...attribute: onnx.IAttributeProto[]): onnx.INodeProto => ({ domain: 'com.microsoft', attribute })
const turned = (input: string, perm: number[]) => node('Transpose', [input], ['t'], attributes(ints('perm', perm)))
const doubles = (name: string, dims: number[], values: readonly number[]): onnx.ITensorProto => ({
  name,
  dims,
  dataType: elementType.float64,
  rawData: new Uint8Array(Float64Array.from(values).buffer),
})
const inFunction = node('Layer', ['x', 'W'], ['y'], { domain: 'own' })
const transposedGemm = (weight: string, output: string) =>
  node('Gemm', ['x', weight], [output], attributes(int('transB', 1)))

/** The networks, whose input is x and whose weight is W. */
const graphs: Readonly<Record<string, Graph>> = {
  'Gemm transB': { node: [transposedGemm('W', 'y')] },
  'Transpose to MatMul': { node: [turned('W', [1, 0]), node('MatMul', ['x', 't'])] },
  'Transpose without perm to MatMul': { node: [node('Transpose', ['W'], ['t']), node('MatMul', ['x', 't'])] },
  'Cast and Transpose to MatMul': {
    node: [node('Cast', ['W'], ['c'], attributes(int('to', 11))), turned('c', [1, 0]), node('MatMul', ['x', 't'])],
  },
  'left of MatMul': { node: [node('MatMul', ['W', 'x'])] },
  'Einsum bi,oi->bo': { node: [node('Einsum', ['x', 'W'], ['y'], attributes(equation('bi, oi -> bo')))] },
  'Einsum bi,io->bo': { node: [node('Einsum', ['x', 'W'], ['y'], attributes(equation('...i,io->...o')))] },
  'Einsum without result': { node: [node('Einsum', ['x', 'W'], ['y'], attributes(equation('bi,io')))] },
  'Slice to Gemm transB': {
    node: [node('Slice', ['W', 'from', 'until'], ['s']), transposedGemm('s', 'y')],
    initializer: [int64Tensor('from', [1], [0]), int64Tensor('until', [1], [4])],
  },
  'scaled, Transpose to MatMul': {
    node: [node('Mul', ['W', 'scale'], ['s']), turned('s', [1, 0]), node('MatMul', ['x', 't'])],
    initializer: [doubles('scale', [5, 1], [1, 2, 3, 4, 5])],
  },
  'Constant to Gemm transB': { node: [transposedGemm('W', 'y')] },
  'function with Gemm transB': {
    node: [inFunction],
    functions: [
      {
        name: 'Layer',
        domain: 'own',
        input: ['x', 'w'],
        output: ['z'],
        opsetImport: [{ domain: '', version: 18 }],
        node: [transposedGemm('w', 'z')],
      },
    ],
  },
  'branch with Gemm transB': {
    node: [
      node('If', ['condition'], ['y'], {
        attribute: ['then_branch', 'else_branch'].map((name, branch) => ({
          name,
          type: 5,
          g: {
            name,
            node: [branch === 0 ? transposedGemm('W', 'z') : node('Neg', ['x'], ['z'])],
            output: [{ name: 'z' }],
          },
        })),
      }),
    ],
  },
  'FusedMatMul transB': { node: [node('FusedMatMul', ['x', 'W'], ['y'], microsoft(int('transB', 1)))] },
  MatMul: { node: [node('MatMul', ['x', 'W'])] },
  Gemm: { node: [node('Gemm', ['x', 'W'])] },
  'Gemm transA': { node: [node('Gemm', ['W', 'x'], ['y'], attributes(int('transA', 1)))] },
  'Identity to MatMul': { node: [node('Identity', ['W'], ['w']), node('MatMul', ['x', 'w'])] },
  'QuantizeLinear and back to MatMul': {
    node: [
      node('QuantizeLinear', ['W', 'scale'], ['q']),
      node('DequantizeLinear', ['q', 'scale'], ['w']),
      node('MatMul', ['x', 'w']),
    ],
    initializer: [doubles('scale', [], [0.1])],
  },
  'stacked MatMul': { node: [node('MatMul', ['x', 'W'])] },
  'one of a stack to MatMul': {
    node: [node('Gather', ['W', 'one'], ['w'], attributes(int('axis', 0))), node('MatMul', ['x', 'w'])],
    initializer: [int64Tensor('one', [], [1])],
  },
  Conv: { node: [node('Conv', ['x', 'W'])] },
  FusedConv: { node: [node('FusedConv', ['x', 'W'], ['y'], microsoft())] },
  'Transpose to Conv': { node: [turned('W', [3, 2, 0, 1]), node('Conv', ['x', 't'])] },
  'Conv 1x1': { node: [node('Conv', ['x', 'W'])] },
  'Conv groups': { node: [node('Conv', ['x', 'W'], ['y'], attributes(int('group', 3)))] },
  'Conv depthwise': { node: [node('Conv', ['x', 'W'], ['y'], attributes(int('group', 6)))] },
  ...Object.fromEntries(
    [1, 2, 4].map(groups => [
      `ConvTranspose ${groups}`,
      { node: [node('ConvTranspose', ['x', 'W'], ['y'], attributes(int('group', groups)))] },
    ]),
  ),
  Gather: { node: [node('Gather', ['W', 'x'])] },
  'Gather and Transpose to MatMul': {
    node: [node('Gather', ['W', 'x'], ['e']), turned('W', [1, 0]), node('MatMul', ['e', 't'])],
  },
  'Gather axis 1': { node: [node('Gather', ['W', 'x'], ['y'], attributes(int('axis', -1)))] },
  LSTM: { node: [node('LSTM', ['x', 'W', 'x'], ['y'])] },
  vector: { node: [node('MatMul', ['x', 'W'])] },
  Add: { node: [node('Add', ['x', 'W'])] },
  'Gather and MatMul': { node: [node('Gather', ['W', 'x'], ['e']), node('MatMul', ['e', 'W'])] },
  'scale of channels': { node: [node('Mul', ['x', 'W'])] },
}

function model({ form, dims }: Form, values: readonly number[]): Uint8Array {
  const { node: nodes, initializer = [], functions = [] } = graphs[form] ?? {}
  const weight = doubles('W', dims, values)
  const isConstant = form.startsWith('Constant')
  const made = node('Constant', [], ['W'], { attribute: [{ name: 'value', type: 4, t: weight }] })
  return encodeModel({
    irVersion: 8,
    opsetImport: ['', 'com.microsoft', 'own'].map(domain => ({ domain, version: domain ? 1 : 18 })),
    functions,
    graph: {
      name: 'layer',
      node: [...(isConstant ? [made] : []), ...(nodes ?? [])],
      initializer: [...(isConstant ? [] : [weight]), ...initializer],
      input: [{ name: 'x' }, { name: 'condition' }],
      output: [{ name: 'y' }],
    },
  })
}

const settings = (seed: number) => ({
  method: 'della_linear',
  parameters: { density: 0.7, epsilon: 0.3, lambda: 1, seed },
  normalize: false,
  base: 1,
  usesBase: true,
})

function inputsOf(form: Form) {
  const nothing = form.change.map(() => 0)
  return [
    { bytes: model(form, form.change), weight: 1 },
    { bytes: model(form, nothing), weight: null },
  ]
}

function weightsIn(soup: Uint8Array, { form, dims, change }: Form): number[] {
  if (!form.startsWith('Constant')) return [...new Float64Array(Uint8Array.from(initializerBytes(soup, 'W')).buffer)]
  // The tensor's bytes are where those of the base were.
  const zeros = Buffer.from(
    model(
      { form, dims, change, probabilities: [] },
      change.map(() => 0),
    ),
  )
  const start = zeros.indexOf(Buffer.alloc(8 * change.length))
  return [...new Float64Array(Uint8Array.from(soup.subarray(start, start + 8 * change.length)).buffer)]
}

describe('della keeps a change as the output unit says that it belongs to', () => {
  test.each(forms.map(form => [form.form, form] as const))('%s', (_, form) => {
    const found = form.change.map(() => Number.NaN)
    // A change that is kept is divided by the probability that it was kept with.
    for (let seed = 0; seed < 12; seed += 1) {
      const kept = weightsIn(soupInMemory(inputsOf(form), settings(seed)), form)
      for (const [at, value] of kept.entries()) if (value !== 0) found[at] = (form.change[at] ?? 0) / value
    }
    const seen = form.probabilities.map((probability, at) => (Number.isNaN(found[at]) ? Number.NaN : probability))
    expect(seen.filter(Number.isNaN).length).toBeLessThan(0.05 * seen.length)
    expect(found).toEqual(
      seen.map(probability => (Number.isNaN(probability) ? probability : expect.closeTo(probability, 12))),
    )
  })

  test('every form is a network here', () => {
    expect(forms.map(({ form }) => form).sort()).toEqual(Object.keys(graphs).sort())
  })
})

test('a candidate of a search is ranked by unit, although the plan that it is made from ranks nothing', () => {
  const form = forms.find(each => each.form === 'MatMul')
  if (!form) throw new Error('there is no such form')
  const [model, start] = inputsOf(form).map(({ bytes }, index) => {
    const source = memorySource(bytes)
    return { source, data: new Map(), layout: readLayout(source), label: `${index}`, sha256: digest(bytes) }
  })
  if (!model) throw new Error('there is no model')
  const inputs = mergeInputs([{ ...model, weight: 1 }], start)
  const { parameters, base: _, ...rest } = { ...defaultSettings, ...settings(0) }
  const all = { ...rest, parameters: { ...parameters, epsilon: 0 } }
  const soup = { members: [0], weights: [1], rules: [], parameters: { epsilon: 0.3 } }
  const [tensor] = candidatePlan(checkedPlan(inputs, all).plan, soup, all).tensors
  expect(tensor?.rows?.layout).toEqual({ slabs: 1, outer: 7, units: 5, inner: 1 })
})

describe('a weight that is ranked along its last axis although it has more', () => {
  const warningsOf = (name: string, epsilon = 0.3) => {
    const form = forms.find(each => each.form === name)
    if (!form) throw new Error(`there is no form ${name}`)
    const { parameters, ...rest } = settings(0)
    const { report } = soupOfFiles(inputsOf(form), { ...rest, parameters: { ...parameters, epsilon } })
    return report.warnings.filter(warning => warning.includes('ranked'))
  }

  test.each([
    ['Add', /last axis in W: no operator/],
    ['Gather and MatMul', /last axis in W: operators that read such a tensor have different/],
  ])('is named: %s', (form, message) => {
    expect(warningsOf(form)).toEqual([expect.stringMatching(message)])
  })

  test('is not named where all changes are kept with one probability', () => {
    expect(warningsOf('Add', 0)).toEqual([])
  })

  test.each(['MatMul', 'vector', 'scale of channels'])('is named, and no other: %s', form => {
    expect(warningsOf(form)).toEqual([])
  })
})
