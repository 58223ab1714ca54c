import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, it } from 'vitest'
import type { MergeSettings } from '../../src/merge/merge-input.ts'
import { methodSettings } from '../../src/merge/method-settings.ts'
import { blockModel, type Naming } from '../support/block-model.ts'
import { refusalOf } from '../support/catalogue.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { soupInMemory } from '../support/soup.ts'

const { ModelProto } = onnxProto.onnx

type Change = (graph: { node: onnx.INodeProto[]; initializer: onnx.ITensorProto[] }, value: number) => void

/** A model of three blocks whose tensors are all `value`, changed. */
function changedModel(value: number, names: Partial<Naming>, change: Change): Uint8Array {
  const model = ModelProto.decode(blockModel(value, 3, names))
  const { node = [], initializer = [] } = model.graph ?? {}
  change({ node: node ?? [], initializer: initializer ?? [] }, value)
  return ModelProto.encode(model).finish()
}

function nodeOf(nodes: readonly onnx.INodeProto[], output: string): onnx.INodeProto {
  const found = nodes.find(node => node.output?.[0] === output)
  if (!found) throw new Error(`no node puts out ${output}`)
  return found
}

const byBlock = { gradient: [1, 2], by: 'block' } as const
const settings: Partial<MergeSettings> = { method: 'task_arithmetic', normalize: false, usesBase: true }

/** What lambda was for each tensor: of a base of zeros and a model of ones, that is what comes out. */
function lambdas(
  make: (value: number) => Uint8Array,
  lambda: object = byBlock,
  more: Partial<MergeSettings> = {},
  other = make,
): Record<string, number | undefined> {
  const [base, model] = [make(0), other(1)]
  const inputs = [
    { bytes: base, weight: null },
    { bytes: model, weight: 1 },
  ]
  const soup = soupInMemory(inputs, { ...settings, parameters: { lambda }, ...more })
  const names = ModelProto.decode(base).graph?.initializer?.map(({ name }) => name ?? '') ?? []
  return Object.fromEntries(
    names.map(name => [name, new Float32Array(Uint8Array.from(initializerBytes(soup, name)).buffer)[0]]),
  )
}

const outside = { 'embed.weight': 1, 'head.bias': 1 }
const biases = { 'layers.0.linear.bias': 1, 'layers.1.linear.bias': 1.5, 'layers.2.linear.bias': 2 }

