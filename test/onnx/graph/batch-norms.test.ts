import type { onnx } from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/onnx/byte-source.ts'
import { findBatchNorms, requireBatchNorms } from '../../../src/onnx/graph/batch-norms.ts'
import { cutGraph, cutOutput } from '../../../src/onnx/graph/cut-graph.ts'
import { decodeSkeleton } from '../../../src/onnx/skeleton.ts'
import { batchNormModel, channels, randomLayers, type SmallModel } from '../../support/batch-norm-model.ts'
import { layoutOf } from '../../support/inspecting.ts'
import { float32Tensor, linearModel } from '../../support/onnx-model.ts'

const layers = randomLayers(3, 1)

function normsOf(change?: (model: SmallModel) => void) {
  const layout = layoutOf(batchNormModel(layers, change))
  return findBatchNorms(layout, decodeSkeleton(layout))
}

/** Changes the first batch norm. */
function first(change: (node: onnx.INodeProto, model: SmallModel) => void) {
  return (model: SmallModel) => {
    const node = model.graph.node.find(({ name }) => name === 'norm0')
    if (node) change(node, model)
  }
}

describe('the batch norms of a model', () => {
  it('are found with their statistics, each a level above those that it depends on', () => {
    const { measurable, left } = normsOf()
    expect(left).toEqual([])
    expect(
      measurable.map(({ node, input, mean, variance, level }) => [node, input, mean.name, variance.name, level]),
    ).toEqual([
      ['norm0', 'in0', 'mean0', 'variance0', 1],
      ['norm1', 'in1', 'mean1', 'variance1', 2],
      ['norm2', 'in2', 'mean2', 'variance2', 3],
    ])
  })

  it('stand on one level where none depends on the other, in whatever order nodes are listed', () => {
    const parallel = normsOf(({ graph }) => {
      for (const node of graph.node) if (node.opType === 'MatMul') node.input = ['x', node.input?.[1] ?? '']
      graph.node.reverse()
    })
    expect(parallel.measurable.map(({ node, level }) => [node, level])).toEqual([
      ['norm2', 1],
      ['norm1', 1],
      ['norm0', 1],
    ])
  })

  const ofFirst: [string, (node: onnx.INodeProto, model: SmallModel) => void, RegExp][] = [
    [
      'takes statistics of another one',
      node => void node.input?.splice(3, 1, 'mean1'),
      /mean1, which is used in other places/,
    ],
    [
      'takes one tensor as both',
      node => void node.input?.splice(3, 1, 'variance0'),
      /variance0, which is used in other/,
    ],
    [
      'takes what is computed',
      (node, { graph }) => {
        graph.node.unshift({ opType: 'Abs', input: ['mean0'], output: ['computed'] })
        node.input?.splice(3, 1, 'computed')
      },
      /computed, which is computed or an input/,
    ],
    [
      'takes what something else takes before it is cast',
      (node, { graph }) => {
        graph.node.unshift(
          { opType: 'Cast', input: ['mean0'], output: ['cast'], attribute: [{ name: 'to', type: 2, i: 1 }] },
          { opType: 'Abs', input: ['mean0'], output: ['other'] },
        )
        node.input?.splice(3, 1, 'cast')
      },
      /mean0, which is used in other places/,
    ],
    [
      'trains',
      node => void Object.assign(node, { attribute: [{ name: 'training_mode', type: 2, i: 1 }] }),
      /training mode/,
    ],
    ['puts out statistics', node => void node.output?.push('running'), /training mode/],
    [
      'is not spatial',
      node => void Object.assign(node, { attribute: [{ name: 'spatial', type: 2, i: 0 }] }),
      /spatial is 0/,
    ],
    [
      'has statistics that the model puts out',
      (_, { graph }) => void graph.output?.push({ name: 'mean0' }),
      /mean0, which is used/,
    ],
  ]
  it.each(ofFirst)('stay as they are, with the reason: one that %s', (_, change, reason) => {
    const { left, measurable } = normsOf(first(change))
    expect(left.find(({ node }) => node === 'norm0')?.reason).toMatch(reason)
    expect(measurable.map(({ node }) => node)).toContain('norm2')
  })

  it('may have statistics that are cast, passed on, or Constants', () => {
    const { measurable, left } = normsOf(
      first((node, { graph }) => {
        const { initializer = [] } = graph
        const [constant] =
          initializer?.splice(
            initializer.findIndex(each => each.name === 'variance0'),
            1,
          ) ?? []
        graph.node.unshift(
          { opType: 'Cast', input: ['mean0'], output: ['cast'], attribute: [{ name: 'to', type: 2, i: 1 }] },
          { opType: 'Identity', input: ['cast'], output: ['passed'] },
          {
            opType: 'Constant',
            output: ['constant'],
            attribute: [{ name: 'value', type: 4, t: { ...constant } }],
          },
        )
        node.input?.splice(3, 2, 'passed', 'constant')
      }),
    )
    expect(left).toEqual([])
    expect(measurable.map(({ mean, variance }) => [mean.name, variance.name])).toContainEqual(['mean0', 'constant'])
  })

  it('in subgraphs and functions stay as they are', () => {
    const inner = { opType: 'BatchNormalization', name: 'inner', input: ['in0', 's', 'b', 'm', 'v'], output: ['o'] }
    const { left } = normsOf(model => {
      const branch = { name: 'branch', node: [inner], output: [{ name: 'o' }] }
      model.graph.node.push({
        opType: 'If',
        name: 'choice',
        input: ['condition'],
        output: ['chosen'],
        attribute: [{ name: 'then_branch', type: 5, g: branch }],
      })
      model.functions = [
        { name: 'block', domain: 'own', input: ['a'], output: ['o'], node: [{ ...inner, name: 'called' }] },
      ]
    })
    expect(left).toEqual([
      { node: 'inner', reason: expect.stringMatching(/subgraph of choice/) },
      { node: 'called', reason: expect.stringMatching(/function block/) },
    ])
  })

  it('of another domain are something else', () => {
    expect(
      normsOf(first(node => void Object.assign(node, { domain: 'own' }))).measurable.map(({ node }) => node),
    ).toEqual(['norm1', 'norm2'])
  })

  it('must be some that can be measured: else the refusal names every reason', () => {
    const all = (model: SmallModel) => {
      for (const node of model.graph.node) node.attribute = [{ name: 'training_mode', type: 2, i: 1 }]
    }
    const layout = layoutOf(batchNormModel(layers, all))
    const refused = () => requireBatchNorms(layout, decodeSkeleton(layout))
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'TUREEN_RECALIBRATION_IMPOSSIBLE',
        errors: ['norm0', 'norm1', 'norm2'].map(node => ({ node, message: expect.stringMatching(/training mode/) })),
      }),
    )
    const without = layoutOf(linearModel([1], [1]))
    expect(() => requireBatchNorms(without, decodeSkeleton(without))).toThrow(/folded/)
  })
})

describe('a graph that is cut', () => {
  it('puts out the inner values that a run of the whole graph passes, without the nodes behind them', async () => {
    const bytes = batchNormModel(
      layers.slice(0, 1),
      ({ graph }) => void graph.initializer?.push(float32Tensor('unused', [1], [1])),
    )
    const cut = cutGraph(memorySource(bytes), { nodes: new Set([0]), values: ['in0', 'x'] })
    const session = await ort.InferenceSession.create(cut, { logSeverityLevel: 4 })
    expect(session.outputNames).toEqual([cutOutput(0), cutOutput(1)])
    const x = Float32Array.from({ length: channels }, (_, index) => (index === 1 ? 1 : 0))
    const results = await session.run({ x: new ort.Tensor('float32', x, [1, channels]) })
    expect(results[cutOutput(0)]?.data).toEqual(
      Float32Array.from(layers[0]?.weight.slice(channels, 2 * channels) ?? []),
    )
    expect(results[cutOutput(1)]?.data).toEqual(x)
    await session.release()
  })
})
