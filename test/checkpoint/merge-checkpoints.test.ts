import { describe, expect, test } from 'vitest'
import { readWeights } from '../../src/checkpoint/read-weights.ts'
import { comparePair } from '../../src/merge/compare-pair.ts'
import { defaultSettings, type IndexedInput, type MergeSettings } from '../../src/merge/merge-input.ts'
import { filesOf, mapInputs, mergeInputs } from '../../src/merge/merge-inputs.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { type ByteSource, memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import { dtypeName } from '../../src/tensor/dtype.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { checkpoint, checkpointBytes, expectedMeans, expectedTensors } from '../support/checkpoints.ts'

type Sent = { name: string; weight?: number; root?: string; data?: string[] }

function indexed({ name, root, data: shards = [] }: Sent): IndexedInput {
  const source = checkpoint(name)
  const data = new Map(shards.map(shard => [shard, checkpoint(shard)]))
  return { label: name, sha256: `sha256:${name}`, source, data, layout: readWeights({ source, data }, root) }
}

function soupOf(sent: readonly Sent[], settings: Partial<MergeSettings> = {}) {
  const inputs = mergeInputs(sent.map(each => ({ ...indexed(each), weight: each.weight ?? 1 })))
  const { plan, expected } = checkedPlan(
    mapInputs(inputs, input => input),
    { ...defaultSettings, ...settings },
  )
  const files = planSource(plan, filesOf(inputs))
  const written = (source: ByteSource) => Buffer.from(readBytes(source, 0, source.byteLength))
  return { main: written(files), data: new Map([...files.data].map(([key, file]) => [key, written(file)])), expected }
}

function tensorsOf(main: Buffer, data: ReadonlyMap<string, Buffer> = new Map()) {
  const source = memorySource(main)
  const files = new Map([...data].map(([key, bytes]) => [key, memorySource(bytes)]))
  const { tensors } = readWeights({ source, data: files })
  return Object.fromEntries(
    tensors.map(tensor => {
      const elements = elementSource(tensor, source, files)
      const hex = Buffer.from(readBytes(elements, 0, elements.byteLength)).toString('hex')
      return [tensor.name, { dtype: dtypeName(tensor.dataType), dims: tensor.dims, hex }]
    }),
  )
}

/** Returns the tensors of both steps, and those of their soup. */
const inAll = (soup: Buffer) =>
  [checkpointBytes('step1.safetensors'), checkpointBytes('step2.safetensors'), soup].map(bytes => tensorsOf(bytes))

const hexOf = (tensors: ReturnType<typeof tensorsOf>) =>
  Object.fromEntries(Object.entries(tensors).map(([key, { hex }]) => [key, hex]))

const epochs = ['epoch1.pt', 'epoch2.pt', 'epoch3.pt'].map(name => ({ name }))
const steps = [
  { name: 'step1.safetensors', weight: 0.25 },
  { name: 'step2.safetensors', weight: 0.75 },
]

