import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAttributeFloats, type TensorEntry } from '../../src/onnx/layout.ts'
import { type BytesPart, bytesPart, type Edit, splice } from '../../src/onnx/splice.ts'
import { anyModel } from '../support/any-model.ts'
import { sha256 } from '../support/http-client.ts'
import { layoutOf } from '../support/inspecting.ts'
import { stretchesBetweenLengths } from '../support/message-tree.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { randomCases } from '../support/random-cases.ts'
import { encodeModel, richModel } from '../support/rich-model.ts'
import { bytesField, modelBytes, onnxField, parseFields, tensorBytes, varint } from '../support/wire-bytes.ts'

const unknownField = 1999

function applied(model: Uint8Array, edits: readonly Edit<BytesPart>[]): Buffer {
  const parts = splice(layoutOf(model), edits).map(part =>
    part.kind === 'copy' ? model.subarray(part.from, part.from + part.length) : part.bytes,
  )
  return Buffer.concat(parts)
}

/** A place between two fields of a tensor, or a whole field of it. */
type Place = { frame: number; start: number; end: number }

function placesIn(model: Uint8Array): Place[] {
  const { frames, tensors } = layoutOf(model)
  // Without its fields an attribute is no tensor any more.
  const messages = tensors.filter(({ path }) => !isAttributeFloats(path))
  return messages.flatMap(({ frame }: TensorEntry) => {
    const message = frames[frame]
    if (!message) throw new Error('a tensor has no frame')
    const fields = parseFields(model, message.payload, message.end)
    return [
      ...fields.map(({ start, end }) => ({ frame, start, end })),
      ...fields.map(({ start }) => ({ frame, start, end: start })),
      { frame, start: message.end, end: message.end },
    ]
  })
}

/** Edits that do not touch each other, at some of the places, each with a field that nobody knows. */
function someEdits(model: Uint8Array): fc.Arbitrary<Edit<BytesPart>[]> {
  const length = fc.oneof(fc.nat(300), fc.constantFrom(0, 110, 120, 127, 16_200, 16_383, 70_000))
  return fc
    .subarray(placesIn(model))
    .map(places => {
      const sorted = [...places].sort((a, b) => a.start - b.start || a.end - b.end)
      return sorted.filter(({ start }, index) => index === 0 || (sorted[index - 1]?.end ?? 0) < start)
    })
    .chain(places =>
      fc.array(length, { minLength: places.length, maxLength: places.length }).map(lengths =>
        places.map((place, index) => {
          const field = bytesField(unknownField, Buffer.alloc(lengths[index] ?? 0, 0xab))
          return { ...place, parts: [bytesPart(Uint8Array.from(field))] }
        }),
      ),
    )
}

const isAddition = ({ start, end }: Place) => start === end

/** All bytes outside the lengths of messages around tensors, those edited left out. */
function untouched(model: Uint8Array, edits: readonly Edit<BytesPart>[]): string {
  const inEdit = (at: number) => edits.some(({ start, end }) => start <= at && at < end)
  return stretchesBetweenLengths(model)
    .flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index))
    .filter(at => !inEdit(at))
    .map(at => (model[at] ?? 0).toString(16).padStart(2, '0'))
    .join('')
}

/** The same of an edited model, with the fields that edits brought left out. */
function withoutUnknown(model: Uint8Array): string {
  const tag = varint(unknownField * 8 + 2)
  return stretchesBetweenLengths(model)
    .filter(({ start }) => !Buffer.from(model.subarray(start, start + tag.byteLength)).equals(tag))
    .map(({ start, end }) => Buffer.from(model.subarray(start, end)).toString('hex'))
    .join('')
}

const anyEditedModel = fc
  .oneof(
    anyModel.map(model => encodeModel(model)),
    fc.constant(richModel()),
  )
  .chain(model => fc.tuple(fc.constant(model), someEdits(model)))

