import { type ByteSource, readBytes } from '../onnx/byte-source.ts'
import { leafElements } from '../onnx/graph/leaf-values.ts'
import { type DType, dtypeCode, dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { blamedSource, type LabelledFiles } from './merge-input.ts'
import type { Elements } from './same-elements.ts'

/** The largest number of elements shown. */
const shownElements = 6
/** The largest number of elements shown before the first that differs. */
const shownBefore = 2
/** Bytes of strings that are searched for the one that differs. */
const textBytes = 64 << 10
/** Characters of a string that are shown. */
const textCharacters = 40

/**
 * Returns some elements of a tensor as text, those around the byte `from` of its raw_data. A number of rank 0 stands
 * alone; others are a list, such as `[2, 2, ...]`.
 *
 * @param type element type and dims, as in a leaf of the network
 * @throws TureenError naming the model that cannot be read
 */
export function showElements(elements: Elements, type: string, files: LabelledFiles, from: number): string {
  const source = blamedSource(files.label, () => leafElements(elements, files))
  const [, name = '', dims = ''] = /^(\w+)\[([\d, ]*)\]/.exec(type) ?? []
  const dtype = readableType(name)
  if (!dtype) return `${source.byteLength} bytes`
  const { texts, first, isLast } =
    dtype.name === 'string' ? textsAround(source, from) : numbersAround(source, dtype, elementsIn(dims), from)
  if (dims === '') return texts[0] ?? ''
  const list = [...(first > 0 ? ['...'] : []), ...texts, ...(isLast ? [] : ['...'])]
  return `[${list.join(', ')}]${first > 0 ? ` (from element ${first} on)` : ''}`
}

/** The elements from `first` on. */
type Window = { texts: string[]; first: number; isLast: boolean }

/** Returns an element type that can be shown as text; undefined for complex numbers, say. */
function readableType(name: string): DType | undefined {
  if (!/^(u?int|float|bfloat|bool$|string$)/.test(name)) return undefined
  const dtype = dtypeOf(dtypeCode(name))
  return dtype?.float || !name.startsWith('float') ? dtype : undefined
}

/** Returns the number of elements. `dims`: text such as `3, 4`. */
function elementsIn(dims: string): number {
  return dims === '' ? 1 : dims.split(',').reduce((product, dim) => product * Number(dim), 1)
}

function numbersAround(source: ByteSource, { name, bits, float }: DType, elements: number, from: number): Window {
  // Elements of less than a byte start at a whole byte, so the window must as well.
  const perByte = Math.max(1, 8 / bits)
  const wanted = Math.floor((from * 8) / bits) - shownBefore
  const first = wanted < shownBefore ? 0 : wanted - (wanted % perByte)
  const count = Math.min(shownElements, elements - first)
  const bytes = readBytes(source, (first * bits) / 8, Math.ceil((count * bits) / 8))
  const texts = float ? floatTexts(bytes, name, count) : integerTexts(bytes, name, bits, count)
  return { texts, first, isLast: first + count >= elements }
}

function floatTexts(bytes: Uint8Array, dtype: string, count: number): string[] {
  const format = floatFormat(dtype)
  const values = new Float64Array(count)
  format.begin(values, bytes, count, 1)
  const isSame = (text: string, index: number) => {
    const rounded = new Uint8Array(8)
    format.round(Float64Array.of(Number(text)), 1, rounded)
    const start = index * format.bytes
    return Buffer.compare(rounded.subarray(0, format.bytes), bytes.subarray(start, start + format.bytes)) === 0
  }
  return Array.from(values, (value, index) => {
    if (Object.is(value, -0)) return '-0'
    if (!Number.isFinite(value) || Number.isInteger(value)) return String(value)
    // The fewest digits that identify the number in its type.
    for (let digits = 1; digits < 17; digits += 1) {
      const text = String(Number(value.toPrecision(digits)))
      if (isSame(text, index)) return text
    }
    return String(value)
  })
}

function integerTexts(bytes: Uint8Array, dtype: string, bits: number, count: number): string[] {
  const isSigned = dtype.startsWith('int')
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * bits) / 8)
    const own = bytes.subarray(start, start + Math.max(1, bits / 8))
    let value = own.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    if (bits < 8) value = BigInt.asUintN(bits, value >> BigInt((index * bits) % 8))
    if (dtype === 'bool') return String(value !== 0n)
    return String(isSigned ? BigInt.asIntN(bits, value) : value)
  })
}

/** Strings are joined, each preceded by its length in bytes and a colon. */
function textsAround(source: ByteSource, from: number): Window {
  const bytes = Buffer.from(readBytes(source, 0, Math.min(textBytes, source.byteLength)))
  const found: { start: number; text: string }[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const colon = bytes.indexOf(':', at)
    if (colon < 0) break
    const start = colon + 1
    const length = Number(bytes.toString('latin1', at, colon))
    found.push({ start: at, text: shortened(bytes.toString('utf8', start, start + length)) })
    at = start + length
  }
  const differing = found.findLastIndex(({ start }) => start <= from)
  const first = differing - shownBefore < shownBefore ? 0 : differing - shownBefore
  const texts = found.slice(first, first + shownElements).map(({ text }) => JSON.stringify(text))
  return { texts, first, isLast: bytes.byteLength === source.byteLength && first + texts.length >= found.length }
}

function shortened(text: string): string {
  return text.length > textCharacters ? `${text.slice(0, textCharacters)}...` : text
}