describe('a soup of checkpoints', () => {
  test('of files of torch.save is a safetensors file with the means of NumPy', () => {
    const { main, expected } = soupOf(epochs)
    expect(hexOf(tensorsOf(main))).toEqual(expectedMeans('epochs'))
    expect(expected.findings.warnings).toContainEqual(expect.stringMatching(/^1 counters of batches/))
  })

  test('of safetensors files has the means of NumPy in every float type, and the header of the base', () => {
    const { main } = soupOf(steps)
    expect(hexOf(tensorsOf(main))).toMatchObject(expectedMeans('steps'))
    const base = checkpointBytes('step1.safetensors')
    const headerBytes = 8 + Number(base.readBigUInt64LE(0))
    expect(main.subarray(0, headerBytes)).toEqual(base.subarray(0, headerBytes))
  })

  test('with itself is the same file, for safetensors and their shards', () => {
    const { main } = soupOf([{ name: 'step1.safetensors' }, { name: 'step1.safetensors' }])
    expect(main).toEqual(checkpointBytes('step1.safetensors'))
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    const sharded = soupOf([{ name: 'model.safetensors.index.json', data: shards }])
    expect(sharded.main).toEqual(checkpointBytes('model.safetensors.index.json'))
    for (const shard of shards) expect(sharded.data.get(shard)).toEqual(checkpointBytes(shard))
  })

  test('of one file of torch.save is the same tensors as safetensors, views included', () => {
    const { complex, ...others } = expectedTensors('views.pt')
    expect(complex?.dtype).toBe('complex64')
    expect(tensorsOf(soupOf([{ name: 'views.pt' }]).main)).toMatchObject(others)
  })

  test('as one file joins shards, and keeps their texts', () => {
    const data = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    const { main } = soupOf([{ name: 'model.safetensors.index.json', data }], { inline: true })
    expect(hexOf(tensorsOf(main))).toEqual({
      'a.weight': '0000803f00000040',
      'b.weight': '0000404000008040',
      'b.count': '0700000000000000',
    })
    expect(readWeights({ source: memorySource(main), data: new Map() }).checkpoint?.metadata).toEqual(
      new Map([['format', 'pt']]),
    )
  })

  test('gets another float type, each element rounded once', () => {
    const { main } = soupOf([{ name: 'step1.safetensors' }], { outputDtype: 'float16' })
    const tensors = tensorsOf(main)
    expect(tensors['layers.0.single']?.dtype).toBe('float16')
    expect(tensors.position_ids).toEqual(tensorsOf(checkpointBytes('step1.safetensors')).position_ids)
    const single = tensorsOf(checkpointBytes('step1.safetensors'))['layers.0.single']?.hex ?? ''
    const values = new Float32Array(new Uint8Array(Buffer.from(single, 'hex')).buffer)
    const halves = Buffer.from(new Uint8Array(new Float16Array(values).buffer)).toString('hex')
    expect(tensors['layers.0.single']?.hex).toBe(halves)
  })

  test('follows rules, by the keys', () => {
    const { main } = soupOf(
      [
        { name: 'step1.safetensors', weight: 1 },
        { name: 'step2.safetensors', weight: 0 },
      ],
      { rules: [{ match: 'layers.1.*', weights: [0, 1] }] },
    )
    const [first, second, soup] = inAll(main)
    expect(soup?.['layers.0.double']).toEqual(first?.['layers.0.double'])
    expect(soup?.['layers.1.half']).toEqual(second?.['layers.1.half'])
  })

  test('follows a gradient from block to block, by the numbers in the keys', () => {
    const falling = { gradient: [1, 0], by: 'block' as const }
    const rising = { gradient: [0, 1], by: 'block' as const }
    const inputs = mergeInputs([
      { ...indexed({ name: 'step1.safetensors' }), weight: falling },
      { ...indexed({ name: 'step2.safetensors' }), weight: rising },
    ])
    const { plan } = checkedPlan(inputs, defaultSettings)
    const files = planSource(plan, filesOf(inputs))
    const [first, second, soup] = inAll(Buffer.from(readBytes(files, 0, files.byteLength)))
    expect(soup?.['layers.0.single']).toEqual(first?.['layers.0.single'])
    expect(soup?.['layers.1.brain']).toEqual(second?.['layers.1.brain'])
  })
})