describe('fields put into tensors anywhere, or in the place of others', () => {
  test('leave every other byte as it was, but for the lengths of the messages around them', () => {
    fc.assert(
      fc.property(anyEditedModel, ([model, edits]) => {
        const result = applied(model, edits)
        expect(withoutUnknown(result)).toBe(untouched(model, edits))
      }),
      { numRuns: randomCases(200) },
    )
  })

  test('stand in the result whole, in order, and in their tensors', () => {
    fc.assert(
      fc.property(anyEditedModel, ([model, edits]) => {
        const additions = edits.filter(isAddition)
        const result = applied(model, additions)
        const { tensors, frames } = layoutOf(model)
        const spliced = layoutOf(result)
        const byFrame = (frame: number) => tensors.findIndex(tensor => tensor.frame === frame)
        expect(spliced.frames).toHaveLength(frames.length)
        for (const [index, { frame }] of spliced.tensors.entries()) {
          const message = spliced.frames[frame]
          const inside = parseFields(result, message?.payload, message?.end)
            .filter(({ number }) => number === unknownField)
            .map(({ start, end }) => result.subarray(start, end).toString('hex'))
          const expected = additions
            .filter(edit => byFrame(edit.frame) === index)
            .flatMap(({ parts }) => parts.map(({ bytes }) => Buffer.from(bytes).toString('hex')))
          expect(inside).toEqual(expected)
        }
      }),
      { numRuns: randomCases(150) },
    )
  })

  test('that only add: onnx-proto decodes the same tensors as before', () => {
    fc.assert(
      fc.property(anyEditedModel, ([model, edits]) => {
        expect(tensorsOf(applied(model, edits.filter(isAddition)))).toEqual(tensorsOf(model))
      }),
      { numRuns: randomCases(150) },
    )
  })
})

/** W in a graph in `levels` attributes in one another, its message padded so that every message around it is as short as can be. */
function nestedTensor(levels: number, filler: number, lengthWidth = 1): Buffer {
  const { graph, node, attribute, tensor, model } = onnxField
  const inner = (level: number): Buffer =>
    level === 0
      ? bytesField(
          graph.initializer,
          tensorBytes('W', 2, [filler], bytesField(tensor.rawData, Buffer.alloc(filler, 1), lengthWidth)),
          lengthWidth,
        )
      : bytesField(
          graph.node,
          bytesField(node.attribute, bytesField(attribute.g, inner(level - 1), lengthWidth), lengthWidth),
          lengthWidth,
        )
  return bytesField(model.graph, inner(levels), lengthWidth)
}

/** Adds `length` bytes (a field of them) at the end of the only tensor. */
function grown(model: Buffer, length: number): Buffer {
  const { tensors, frames } = layoutOf(model)
  const frame = tensors[0]?.frame ?? -1
  const end = frames[frame]?.end ?? 0
  const field = Buffer.concat([varint(unknownField * 8 + 2), varint(length - 3), Buffer.alloc(length - 3, 0xcd)])
  return applied(model, [{ frame, start: end, end, parts: [bytesPart(Uint8Array.from(field))] }])
}

/** The tensors of a model with the digests of their elements, for tensors of megabytes. */
const hashedTensors = (model: Buffer) =>
  tensorsOf(model).map(({ bytes, ...rest }) => ({ ...rest, sha256: sha256(bytes) }))

