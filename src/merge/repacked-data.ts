import { TureenError } from '../errors.ts'
import type { ExternalPayload, TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { StringStringEntryProto } from '../onnx/onnx-proto.ts'
import { bytesPart, type Edit } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import type { IndexedInput } from './merge-input.ts'
import { partialOverlaps } from './partial-overlaps.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'

/**
 * A tensor keeps its alignment: the largest power of two that divides its old offset, up to a memory page, because
 * files are mapped.
 */
const pageBytes = 4096
/** The smallest alignment of a tensor: the size of the largest element. */
const smallestAlignment = 16

const external = 1

type Placed = { tensor: TensorEntry; payload: ExternalPayload; part: PlanPart; sources: string }

/** The base's data files, laid out anew because tensors take other numbers of bytes. Tensors keep their order. */
export type RepackedData = {
  /**
   * Puts a tensor into its file.
   * @param sources identifies the origin of its elements, to compare tensors that share a place in the base
   * @returns false if a tensor with the same sources has that place already: the two are one tensor
   * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if a tensor with other sources has it
   */
  place(tensor: TensorEntry, payload: ExternalPayload, part: PlanPart, sources: string): boolean
  /** Returns the files, and the edits of the model that state the tensors' new places. */
  finish(): { files: Map<string, PlannedFile>; edits: Edit<PlanPart>[] }
}

/**
 * Returns the empty files of a base.
 * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` for different tensors that share bytes
 */
export function repackedData({ data, layout, label }: IndexedInput): RepackedData {
  const overlapping = partialOverlaps(layout.tensors)
  const places = new Map<string, Map<string, { placed: Placed; tensors: TensorEntry[] }>>()
  return {
    place(tensor, payload, part, sources) {
      if (overlapping.has(tensor.path)) throw shared(label, tensor)
      const inFile = places.get(payload.location) ?? new Map()
      places.set(payload.location, inFile)
      // Empty tensors have no place to share.
      const key = payload.length === 0 ? tensor.path : String(payload.offset)
      const before = inFile.get(key)
      if (before && before.placed.sources !== sources) throw shared(label, tensor)
      if (before) before.tensors.push(tensor)
      else inFile.set(key, { placed: { tensor, payload, part, sources }, tensors: [tensor] })
      return before === undefined
    },
    finish() {
      const edits: Edit<PlanPart>[] = []
      const files = new Map<string, PlannedFile>()
      for (const location of data.keys()) {
        const inFile = [...(places.get(location)?.values() ?? [])]
        inFile.sort((a, b) => a.placed.payload.offset - b.placed.payload.offset)
        const parts: PlanPart[] = []
        let end = 0
        for (const { placed, tensors } of inFile) {
          const { payload, part } = placed
          const offset = Math.ceil(end / alignmentOf(payload.offset)) * alignmentOf(payload.offset)
          if (offset > end) parts.push(bytesPart(new Uint8Array(offset - end)))
          parts.push(part)
          end = offset + part.length
          for (const tensor of tensors) edits.push(...placeEdits(tensor, { location, offset, length: part.length }))
        }
        files.set(location, plannedFile(parts))
      }
      return { files, edits }
    },
  }
}

function alignmentOf(offset: number): number {
  let alignment = smallestAlignment
  while (alignment < pageBytes && offset % (2 * alignment) === 0) alignment *= 2
  return alignment
}

/** Returns the edits that replace a tensor's old place in its file by the new one. */
function placeEdits(
  { payload, frame }: TensorEntry,
  place: { location: string; offset: number; length: number },
): Edit<PlanPart>[] {
  if (payload.form !== 'external') return []
  const entries = Object.entries(place).flatMap(([key, value]) => {
    const entry = Uint8Array.from(StringStringEntryProto.encode({ key, value: String(value) }).finish())
    return [encodeTag(tensorFields.externalData, wireType.bytes), encodeVarint(entry.byteLength), entry]
  })
  const isElsewhere = [encodeTag(tensorFields.dataLocation, wireType.varint), encodeVarint(external)]
  const parts = [...entries, ...isElsewhere].map(bytesPart)
  return payload.fields.map((field, index) => ({
    start: field.start,
    end: field.end,
    frame: field.frame ?? frame,
    parts: index === 0 ? parts : [],
  }))
}

function shared(label: string, { name, path }: TensorEntry): TureenError {
  const tensor = name || path
  const message = 'shares bytes of its data file with another tensor, which then would not have the same type or values'
  return new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `In the model ${label} the tensor ${tensor} ${message}. Save the model again (onnx.load, onnx.save) to store each by itself, or leave outputDtype out.`,
    [{ model: label, tensor, message }],
  )
}
