import { TureenError } from '../errors.ts'
import type { ExternalPayload, TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { StringStringEntryProto } from '../onnx/onnx-proto.ts'
import { bytesPart, type Edit } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import type { IndexedInput } from './merge-input.ts'
import { partialOverlaps } from './partial-overlaps.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'

/** Starts of tensors are multiples of the largest power of two that they were before, up to a memory page: files are mapped. */
const pageBytes = 4096
/** What a tensor starts at a multiple of at least: the size of the largest element. */
const smallestAlignment = 16

const external = 1

type Placed = { tensor: TensorEntry; payload: ExternalPayload; part: PlanPart; sources: string }

/** The base's data files written anew where tensors take other numbers of bytes: each behind the one that stood before it. */
export type RepackedData = {
  /**
   * Puts a tensor into its file.
   * @param sources what its elements come from: of tensors that share a place in the base
   * @returns false if one from the same sources has that place already: it is the same one
   * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if one from others has
   */
  place(tensor: TensorEntry, payload: ExternalPayload, part: PlanPart, sources: string): boolean
  /** The files, and what the model has to say of where its tensors lie in them. */
  finish(): { files: Map<string, PlannedFile>; edits: Edit<PlanPart>[] }
}

/** @throws TureenError `TUREEN_MODEL_UNSUPPORTED` for tensors that share some of their bytes without being one */
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

/** What says where a tensor lies, in the place of what said so before. */
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
