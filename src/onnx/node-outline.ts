import { averagedListsOf, isSupportVectorMachine, supportVectorAttributes } from './classic-models.ts'
import { limits } from './model-limits.ts'
import { readName } from './names.ts'
import { readField, readVarint64, type WireCursor, type WireField, wireType } from './wire.ts'

const nodeFields = { output: 2, opType: 4, attribute: 5, domain: 7 } as const
const attributeFields = { name: 1, i: 3, floats: 7, ints: 8, refAttrName: 21 } as const

/** Names of operators, domains and attributes with more bytes than this match none that the reader looks for. */
const longestName = 32

/** Facts of a node outside of its attributes' values. In the file they may come after the values. */
export type NodeOutline = {
  isConstant: boolean
  /** The name of its first output that is not empty; empty if there is none. */
  output: string
  /** Names of its attributes whose float lists are weights. */
  averagedLists: readonly string[]
}

/** Reads the outline of the node in [start, end), in any order of its fields. Moves the cursor. */
export function nodeOutline(cursor: WireCursor, start: number, end: number): NodeOutline {
  let output: WireField | undefined
  let [opType, domain] = ['', '']
  const attributes: WireField[] = []
  cursor.offset = start
  while (cursor.offset < end) {
    const field = readField(cursor, end)
    switch (field.number) {
      case nodeFields.output:
        if (field.end > field.payload) output ??= field
        break
      case nodeFields.opType:
        opType = text(cursor, field, longestName)
        break
      case nodeFields.domain:
        domain = text(cursor, field, longestName)
        break
      case nodeFields.attribute:
        if (field.type === wireType.bytes) attributes.push(field)
        break
      default:
    }
  }
  const hasSupportVectors =
    isSupportVectorMachine(opType) && attributes.some(({ payload, end }) => saysSupportVectors(cursor, payload, end))
  return {
    isConstant: opType === 'Constant',
    output: output ? text(cursor, output, limits.textBytes) : '',
    averagedLists: averagedListsOf(domain, opType, hasSupportVectors),
  }
}

/**
 * Returns the name of the attribute in [start, end), which may follow its value; empty if it is long. Moves the cursor.
 */
export function attributeName(cursor: WireCursor, start: number, end: number): string {
  let name = ''
  cursor.offset = start
  while (cursor.offset < end) {
    const field = readField(cursor, end)
    if (field.number === attributeFields.name) name = text(cursor, field, longestName)
  }
  return name
}

/**
 * True if the attribute in [start, end) gives a node support vectors, or refers to an attribute of a function that may.
 */
function saysSupportVectors(cursor: WireCursor, start: number, end: number): boolean {
  if (!supportVectorAttributes.has(attributeName(cursor, start, end))) return false
  cursor.offset = start
  while (cursor.offset < end) {
    const field = readField(cursor, end)
    if (saysSome(cursor, field)) return true
    cursor.offset = field.end
  }
  return false
}

/** True if a field of such an attribute holds any floats, an integer other than 0, or a reference. */
function saysSome(cursor: WireCursor, { number, type, payload, end }: WireField): boolean {
  if (number === attributeFields.refAttrName) return end > payload
  if (number === attributeFields.floats) return end > payload
  if (number !== attributeFields.i && number !== attributeFields.ints) return false
  if (type !== wireType.bytes && type !== wireType.varint) return false
  cursor.offset = payload
  while (cursor.offset < end) {
    const { low, high } = readVarint64(cursor, end)
    if (low !== 0 || high !== 0) return true
  }
  return false
}

/** Returns the text of a field; empty if it is not text or has more than `longest` bytes. */
function text(cursor: WireCursor, { type, payload, end }: WireField, longest: number): string {
  return type !== wireType.bytes || end - payload > longest ? '' : readName(cursor, payload, end)
}