describe('a gradient by block', () => {
  it('has its first value at the first block and outside, its last at the last block, straight lines between', () => {
    expect(lambdas(value => blockModel(value, 3))).toEqual({
      ...outside,
      ...biases,
      'head.weight': 1,
      'layers.0.linear.weight': 1,
      'layers.1.linear.weight': 1.5,
      'layers.2.linear.weight': 2,
    })
  })

  it('is (1 - f) g[i] + f g[i + 1] at index / (n - 1) (n - 1 points of g), whatever n and g are', () => {
    const points = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(points, fc.integer({ min: 2, max: 7 }), (gradient, blocks) => {
        const found = lambdas(value => blockModel(value, blocks), { gradient, by: 'block' })
        for (let block = 0; block < blocks; block += 1) {
          const scaled = (block / (blocks - 1)) * (gradient.length - 1)
          const [i, f] = [Math.floor(scaled), scaled % 1]
          const expected = (1 - f) * (gradient[i] ?? 0) + f * (gradient[Math.min(i + 1, gradient.length - 1)] ?? 0)
          expect(found[`layers.${block}.linear.weight`]).toBeCloseTo(expected, 5)
        }
        expect(found['head.weight']).toBe(gradient[0])
      }),
      { numRuns: 20 },
    )
  })

  it('has its last value in a stack of one block', () => {
    const found = lambdas(value => blockModel(value, 1))
    expect(found).toMatchObject({ 'layers.0.linear.weight': 2, 'layers.0.linear.bias': 2, 'head.weight': 1 })
  })

  it('runs in each stack by itself', () => {
    const naming: Partial<Naming> = {
      weight: block => (block < 3 ? `encoder.layer.${block}.w` : `decoder.layer.${block - 3}.w`),
      bias: block => (block < 3 ? `encoder.layer.${block}.b` : `decoder.layer.${block - 3}.b`),
    }
    const found = lambdas(value => blockModel(value, 5, naming))
    expect(found).toMatchObject({ 'encoder.layer.1.w': 1.5, 'encoder.layer.2.w': 2 })
    expect(found).toMatchObject({ 'decoder.layer.0.w': 1, 'decoder.layer.1.w': 2 })
  })

  const madeUp = (block: number) => `onnx::MatMul_${260 + block}`
  const head = { weight: 'onnx::MatMul_299', multiply: '/head/MatMul' }
  const matrices = { 'onnx::MatMul_260': 1, 'onnx::MatMul_261': 1.5, 'onnx::MatMul_262': 2, 'onnx::MatMul_299': 1 }
  it.each<[string, Partial<Naming>]>([
    ['the nodes that read them', { multiply: block => `/layers.${block}/linear/MatMul` }],
    ['nodes with the list before its item', { multiply: block => `/layers/layers.${block}/linear/MatMul` }],
    ['nodes with slashes for dots', { multiply: block => `/layers/${block}/linear/MatMul` }],
    ['other tensors of their module', { multiply: block => `/q_${block}/MatMul`, add: block => `/q_${block}/Add` }],
    ['the bias behind them', { multiply: () => null, add: () => null }],
    [
      'the bias behind them, in nodes with numbers for names',
      { multiply: block => `MatMul_${block}`, add: () => null },
    ],
  ])('finds tensors with made-up names by %s', (_, naming) => {
    expect(lambdas(value => blockModel(value, 3, { weight: madeUp, head, ...naming }))).toEqual({
      ...outside,
      ...biases,
      ...matrices,
    })
  })

  it('finds a tensor with a made-up name between others of one block', () => {
    const between: Change = ({ node, initializer }, value) => {
      nodeOf(node, 'sum1').input = ['bent', 'layers.1.linear.bias']
      node.push(
        { opType: 'MatMul', name: '', input: ['product1', '277'], output: ['inner'] },
        { opType: 'Tanh', name: '', input: ['inner'], output: ['bent'] },
      )
      initializer.push(float32Tensor('277', [2, 2], [value, value, value, value]))
    }
    expect(lambdas(value => changedModel(value, {}, between))['277']).toBe(1.5)
  })

  it('finds a tensor through a Transpose', () => {
    const transposed: Change = ({ node }) => {
      nodeOf(node, 'product1').input = ['h1', 'turned']
      node.push({ opType: 'Transpose', name: '', input: [madeUp(1)], output: ['turned'] })
    }
    expect(lambdas(value => changedModel(value, { weight: madeUp, head }, transposed))).toMatchObject(matrices)
  })

  it('leaves a tensor outside that has a name of its own and is handed to one block', () => {
    const queried: Change = ({ node, initializer }, value) => {
      nodeOf(node, 'product2').input = ['asked', 'layers.2.linear.weight']
      node.push(
        { opType: 'Unsqueeze', name: '/Unsqueeze', input: ['query.weight'], output: ['queries'] },
        { opType: 'Add', name: '/layers.2/Add', input: ['h2', 'queries'], output: ['asked'] },
      )
      initializer.push(float32Tensor('query.weight', [2], [value, value]))
    }
    expect(lambdas(value => changedModel(value, {}, queried))['query.weight']).toBe(1)
  })

  it('takes the names of another model where those of the base are made up', () => {
    const bare: Partial<Naming> = { weight: madeUp, bias: block => `${block}`, multiply: () => null, add: () => null }
    const found = lambdas(
      value => blockModel(value, 3, { ...bare, head }),
      byBlock,
      {},
      value => blockModel(value, 3),
    )
    expect(found).toEqual({ ...outside, ...matrices, 0: 1, 1: 1.5, 2: 2 })
  })

  /** The matrix and the bias of block 1 have made-up names, and nodes have none. */
  const bare: Partial<Naming> = {
    weight: block => (block === 1 ? 'onnx::MatMul_261' : `layers.${block}.w`),
    bias: block => (block === 1 ? '77' : `layers.${block}.b`),
    multiply: () => null,
    add: () => null,
  }

  it('is refused where the block of a tensor cannot be told, with the tensor and what to do', () => {
    const make = (value: number) => blockModel(value, 3, bare)
    const { message, errors } = refusalOf(() => lambdas(make), 'TUREEN_BLOCKS_UNKNOWN')
    expect(errors.map(({ tensor }) => tensor)).toEqual(['onnx::MatMul_261', '77'])
    expect(message).toMatch(/give these tensors a rule/)
    const rules = ['onnx::MatMul_261', '77'].map(match => ({ match, parameters: { lambda: 3 } }))
    expect(lambdas(make, byBlock, { rules })).toMatchObject({ 'onnx::MatMul_261': 3, 77: 3, 'layers.2.b': 2 })
  })

  it('needs no block for what is the same in every model', () => {
    const same: Change = ({ initializer }) => {
      for (const tensor of initializer)
        if (tensor.name === 'onnx::MatMul_261' || tensor.name === '77')
          tensor.rawData = new Uint8Array(tensor.rawData?.length ?? 0)
    }
    expect(lambdas(value => changedModel(value, bare, same))).toMatchObject({ 'onnx::MatMul_261': 0, 'layers.2.b': 2 })
  })

  it('is refused where no name has a number of a block', () => {
    const naming: Partial<Naming> = {
      weight: block => `w${block}`,
      bias: block => `b${block}`,
      multiply: () => null,
      add: () => null,
    }
    const { message } = refusalOf(() => lambdas(value => blockModel(value, 3, naming)), 'TUREEN_BLOCKS_UNKNOWN')
    expect(message).toMatch(/no tensor or node/)
  })

  it('is refused for a numbered convolution that a batch norm may have been folded into', () => {
    const folded: Change = ({ node, initializer }, value) => {
      nodeOf(node, 'product').input = ['convolved', 'head.weight']
      node.push({
        opType: 'Conv',
        name: '/features/features.0/Conv',
        input: ['h3', 'onnx::Conv_31'],
        output: ['convolved'],
      })
      initializer.push(float32Tensor('onnx::Conv_31', [2, 2, 1], [value, value, value, value]))
    }
    const { errors } = refusalOf(() => lambdas(value => changedModel(value, {}, folded)), 'TUREEN_BLOCKS_UNKNOWN')
    expect(errors).toMatchObject([{ tensor: 'onnx::Conv_31' }])
  })

  it('does not stand beside one by graph', () => {
    const parameters = { density: { gradient: [0.5, 0.6], by: 'block' }, lambda: { gradient: [0, 1] } }
    const { errors } = refusalOf(
      () => methodSettings({ method: 'ties', parameters, rules: [] }, { weights: [1], hasBase: true, fishers: 0 }),
      'TUREEN_REQUEST_INVALID',
    )
    expect(errors).toMatchObject([{ field: 'parameters', message: expect.stringMatching(/by graph and by block/) }])
  })
})

