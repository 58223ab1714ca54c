import type { AttributeProto } from '../onnx-proto.ts'

/** AttributeProto.AttributeType by code, with its name and the field of its value. */
const fields = {
  1: ['float', 'f'],
  2: ['int', 'i'],
  3: ['string', 's'],
  6: ['floats', 'floats'],
  7: ['ints', 'ints'],
  8: ['strings', 'strings'],
  13: ['type', 'tp'],
  14: ['types', 'typeProtos'],
} as const

type PlainField = (typeof fields)[keyof typeof fields][1]

/**
 * Returns an attribute's value, unless it is a tensor or a graph, as text: its kind, then the value. Different values
 * give different texts. Undefined without a value. In IR versions 1 and 2 the type may be missing; then the field that
 * is present decides.
 */
export function attributeText(attribute: AttributeProto): string | undefined {
  const found = Object.entries(fields).find(([code, [, field]]) =>
    attribute.type ? Number(code) === Number(attribute.type) : hasValue(attribute, field),
  )
  if (!found) return undefined
  const [kind, field] = found[1]
  return `${kind} ${show(attribute[field])}`
}

function hasValue(attribute: AttributeProto, field: PlainField): boolean {
  const value = attribute[field]
  return Object.hasOwn(attribute, field) && value !== null && (!Array.isArray(value) || value.length > 0)
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (value instanceof Uint8Array) return showText(value)
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  return typeof value === 'object' && value !== null && !('low' in value) ? typeText(value) : String(value)
}

function showText(bytes: Uint8Array): string {
  try {
    return JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return `0x${Buffer.from(bytes).toString('hex')}`
  }
}

/** Returns a TypeProto as text, without the names and denotations of symbolic dimensions. */
function typeText(type: object): string {
  return JSON.stringify(type, (key, value: unknown) => (key === 'dimParam' || key === 'denotation' ? undefined : value))
}

/** Returns an integer attribute; undefined if it is of another kind, absent, or equal to its default. */
export function attributeInteger(attributes: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = /^int (.*)$/.exec(attributes.get(name) ?? '')?.[1]
  return text === undefined ? undefined : Number(text)
}

/**
 * Returns an attribute that is a list of integers; undefined if it is of another kind, absent, or equal to its default.
 */
export function attributeIntegers(attributes: ReadonlyMap<string, string>, name: string): number[] | undefined {
  return integersOf(attributes.get(name) ?? '')
}

/** Returns the integers in the text of an attribute; undefined if it is of another kind. */
export function integersOf(text: string): number[] | undefined {
  const items = /^ints \[(.*)\]$/.exec(text)?.[1]
  if (items === undefined) return undefined
  return items === '' ? [] : items.split(', ').map(Number)
}

/** Returns a string attribute; undefined if it is of another kind, absent, or equal to its default. */
export function attributeString(attributes: ReadonlyMap<string, string>, name: string): string | undefined {
  return /^string "(.*)"$/.exec(attributes.get(name) ?? '')?.[1]
}
