import { TureenError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * Protobuf wire types (https://protobuf.dev/programming-guides/encoding/#structure). ONNX does not use groups, 3 and 4.
 */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const windowBytes = 16 * 1024

/** A position in a source, with a window of the bytes around it. Setting `offset` skips bytes without reading them. */
export type WireCursor = {
  source: ByteSource
  offset: number
  window: Buffer
  windowStart: number
  windowLength: number
}

/** Returns a cursor at `offset`. Nothing is read yet. */
export function wireCursor(source: ByteSource, offset = 0): WireCursor {
  return { source, offset, window: Buffer.alloc(windowBytes), windowStart: 0, windowLength: 0 }
}

/** Returns the error for bytes that do not follow protobuf's framing. */
export function malformed(message: string, offset: number): TureenError {
  return new TureenError(
    'TUREEN_MODEL_MALFORMED',
    `${message} (at byte ${offset}). The file is damaged or is not an ONNX model. Export or download it again.`,
    [{ actual: `byte ${offset}`, message }],
  )
}

function nextByte(cursor: WireCursor, end: number): number {
  const { offset } = cursor
  if (offset >= end) throw malformed('A number is cut off', offset)
  let at = offset - cursor.windowStart
  if (at < 0 || at >= cursor.windowLength) {
    moveWindow(cursor, offset)
    at = 0
  }
  cursor.offset = offset + 1
  return cursor.window[at] ?? 0
}

/** Fills the window with the bytes from `offset` on. */
function moveWindow(cursor: WireCursor, offset: number): void {
  const length = Math.min(windowBytes, cursor.source.byteLength - offset)
  if (length <= 0) throw malformed('The file ends in the middle of a message', offset)
  cursor.source.read(offset, cursor.window.subarray(0, length))
  cursor.windowStart = offset
  cursor.windowLength = length
}

/** Returns the bytes [start, end) of a cursor's source. They are valid until the cursor is used again. */
export function bytesAt(cursor: WireCursor, start: number, end: number): Buffer {
  if (end - start > windowBytes) {
    const bytes = Buffer.alloc(end - start)
    cursor.source.read(start, bytes)
    return bytes
  }
  if (start < cursor.windowStart || end > cursor.windowStart + cursor.windowLength) moveWindow(cursor, start)
  return cursor.window.subarray(start - cursor.windowStart, end - cursor.windowStart)
}

/**
 * Reads the varint at the cursor as its low and high 32 bits, and moves the cursor after it. Reads at most ten bytes.
 * Drops bits above 64, as protobuf's own readers do.
 */
export function readVarint64(cursor: WireCursor, end: number): { low: number; high: number } {
  let low = 0
  let high = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = nextByte(cursor, end)
    const bits = byte & 0x7f
    if (shift < 28) low |= bits << shift
    else if (shift === 28) {
      low |= bits << 28
      high |= bits >>> 4
    } else if (shift < 63) high |= bits << (shift - 32)
    else high |= (bits & 1) << 31
    if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 }
  }
  throw malformed('A number has more than ten bytes', cursor.offset)
}

/** Moves the cursor after a varint of at most ten bytes. */
function skipVarint(cursor: WireCursor, end: number): void {
  for (let bytes = 0; bytes < 10; bytes += 1) if (nextByte(cursor, end) < 0x80) return
  throw malformed('A number has more than ten bytes', cursor.offset)
}

/** Reads a varint that must be a length, count or tag: an exact non-negative number. */
export function readLength(cursor: WireCursor, end: number): number {
  const at = cursor.offset
  const first = nextByte(cursor, end)
  if (first < 0x80) return first
  cursor.offset = at
  const { low, high } = readVarint64(cursor, end)
  if (high >= 0x200000) throw malformed('A length has more than 53 bits', at)
  return high * 0x100000000 + low
}

/**
 * One field of a message. Offsets in the file: `start` of the tag, `tagEnd`, and `payload` and `end` of the payload.
 */
export type WireField = { number: number; type: number; start: number; tagEnd: number; payload: number; end: number }

/** Returns a field to read others into. */
export function emptyField(): WireField {
  return { number: 0, type: 0, start: 0, tagEnd: 0, payload: 0, end: 0 }
}

/**
 * Reads the field at the cursor, and moves the cursor after it. Payloads of length-delimited fields are skipped.
 * @param field set and returned; readers of millions of fields pass the same one again
 */
export function readField(cursor: WireCursor, end: number, field = emptyField()): WireField {
  const start = cursor.offset
  const tag = readLength(cursor, end)
  const number = Math.floor(tag / 8)
  const type = tag % 8
  if (number === 0 || number > 0x1fffffff) throw malformed(`Field number ${number} does not exist`, start)
  const tagEnd = cursor.offset
  let payload = tagEnd
  let fieldEnd = tagEnd
  switch (type) {
    case wireType.varint:
      skipVarint(cursor, end)
      fieldEnd = cursor.offset
      break
    case wireType.fixed64:
      fieldEnd = payload + 8
      break
    case wireType.fixed32:
      fieldEnd = payload + 4
      break
    case wireType.bytes: {
      const length = readLength(cursor, end)
      payload = cursor.offset
      fieldEnd = payload + length
      break
    }
    default:
      throw malformed(`Wire type ${type} of field ${number} is not used by ONNX`, start)
  }
  if (fieldEnd > end)
    throw malformed(`Field ${number} claims ${fieldEnd - payload} bytes where ${end - payload} are left`, start)
  cursor.offset = fieldEnd
  field.number = number
  field.type = type
  field.start = start
  field.tagEnd = tagEnd
  field.payload = payload
  field.end = fieldEnd
  return field
}

/**
 * Encodes `value` as a varint of at least `width` bytes, padded as protobuf allows. So a length prefix can keep its
 * width.
 */
export function encodeVarint(value: number, width = 1): Uint8Array<ArrayBuffer> {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push(rest % 128)
    rest = Math.floor(rest / 128)
  } while (rest > 0 || bytes.length < width)
  return Uint8Array.from(bytes, (byte, index) => (index < bytes.length - 1 ? byte | 0x80 : byte))
}

/** Returns the number of bytes of `value` as a varint. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1
  return length
}

/** Writes `value` as a varint at `offset`; returns the offset after it. */
export function writeVarint(value: number, target: Uint8Array, offset: number): number {
  let at = offset
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[at++] = (rest % 0x80) | 0x80
  target[at] = rest
  return at + 1
}

/** Encodes the tag of a field. */
export function encodeTag(number: number, type: number): Uint8Array<ArrayBuffer> {
  return encodeVarint(number * 8 + type)
}
