import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../src/onnx/byte-source.ts'
import { alignNetworks } from '../../../src/onnx/graph/align.ts'
import { fingerprintOf } from '../../../src/onnx/graph/fingerprint.ts'
import { refusalOf } from '../../support/catalogue.ts'
import { differencesOf, networkOfBytes } from '../../support/inspecting.ts'
import { float32Tensor } from '../../support/onnx-model.ts'
import { encodeModel, modelOf } from '../../support/rich-model.ts'

const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })
const graphOf = (node: onnx.INodeProto[], output: string, more: onnx.IGraphProto = {}) =>
  modelOf({ name: 'costly', node, input: [value('x')], output: [value(output)], ...more })

function seconds(run: () => void): number {
  const started = performance.now()
  run()
  return (performance.now() - started) / 1000
}

/** A chain, each node of which reads the one before and a weight that all share. */
function chain(length: number): Uint8Array {
  const node = Array.from({ length }, (_, index) => ({
    opType: 'Mul',
    input: [index === 0 ? 'x' : `v${index - 1}`, 'w'],
    output: [`v${index}`],
  }))
  return graphOf(node, `v${length - 1}`, { initializer: [float32Tensor('w', [1], [1])] })
}

/** Towers that are alike, each over the same input and with weights of its own, added up in the end. */
function towers(count: number, depth: number): Uint8Array {
  const node: onnx.INodeProto[] = []
  const initializer: onnx.ITensorProto[] = []
  for (let tower = 0; tower < count; tower += 1) {
    for (let level = 0; level < depth; level += 1) {
      const input = level === 0 ? 'x' : `t${tower}.${level - 1}`
      initializer.push(float32Tensor(`w${tower}.${level}`, [2], [tower, level]))
      node.push({ opType: 'Mul', input: [input, `w${tower}.${level}`], output: [`t${tower}.${level}`] })
    }
  }
  const input = Array.from({ length: count }, (_, tower) => `t${tower}.${depth - 1}`)
  return graphOf([...node, { opType: 'Sum', input, output: ['y'] }], 'y', { initializer })
}

/** Nodes that are alike, all read by one. */
function fan(width: number, opType: string): Uint8Array {
  const output = Array.from({ length: width }, (_, index) => `v${index}`)
  const node = output.map(name => ({ opType: 'Neg', input: ['x'], output: [name] }))
  return graphOf([...node, { opType, input: output, output: ['y'] }], 'y')
}

/** Each node reads the one before twice: as a tree it would have 2^depth leaves. */
function doubling(depth: number, last = 'Add'): Uint8Array {
  const node = Array.from({ length: depth }, (_, index) => ({
    opType: index === 0 ? last : 'Add',
    input: index === 0 ? ['x', 'x'] : [`v${index - 1}`, `v${index - 1}`],
    output: [`v${index}`],
  }))
  return graphOf(node, `v${depth - 1}`)
}

const bombOpsets = [
  { domain: '', version: 13 },
  { domain: 'bomb', version: 1 },
]

/** Functions, each of which calls the next twice. `callee`: which one a function calls. */
function functionsThat(callee: (index: number) => string | undefined, count: number): Uint8Array {
  const functions = Array.from({ length: count }, (_, index): onnx.IFunctionProto => {
    const next = callee(index)
    const call = (input: string, output: string, name: string) =>
      next === undefined
        ? { name, opType: 'Neg', input: [input], output: [output] }
        : { name, opType: next, domain: 'bomb', input: [input], output: [output] }
    return {
      name: `f${index}`,
      domain: 'bomb',
      input: ['v'],
      output: ['w'],
      opsetImport: bombOpsets,
      node: [call('v', 'between', `first of f${index}`), call('between', 'w', `second of f${index}`)],
    }
  })
  const node = [{ name: 'start', opType: 'f0', domain: 'bomb', input: ['x'], output: ['y'] }]
  const graph = { name: 'calls', node, input: [value('x')], output: [value('y')] }
  return encodeModel({ irVersion: 8, opsetImport: bombOpsets, graph, functions })
}

const names = Array.from({ length: 10_000 }, (_, index) => (index === 0 ? 'v' : `p${index}`))
const longBranch: onnx.IGraphProto = {
  name: 'long',
  node: Array.from({ length: 5000 }, (_, index) => ({
    opType: 'Neg',
    input: [index === 0 ? 'v' : `b${index - 1}`],
    output: [`b${index}`],
  })),
  output: [{ name: 'b4999' }],
}

/** Seconds beyond which something grows faster than its model, on a machine however busy. */
const hang = 20

describe('what grows is read and compared in time', () => {
  test.each([
    ['a chain of 50,000 nodes', () => chain(50_000)],
    ['64 towers of 100 nodes', () => towers(64, 100)],
    ['a value that is doubled 60 times', () => doubling(60)],
    ['a value that is doubled 5,000 times', () => doubling(5_000)],
  ])('%s', (_, make) => {
    const model = make()
    const files = { source: memorySource(model), data: new Map() }
    let network = networkOfBytes(modelOf({}))
    const reading = seconds(() => {
      network = networkOfBytes(model)
    })
    expect(reading).toBeLessThan(hang)
    expect(seconds(() => fingerprintOf(network, files))).toBeLessThan(hang)
    const again = { ...files, network: networkOfBytes(model) }
    let differences = -1
    const took = seconds(() => {
      differences = alignNetworks({ ...files, network }, again).differences.length
    })
    expect(differences).toBe(0)
    expect(took).toBeLessThan(hang)
  })

  test.each([
    ['a chain that is one node longer', () => [chain(20_000), chain(20_001)] as const],
    ['towers that are one fewer', () => [towers(64, 60), towers(63, 60)] as const],
    ['many that are alike, gathered by another operator', () => [fan(30_000, 'Sum'), fan(30_000, 'Concat')] as const],
    ['doubling from another operator on', () => [doubling(60), doubling(60, 'Sub')] as const],
  ])('differences as well: %s', (_, make) => {
    const [base, other] = make()
    const took = seconds(() => expect(differencesOf(base, other)).not.toEqual([]))
    expect(took).toBeLessThan(hang)
  })
})

