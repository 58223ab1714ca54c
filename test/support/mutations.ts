import type { Random } from './random.ts'
import { type ParsedField, parseFields, varint } from './wire-bytes.ts'

type Mutation = (bytes: Buffer, random: Random) => Buffer

/** Returns all fields of a message. If the bytes of one read as a message, its fields are included. */
function fieldsWithin(bytes: Uint8Array, start = 0, end = bytes.byteLength, depth = 0): ParsedField[] {
  let fields: ParsedField[]
  try {
    fields = parseFields(bytes, start, end)
  } catch {
    return []
  }
  return fields.flatMap(field => [
    field,
    ...(field.type === 2 && depth < 12 ? fieldsWithin(bytes, field.payload, field.end, depth + 1) : []),
  ])
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)])
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.integer(0, 255)))
}

/** Ways to damage files: on the disk, during the transfer, or on purpose. */
export const mutations: Record<string, Mutation> = {
  'a bit is flipped': (bytes, random) => {
    const at = random.integer(0, bytes.byteLength - 1)
    return replaced(bytes, at, at + 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << random.integer(0, 7))]))
  },
  'a byte is replaced': (bytes, random) => {
    const at = random.integer(0, bytes.byteLength - 1)
    return replaced(bytes, at, at + 1, noise(random, 1))
  },
  'the end is cut off': (bytes, random) => bytes.subarray(0, random.integer(0, bytes.byteLength - 1)),
  'the beginning is cut off': (bytes, random) => bytes.subarray(random.integer(1, bytes.byteLength - 1)),
  'a stretch is missing': (bytes, random) => {
    const at = random.integer(0, bytes.byteLength - 1)
    return replaced(bytes, at, Math.min(bytes.byteLength, at + random.integer(1, 40)), Buffer.alloc(0))
  },
  'bytes are inserted': (bytes, random) => {
    const at = random.integer(0, bytes.byteLength)
    return replaced(bytes, at, at, noise(random, random.integer(1, 20)))
  },
  'zeros or ones are written over a stretch': (bytes, random) => {
    const at = random.integer(0, bytes.byteLength - 1)
    const length = Math.min(bytes.byteLength - at, random.integer(1, 60))
    return replaced(bytes, at, at + length, Buffer.alloc(length, random.pick([0, 0xff, 0x80])))
  },
  'a length lies': (bytes, random) => {
    const lengths = fieldsWithin(bytes).filter(({ type }) => type === 2)
    if (lengths.length === 0) return bytes
    const { tagEnd, payload, value } = random.pick(lengths)
    const lie = random.pick([
      value + 1n,
      value - 1n,
      value * 2n,
      0n,
      0x7fffffffn,
      1n << 32n,
      1n << 53n,
      (1n << 64n) - 1n,
    ])
    return replaced(bytes, tagEnd, payload, varint(lie < 0n ? 0n : lie))
  },
  'a length or number is written wider': (bytes, random) => {
    const fields = fieldsWithin(bytes).filter(({ type }) => type === 2 || type === 0)
    if (fields.length === 0) return bytes
    const { tagEnd, payload, end, type, value } = random.pick(fields)
    return replaced(bytes, tagEnd, type === 2 ? payload : end, varint(value, random.integer(1, 11)))
  },
  'a number is another one': (bytes, random) => {
    const numbers = fieldsWithin(bytes).filter(({ type }) => type === 0)
    if (numbers.length === 0) return bytes
    const { tagEnd, end } = random.pick(numbers)
    const value = random.pick([0n, 1n, 2n, 23n, 127n, 1n << 31n, 1n << 40n, 1n << 62n, -1n, -(1n << 63n)])
    return replaced(bytes, tagEnd, end, varint(value))
  },
  'a field is repeated': (bytes, random) => {
    const fields = fieldsWithin(bytes)
    if (fields.length === 0) return bytes
    const { start, end } = random.pick(fields)
    const copies = Buffer.concat(Array.from({ length: random.integer(1, 3) }, () => bytes.subarray(start, end)))
    return replaced(bytes, end, end, copies)
  },
  'a field is copied to another place': (bytes, random) => {
    const fields = fieldsWithin(bytes)
    if (fields.length === 0) return bytes
    const from = random.pick(fields)
    const at = random.pick(fields).start
    return replaced(bytes, at, at, bytes.subarray(from.start, from.end))
  },
  'a field has another number or wire type': (bytes, random) => {
    const fields = fieldsWithin(bytes)
    if (fields.length === 0) return bytes
    const { start, tagEnd } = random.pick(fields)
    return replaced(bytes, start, tagEnd, varint(random.integer(0, 26) * 8 + random.integer(0, 7)))
  },
  'two fields are exchanged': (bytes, random) => {
    const fields = fieldsWithin(bytes)
    const [a, b] = [fields, fields].map(each => (each.length > 0 ? random.pick(each) : undefined))
    const [first, second] = a && b && a.start < b.start ? [a, b] : [b, a]
    if (!first || !second || first.end > second.start) return bytes
    return Buffer.concat([
      bytes.subarray(0, first.start),
      bytes.subarray(second.start, second.end),
      bytes.subarray(first.end, second.start),
      bytes.subarray(first.start, first.end),
      bytes.subarray(second.end),
    ])
  },
}