describe('the number of blocks that a request names', () => {
  const merged = (blocks: number, make = (value: number) => blockModel(value, 3)) =>
    lambdas(make, { gradient: [1] }, { blocks })

  it('is that of the network, or the merge is refused with what was found', () => {
    expect(merged(3)).toMatchObject({ 'layers.2.linear.weight': 1 })
    expect(refusalOf(() => merged(4), 'TUREEN_BLOCKS_UNKNOWN').message).toMatch(/4 blocks.*layers: 3/)
  })

  it('is that of a single stack', () => {
    const naming: Partial<Naming> = {
      weight: block => `${block < 2 ? 'encoder' : 'decoder'}.${block % 2}.w`,
      bias: block => `${block < 2 ? 'encoder' : 'decoder'}.${block % 2}.b`,
    }
    const { message } = refusalOf(() => merged(2, value => blockModel(value, 4, naming)), 'TUREEN_BLOCKS_UNKNOWN')
    expect(message).toMatch(/encoder: 2, decoder: 2/)
  })
})

describeShared('a transformer of torch whose matrices have made-up names', () => {
  it('has them in the blocks of their biases', () => {
    const file = (name: string) => readFileSync(join(sharedDirectory, 'cases', 'rules-anonymous', `${name}.onnx`))
    const [a, b] = [file('a'), file('b')]
    const inputs = [
      { bytes: a, weight: null },
      { bytes: b, weight: 1 },
    ]
    // Lambda 0 leaves the base, 1 takes the model: two blocks, so that each matrix is that of one of the two.
    const soup = soupInMemory(inputs, { ...settings, parameters: { lambda: { gradient: [0, 1], by: 'block' } } })
    for (let number = 263; number <= 289; number += 1) {
      const name = `onnx::MatMul_${number}`
      if (![263, 276, 277].includes(number) && number < 280) continue
      const own = number >= 283 && number <= 288 ? b : a
      const [found, expected] = [soup, own].map(
        model => new Float32Array(Uint8Array.from(initializerBytes(model, name)).buffer),
      )
      expect(found?.map(Math.fround), name).toEqual(expected)
    }
  })
})