describe('what has no end is refused, its place named', () => {
  test('functions that call each other twice, 40 deep', () => {
    const bomb = functionsThat(index => (index < 39 ? `f${index + 1}` : undefined), 40)
    const took = seconds(() => refusalOf(() => networkOfBytes(bomb), 'TUREEN_MODEL_LIMIT', /functions/))
    expect(took).toBeLessThan(hang)
  })

  test.each<[string, onnx.INodeProto[], string[]]>([
    ['a node of 10,000 inputs', [{ opType: 'Sum', input: Array(10_000).fill('v'), output: ['w'] }], ['v']],
    ['10,000 inputs of its own', [{ opType: 'Neg', input: ['v'], output: ['w'] }], names],
    [
      'a subgraph of 5,000 nodes',
      [{ opType: 'If', input: ['v'], output: ['w'], attribute: [{ name: 'then_branch', type: 5, g: longBranch }] }],
      ['v'],
    ],
  ])('a function with %s, called 1,000 times', (_, node, input) => {
    const call = (index: number) => ({
      opType: 'f',
      domain: 'bomb',
      input: [index === 0 ? 'x' : `v${index - 1}`],
      output: [`v${index}`],
    })
    const calls = Array.from({ length: 1000 }, (_, index) => call(index))
    const graph = { name: 'calls', node: calls, input: [value('x')], output: [value('v999')] }
    const functions = [{ name: 'f', domain: 'bomb', input, output: ['w'], opsetImport: bombOpsets, node }]
    const bomb = encodeModel({ irVersion: 8, opsetImport: bombOpsets, graph, functions })
    const took = seconds(() => refusalOf(() => networkOfBytes(bomb), 'TUREEN_MODEL_LIMIT', /1,000,000 .*functions/))
    expect(took).toBeLessThan(hang)
  })

  test('a function that calls itself, alone or through another', () => {
    for (const count of [1, 2, 3]) {
      const endless = functionsThat(index => `f${(index + 1) % count}`, count)
      const { errors } = refusalOf(() => networkOfBytes(endless), 'TUREEN_MODEL_MALFORMED', /calls itself/)
      expect(errors).toMatchObject([{ node: `second of f${count - 1}`, message: expect.any(String) }])
    }
  })

  const neg = (name: string, input: string, output: string) => ({
    name,
    opType: 'Neg',
    input: [input],
    output: [output],
  })
  const identity = (name: string, input: string, output: string) => ({
    ...neg(name, input, output),
    opType: 'Identity',
  })
  const branch = (node: onnx.INodeProto) => ({
    name: 'then_branch',
    type: 5,
    g: { name: 'inside', node: [node], output: [{ name: 'inner' }] },
  })

  test.each<[string, onnx.INodeProto[], string[]]>([
    ['a node that reads itself', [neg('self', 'y', 'y')], ['self']],
    [
      'two nodes that read each other',
      [neg('one', 'b', 'a'), neg('two', 'a', 'b'), neg('end', 'b', 'y')],
      ['one', 'two'],
    ],
    ['copies that are copies of each other', [identity('one', 'y', 'a'), identity('two', 'a', 'y')], ['one', 'two']],
    [
      'a branch that reads what its If puts out',
      [{ name: 'choose', opType: 'If', input: ['x'], output: ['y'], attribute: [branch(neg('in it', 'y', 'inner'))] }],
      ['choose', 'in it'],
    ],
  ])('%s', (_, node, names) => {
    const { errors } = refusalOf(() => networkOfBytes(graphOf(node, 'y')), 'TUREEN_MODEL_MALFORMED', /own output/)
    expect(names).toContain(errors[0]?.node)
  })

  test('a name that two nodes put out, or a node and something else', () => {
    const twice = [neg('one', 'x', 'y'), neg('two', 'x', 'y')]
    const refused = (model: Uint8Array) => refusalOf(() => networkOfBytes(model), 'TUREEN_MODEL_MALFORMED').errors
    expect(refused(graphOf(twice, 'y'))).toEqual([{ node: 'two', message: expect.stringMatching(/y.*one/) }])
    const initializer = [float32Tensor('y', [1], [1])]
    expect(refused(graphOf([neg('one', 'x', 'y')], 'y', { initializer }))[0]?.node).toBe('one')
    expect(refused(graphOf([neg('one', 'z', 'x'), neg('two', 'x', 'y')], 'y'))[0]?.node).toBe('one')
  })

  test('but a Constant may, and counts, as in onnxruntime', () => {
    const attribute = [{ name: 'value', type: 4, t: float32Tensor('', [2], [1, 2]) }]
    const held = { name: 'held', opType: 'Constant', output: ['k'], attribute }
    const add = { name: 'add', opType: 'Add', input: ['x', 'k'], output: ['y'] }
    const model = graphOf([held, add], 'y', { initializer: [float32Tensor('k', [1], [1])] })
    expect(networkOfBytes(model).leaves.map(({ node, type }) => [node, type])).toEqual([['held', 'float32[2]']])
  })
})