describe('lengths', () => {
  test('grow in width at every level where that is needed, whatever the size before', () => {
    for (let filler = 1; filler < 140; filler += 1) {
      const before = nestedTensor(2, filler)
      const after = grown(before, 10)
      const original = tensorsOf(before)
      expect(tensorsOf(after), `${filler} bytes`).toEqual(original)
      // With every length as short as can be, protobuf has only one way to write the messages: the widths are determined.
      const shortest = layoutOf(after).frames.every(
        ({ lengthStart, payload, end }) => payload - lengthStart === varint(end - payload).byteLength,
      )
      expect(shortest, `${filler} bytes`).toBe(true)
    }
  })

  test('of two and three bytes grow as well', () => {
    for (const filler of [16_340, 16_360, 16_370, 16_375, 2_097_100, 2_097_130]) {
      const before = nestedTensor(2, filler)
      const after = grown(before, 20)
      expect(hashedTensors(after)).toEqual(hashedTensors(before))
      expect(
        layoutOf(after).frames.every(
          ({ lengthStart, payload, end }) => payload - lengthStart === varint(end - payload).byteLength,
        ),
      ).toBe(true)
    }
  })

  test('that were written wider than they need be keep their width, and their place', () => {
    const before = nestedTensor(3, 100, 5)
    const after = grown(before, 50)
    const widths = (model: Buffer) => layoutOf(model).frames.map(({ lengthStart, payload }) => payload - lengthStart)
    expect(new Set(widths(before))).toEqual(new Set([5]))
    expect(widths(after)).toEqual(widths(before))
    expect(after.byteLength).toBe(before.byteLength + 50)
    expect(tensorsOf(after)).toEqual(tensorsOf(before))
  })

  test('of messages that shrink keep their width too', () => {
    const before = nestedTensor(2, 200)
    const { tensors, frames } = layoutOf(before)
    const frame = tensors[0]?.frame ?? -1
    const message = frames[frame]
    const [raw] = parseFields(before, message?.payload, message?.end).filter(
      ({ number }) => number === onnxField.tensor.rawData,
    )
    const after = applied(before, [{ frame, start: raw?.start ?? 0, end: raw?.end ?? 0, parts: [] }])
    expect(after.byteLength).toBe(before.byteLength - 203)
    expect(tensorsOf(after)).toMatchObject([{ name: 'W', dims: [200], bytes: Buffer.alloc(0) }])
  })

  test('do not change where what is added and removed is equally long', () => {
    const model = nestedTensor(2, 50)
    const { tensors, frames } = layoutOf(model)
    const frame = tensors[0]?.frame ?? -1
    const end = frames[frame]?.end ?? 0
    const after = applied(model, [
      { frame, start: end - 4, end, parts: [bytesPart(Uint8Array.of(9, 9)), bytesPart(Uint8Array.of(8, 8))] },
    ])
    expect(after.equals(Buffer.concat([model.subarray(0, -4), Buffer.from([9, 9, 8, 8])]))).toBe(true)
  })
})

describe('edits of the whole file', () => {
  const model = modelBytes([tensorBytes('W', 2, [1], bytesField(9, 'a'))])
  const addition = bytesPart(Uint8Array.from(bytesField(14, '')))
  test('none: the file as it is, in one part', () => {
    expect(splice(layoutOf(model), [])).toEqual([{ kind: 'copy', from: 0, length: model.byteLength }])
  })
  test('at its beginning and its end', () => {
    const at = (offset: number) => ({ frame: -1, start: offset, end: offset, parts: [addition] })
    expect(
      applied(model, [at(model.byteLength), at(0)]).equals(Buffer.concat([addition.bytes, model, addition.bytes])),
    ).toBe(true)
  })
  test('in any order give the same', () => {
    const edits = placesIn(model)
      .filter(({ start, end }) => start < end)
      .map(place => ({ ...place, parts: [addition] }))
    expect(edits.length).toBeGreaterThan(2)
    fc.assert(
      fc.property(fc.shuffledSubarray(edits, { minLength: edits.length }), shuffled => {
        expect(applied(model, shuffled).equals(applied(model, edits))).toBe(true)
      }),
    )
  })
  test('that overlap are a mistake, not a file', () => {
    const edit = (start: number, end: number) => ({ frame: -1, start, end, parts: [] })
    expect(() => splice(layoutOf(model), [edit(2, 6), edit(4, 8)])).toThrow(RangeError)
  })
})
