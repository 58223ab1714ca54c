import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { anyModel } from '../support/any-model.ts'
import { readElements } from '../support/elements.ts'
import { differencesOf, fingerprintOfBytes } from '../support/inspecting.ts'
import { decodedSkeleton, tensorsOf, withoutPayloads } from '../support/onnx-oracle.ts'
import { encodeModel, richModel } from '../support/rich-model.ts'
import { selfSoup, soupInMemory } from '../support/soup.ts'
import { bytesField, type ParsedField, parseFields } from '../support/wire-bytes.ts'

type Kind = keyof typeof fields

/** Messages in messages (onnx.proto), by field number; `once`: those that stand once, and may be written in several parts. */
const fields = {
  Model: { 7: 'Graph once', 20: 'Training', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 15: 'Sparse' },
  Node: { 5: 'Attribute' },
  Attribute: {
    5: 'Tensor once',
    6: 'Graph once',
    10: 'Tensor',
    11: 'Graph',
    14: 'Type once',
    15: 'Type',
    22: 'Sparse once',
    23: 'Sparse',
  },
  Sparse: { 1: 'Tensor once', 2: 'Tensor once' },
  Training: { 1: 'Graph once', 2: 'Graph once' },
  Function: { 7: 'Node' },
  Value: { 2: 'Type once' },
  Type: { 1: 'TensorType once', 4: 'Element once', 5: 'Map once', 8: 'TensorType once', 9: 'Element once' },
  TensorType: { 2: 'Shape once' },
  Element: { 1: 'Type once' },
  Map: { 2: 'Type once' },
  Shape: {},
  Tensor: {},
} as const satisfies Record<string, Record<number, string>>

function isKind(text: string | undefined): text is Kind {
  return text !== undefined && Object.hasOwn(fields, text)
}

/** The message again, with every message that stands once cut between two of its fields, as `cut` says, and the rest put at the end of its parent. */
function inParts(bytes: Uint8Array, cut: (fields: number) => number, kind: Kind = 'Model'): Buffer {
  const later: Buffer[] = []
  const children: Record<number, string> = fields[kind]
  const written = parseFields(bytes).map(field => {
    const whole = bytes.subarray(field.start, field.end)
    const [inner, once] = (children[field.number] ?? '').split(' ')
    if (field.type !== 2 || !isKind(inner)) return whole
    const content = inParts(bytes.subarray(field.payload, field.end), cut, inner)
    const inside: ParsedField[] = once ? parseFields(content) : []
    const at = inside[cut(inside.length)]?.start ?? content.byteLength
    if (!once) return bytesField(field.number, content)
    later.push(bytesField(field.number, content.subarray(at)))
    return bytesField(field.number, content.subarray(0, at))
  })
  return Buffer.concat([...written, ...later])
}

const halfway = (count: number) => Math.floor(count / 2)

function tensorsIn(model: Uint8Array) {
  const source = memorySource(model)
  return readLayout(source)
    .tensors.map(
      tensor => `${tensor.path} ${tensor.name} ${tensor.dims} ${readElements(tensor, source).toString('hex')}`,
    )
    .sort()
}

const expectedTensors = (model: Uint8Array) =>
  tensorsOf(model)
    .map(({ path, name, dims, bytes }) => `${path} ${name} ${dims} ${bytes.toString('hex')}`)
    .sort()

describe('messages that are written in several parts', () => {
  test('are one: a model with everything', () => {
    const model = richModel()
    const parts = inParts(model, halfway)
    expect(parts.byteLength).toBeGreaterThan(model.byteLength + 50)
    expect(tensorsIn(parts)).toEqual(expectedTensors(model))
    expect(decodedSkeleton(readLayout(memorySource(parts)).skeleton)).toEqual(withoutPayloads(model))
    expect(differencesOf(model, parts)).toEqual([])
    expect(fingerprintOfBytes(parts)).toBe(fingerprintOfBytes(model))
  })

  test('are one: any model, cut anywhere', () => {
    fc.assert(
      fc.property(anyModel, fc.infiniteStream(fc.nat(1000)), (model, numbers) => {
        const whole = encodeModel(model)
        const parts = inParts(whole, count => Number(numbers.next().value) % (count + 1))
        expect(tensorsIn(parts)).toEqual(expectedTensors(whole))
        expect(decodedSkeleton(readLayout(memorySource(parts)).skeleton)).toEqual(withoutPayloads(whole))
        expect(differencesOf(whole, parts)).toEqual([])
        expect(selfSoup(parts).equals(parts)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('a soup of them is that of the whole models, in parts', () => {
    const other = richModel(({ graph }) => {
      for (const tensor of [...(graph.initializer ?? []), graph.node?.[1]?.attribute?.[0]?.t ?? {}]) {
        if (tensor.dataType === 1 && tensor.rawData) tensor.rawData = new Uint8Array(tensor.rawData.length).fill(0x3f)
        if (tensor.name === 'half') tensor.int32Data = [0x4000, 0x4000, 0x4000]
      }
    })
    const mixed = (first: Uint8Array, second: Uint8Array) =>
      soupInMemory([
        { bytes: first, weight: 1 },
        { bytes: second, weight: 1 },
      ])
    const whole = mixed(richModel(), other)
    for (const cut of [halfway, () => 0, () => 1, (count: number) => count, (count: number) => count - 1]) {
      const soup = mixed(inParts(richModel(), cut), inParts(other, cut))
      expect(tensorsIn(soup)).toEqual(expectedTensors(whole))
      expect(differencesOf(whole, soup)).toEqual([])
    }
  })
})
