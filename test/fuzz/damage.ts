import { mutations } from '../support/mutations.ts'
import type { Random } from '../support/random.ts'
import { bytesField, type ParsedField, parseFields, varint, varintField } from '../support/wire-bytes.ts'

type Damage = (bytes: Buffer, random: Random) => Buffer

/** A field with the messages that it lies in, outermost first. */
type Placed = { field: ParsedField; around: readonly ParsedField[] }

function placedFields(bytes: Buffer, start = 0, end = bytes.byteLength, around: readonly ParsedField[] = []): Placed[] {
  let fields: ParsedField[]
  try {
    fields = parseFields(bytes, start, end)
  } catch {
    return []
  }
  return fields.flatMap(field => [
    { field, around },
    ...(field.type === 2 && around.length < 12
      ? placedFields(bytes, field.payload, field.end, [...around, field])
      : []),
  ])
}

/** The bytes with those of a field replaced, and the lengths of all messages around it made right again. */
function spliced(bytes: Buffer, { field, around }: Placed, by: Uint8Array): Buffer {
  let content = Buffer.concat([by])
  let { start, end } = field
  for (const outer of around.toReversed()) {
    const inner = Buffer.concat([bytes.subarray(outer.payload, start), content, bytes.subarray(end, outer.end)])
    content = Buffer.concat([bytes.subarray(outer.start, outer.tagEnd), varint(inner.byteLength), inner])
    start = outer.start
    end = outer.end
  }
  return Buffer.concat([bytes.subarray(0, start), content, bytes.subarray(end)])
}

/** What a repeated field may add: what takes long in a small file is to be found, not that much takes longer than little. */
const mostAddedBytes = 100_000

const hugeNumbers = [1n << 31n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, -1n, -2n]

const inPlace =
  (
    damage: (bytes: Buffer, random: Random, placed: Placed) => Uint8Array | undefined,
    eligible?: (placed: Placed, bytes: Buffer) => boolean,
  ): Damage =>
  (bytes, random) => {
    const all = placedFields(bytes).filter(placed => eligible?.(placed, bytes) ?? true)
    if (all.length === 0) return bytes
    const placed = random.pick(all)
    const by = damage(bytes, random, placed)
    return by ? spliced(bytes, placed, by) : bytes
  }

const contentOf = (bytes: Buffer, { field }: Placed) => bytes.subarray(field.start, field.end)
const isText = (bytes: Buffer, { field }: Placed) =>
  field.type === 2 &&
  field.end > field.payload &&
  bytes.subarray(field.payload, field.end).every(byte => byte >= 32 && byte < 127)

const strangeTexts = [
  '',
  '-1',
  '0',
  '99999999999999999999',
  '1e3',
  '0x10',
  ' 4',
  '4096',
  '../up',
  '/etc/passwd',
  '__proto__',
  '*/_ORT_MEM_ADDR_/*',
  'a'.repeat(70_000),
  '\u0000',
  'weights.bin',
]

/**
 * Damage that leaves the framing around it sound, so that it reaches what lies behind the parser: a reader that stops at the first
 * wrong length never sees it.
 */
const soundlyFramed: Record<string, Damage> = {
  'a number is huge': inPlace(
    (bytes, random, { field }) =>
      Buffer.concat([bytes.subarray(field.start, field.tagEnd), varint(random.pick(hugeNumbers))]),
    ({ field }) => field.type === 0,
  ),
  'a number is small': inPlace(
    (bytes, random, { field }) =>
      Buffer.concat([bytes.subarray(field.start, field.tagEnd), varint(random.integer(0, 30), random.integer(1, 10))]),
    ({ field }) => field.type === 0,
  ),
  'a field is gone': inPlace(() => new Uint8Array(0)),
  'a field is repeated': inPlace((bytes, random, placed) =>
    Buffer.concat(Array.from({ length: random.integer(2, 4) }, () => contentOf(bytes, placed))),
  ),
  'a field is repeated a thousand times': inPlace((bytes, random, placed) => {
    const content = contentOf(bytes, placed)
    const most = Math.min(5000, Math.floor(mostAddedBytes / content.byteLength))
    return Buffer.concat(Array.from({ length: random.integer(1, Math.max(1, most)) }, () => content))
  }),
  'a field is another one': inPlace((bytes, random, { field }) => {
    const { field: other } = random.pick(placedFields(bytes))
    return Buffer.concat([varint(field.number * 8 + other.type), bytes.subarray(other.tagEnd, other.end)])
  }),
  'a field stands elsewhere too': inPlace((bytes, random, placed) =>
    Buffer.concat([contentOf(bytes, placed), contentOf(bytes, random.pick(placedFields(bytes)))]),
  ),
  'a field has another number': inPlace((bytes, random, { field }) =>
    Buffer.concat([varint(random.integer(1, 26) * 8 + field.type), bytes.subarray(field.tagEnd, field.end)]),
  ),
  'a text is strange': inPlace(
    (_, random, { field }) => bytesField(field.number, random.pick(strangeTexts)),
    (placed, bytes) => isText(bytes, placed),
  ),
  'bytes are more or fewer': inPlace(
    (bytes, random, { field }) => {
      const content = bytes.subarray(field.payload, field.end)
      const more = Buffer.alloc(random.pick([1, 2, 3, 4, 8, 100]), random.pick([0, 0x7f, 0x80, 0xff]))
      return bytesField(
        field.number,
        random.next() < 0.5
          ? Buffer.concat([content, more])
          : content.subarray(0, random.integer(0, content.byteLength)),
      )
    },
    ({ field }) => field.type === 2,
  ),
  'a graph is nested deep': inPlace(
    (bytes, random, placed) => {
      // Graph.node, Node.attribute, Attribute.g around what the graph holds.
      let content = Buffer.from(bytes.subarray(placed.field.payload, placed.field.end))
      for (let level = random.pick([5, 30, 65, 70, 300, 3000]); level > 0; level -= 1)
        content = Buffer.concat([varintLengthField(1, varintLengthField(5, varintLengthField(6, content)))])
      return varintLengthField(placed.field.number, content)
    },
    ({ field, around }) => field.type === 2 && field.number === 7 && around.length === 0,
  ),
  'a message lies in itself': inPlace(
    (bytes, random, { field }) => {
      let content = Buffer.from(bytes.subarray(field.payload, field.end))
      for (let level = random.pick([1, 10, 100, 2000]); level > 0; level -= 1)
        content = Buffer.from(varintLengthField(field.number, content))
      return content
    },
    ({ field }) => field.type === 2 && field.end - field.payload < 2000,
  ),
  'dims are added': inPlace(
    (bytes, random, placed) =>
      Buffer.concat([
        ...Array.from({ length: random.pick([1, 2, 70]) }, () =>
          varintField(1, random.pick([0, 1, 2, ...hugeNumbers])),
        ),
        contentOf(bytes, placed),
      ]),
    ({ field, around }) => field.number === 2 && field.type === 0 && around.length > 1,
  ),
}

function varintLengthField(number: number, content: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.concat([varint(number * 8 + 2), varint(content.byteLength), content])
}

/** All kinds of damage, by what they do. */
export const damages: Record<string, Damage> = {
  ...mutations,
  ...Object.fromEntries(Object.entries(soundlyFramed).map(([name, damage]) => [`${name}, framed soundly`, damage])),
}