describe('checkpoints that do not belong together', () => {
  test('are refused with every tensor that differs', () => {
    const two = () => soupOf([{ name: 'epoch1.pt' }, { name: 'step1.safetensors' }])
    expect(two).toThrow(
      expect.objectContaining({
        code: 'TUREEN_MODELS_DIFFER',
        message: expect.stringMatching(/not of one architecture/),
      }),
    )
    expect(two).toThrow(
      expect.objectContaining({
        errors: expect.arrayContaining([
          expect.objectContaining({ tensor: 'conv.weight', message: 'lacks the tensor conv.weight of epoch1.pt' }),
          expect.objectContaining({ tensor: 'flags', message: 'has the tensor flags, which epoch1.pt lacks' }),
        ]),
      }),
    )
  })

  test('with integers that differ are refused, unless those of the base are wanted', () => {
    const other = checkpointBytes('step2.safetensors')
    const at = other.byteLength - 2 - 8
    other.writeBigInt64LE(9n, at)
    const source = memorySource(other)
    const sent = [indexed({ name: 'step1.safetensors' }), { ...indexed({ name: 'step2.safetensors' }), source }]
    const inputs = mergeInputs(sent.map(each => ({ ...each, weight: 1 })))
    expect(() => checkedPlan(inputs, defaultSettings)).toThrow(
      expect.objectContaining({
        code: 'TUREEN_NON_FLOAT_DIFFERS',
        errors: [expect.objectContaining({ tensor: 'position_ids', expected: '[0, 1, 2]', actual: '[0, 1, 9]' })],
      }),
    )
    expect(checkedPlan(inputs, { ...defaultSettings, nonFloat: 'base' }).plan.tensors).toHaveLength(4)
  })

  test('a gradient along the graph is refused, because there is none', () => {
    const settings = { parameters: { t: { gradient: [0, 1], by: 'graph' } }, method: 'slerp' } as const
    expect(() => soupOf(steps, settings)).toThrow(expect.objectContaining({ code: 'TUREEN_CHECKPOINT_UNSUITABLE' }))
  })
})

describe('keys with a prefix', () => {
  const prefixed = (prefix: string) => {
    const bytes = checkpointBytes('step2.safetensors')
    const length = Number(bytes.readBigUInt64LE(0))
    const header = bytes
      .toString('utf8', 8, 8 + length)
      .trimEnd()
      .replaceAll(/"(layers\.|position_ids|flags)/g, `"${prefix}$1`)
    const text = Buffer.from(header)
    const head = Buffer.alloc(8)
    head.writeBigUInt64LE(BigInt(text.byteLength))
    const source = memorySource(Buffer.concat([head, text, bytes.subarray(8 + length)]))
    return {
      label: 'prefixed',
      sha256: 'sha256:prefixed',
      source,
      data: new Map(),
      layout: readWeights({ source, data: new Map() }),
    }
  }

  test('that all of them share are paired without it, with a warning', () => {
    const inputs = mergeInputs([
      { ...indexed({ name: 'step1.safetensors' }), weight: 0.25 },
      { ...prefixed('module.'), weight: 0.75 },
    ])
    const { plan, expected } = checkedPlan(inputs, defaultSettings)
    const files = planSource(plan, filesOf(inputs))
    const main = Buffer.from(readBytes(files, 0, files.byteLength))
    expect(hexOf(tensorsOf(main))).toMatchObject(expectedMeans('steps'))
    expect(expected.findings.warnings).toContainEqual(
      'prefixed has keys that begin with module., those of the base with no prefix: they are paired without',
    )
  })
})

test('a comparison of two checkpoints measures each tensor by its key', () => {
  const [a, b] = [indexed({ name: 'epoch1.pt' }), indexed({ name: 'epoch2.pt' })]
  const { reasons, tensors } = comparePair(a, b, () => undefined)
  expect(reasons).toEqual([])
  expect(tensors.map(({ a }) => a)).toContain('conv.weight')
  const weight = tensors.find(({ a }) => a === 'conv.weight')
  const [x, y] = ['epoch1.pt', 'epoch2.pt'].map(name => {
    return new Float32Array(new Uint8Array(Buffer.from(expectedTensors(name)['conv.weight']?.hex ?? '', 'hex')).buffer)
  })
  const dot = (p: Float32Array, q: Float32Array) => p.reduce((sum, value, index) => sum + value * (q[index] ?? 0), 0)
  if (!x || !y) throw new Error('there are two')
  expect(weight?.cosine).toBeCloseTo(dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y)), 12)
})
