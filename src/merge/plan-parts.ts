import type { FixedRun, TensorEntry } from '../onnx/layout.ts'
import type { BytesPart, CopyPart } from '../onnx/splice.ts'

/** `length` bytes of a merged tensor's elements (as raw_data) from byte `from` on. */
export type TensorPart = { kind: 'tensor'; tensor: number; from: number; length: number }
/** A run of unpacked values: the base's bytes with the values replaced, and the tags between them kept. */
export type SpreadPart = { kind: 'spread'; tensor: number; from: number; run: FixedRun; length: number }
/** `length` bytes of one of the base's data files from byte `from` on. */
export type DataPart = { kind: 'data'; location: string; from: number; length: number }
/** `length` bytes, from byte `from` on, of a base tensor's elements converted to the floating-point type `dtype`. */
export type RetypedPart = { kind: 'retyped'; tensor: TensorEntry; dtype: string; from: number; length: number }
/** `length` bytes, from byte `from` on, of a base tensor's elements as raw_data. */
export type ElementsPart = { kind: 'elements'; tensor: TensorEntry; from: number; length: number }
export type PlanPart = CopyPart | BytesPart | TensorPart | SpreadPart | DataPart | RetypedPart | ElementsPart

/** A file of a merge's result: its parts in order. Copied parts are of the base's own file with the same location. */
export type PlannedFile = { byteLength: number; parts: PlanPart[] }

/** Returns the file that some parts make up. */
export function plannedFile(parts: PlanPart[]): PlannedFile {
  return { parts, byteLength: parts.reduce((length, part) => length + part.length, 0) }
}
