import { memorySource } from '../../src/onnx/byte-source.ts'
import type { TensorEntry } from '../../src/onnx/layout.ts'
import { contentOf, type ModelFiles } from './product.ts'

/** `count` elements of `width` bytes, each `stride` bytes behind the one before, in the file at `location` (null: the model's own). */
export type ElementSpan = { location: string | null; offset: number; count: number; stride: number; width: number }

/** How far an element is moved: `flip` is the bit of its lowest byte that is changed, `isSteady` whether it has to stay. */
type Element = { width: number; flip: number; isSteady: (bytes: Uint8Array, at: number, stride: number) => boolean }

const exponent = (width: number, high: number, next: number): Element['isSteady'] => {
  return (bytes, at) => {
    const top = bytes[at + width - 1] ?? 0
    const below = bytes[at + width - 2] ?? 0
    return (top & high) === high && (below & next) === next
  }
}
const oneByte = (...nonFinite: number[]): Element => ({
  width: 1,
  flip: 1,
  isSteady: (bytes, at) => nonFinite.includes(bytes[at] ?? 0) || nonFinite.includes((bytes[at] ?? 0) ^ 1),
})

/** By ONNX's element type. NaN and infinity stay, so that none appears and none goes. Types that are not here stay as they are. */
const elements: Record<number, Element> = {
  1: { width: 4, flip: 4, isSteady: exponent(4, 0x7f, 0x80) },
  10: { width: 2, flip: 4, isSteady: exponent(2, 0x7c, 0) },
  11: { width: 8, flip: 4, isSteady: exponent(8, 0x7f, 0xf0) },
  16: { width: 2, flip: 4, isSteady: exponent(2, 0x7f, 0x80) },
  17: oneByte(0x7f, 0xff),
  18: oneByte(0x80),
  19: oneByte(0x7c, 0x7d, 0x7e, 0x7f, 0xfc, 0xfd, 0xfe, 0xff),
  20: oneByte(0x80),
}

/** Where a tensor's elements of a fixed size lie; empty where they are varints. */
export function elementSpans({ payload, dataType }: TensorEntry): ElementSpan[] {
  const width = elements[dataType]?.width ?? 1
  const spanOf = (location: string | null, offset: number, length: number) => [
    { location, offset, count: Math.floor(length / width), stride: width, width },
  ]
  switch (payload.form) {
    case 'raw':
      return spanOf(null, payload.offset, payload.length)
    case 'external':
      return spanOf(payload.location, payload.offset, payload.length)
    case 'fixed':
      return payload.runs.map(run => ({ location: null, ...run }))
    default:
      return []
  }
}

/** A copy of a model in memory in which every element of these tensors is a few units in the last place away, and all else the same. */
export function perturbed(model: ModelFiles, tensors: readonly TensorEntry[]): ModelFiles & { changed: number } {
  const main = contentOf(model.source)
  const files = new Map<string | null, { before: Buffer; after: Buffer }>()
  const fileAt = (location: string | null) => {
    const file = files.get(location)
    if (file) return file
    const external = location === null ? undefined : model.data.get(location)
    const before = location === null ? main : external ? contentOf(external) : Buffer.alloc(0)
    const opened = { before, after: Buffer.from(before) }
    files.set(location, opened)
    return opened
  }
  let changed = 0
  for (const tensor of tensors) {
    const element = elements[tensor.dataType]
    if (!element) continue
    for (const span of elementSpans(tensor)) {
      const { before, after } = fileAt(span.location)
      changed += moveSpan(element, span, before, after)
    }
    if (tensor.payload.form === 'varint') {
      const { before, after } = fileAt(null)
      for (const { offset, end } of tensor.payload.runs) changed += moveVarints(element, offset, end, before, after)
    }
  }
  const source = files.get(null)?.after
  const data = new Map(
    [...model.data].map(([location, external]) => {
      const file = files.get(location)
      return [location, file ? memorySource(file.after) : external]
    }),
  )
  return { source: source ? memorySource(source) : model.source, data, changed }
}

/** From what stands before: elements that several tensors share are moved once. */
function moveSpan(element: Element, { offset, count, stride }: ElementSpan, before: Buffer, after: Buffer): number {
  let changed = 0
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * stride
    if (at + element.width > before.byteLength) break
    if (element.isSteady(before, at, stride)) continue
    after[at] = (before[at] ?? 0) ^ element.flip
    changed += 1
  }
  return changed
}

/** Elements of one or two bytes as varints, whose length does not depend on the bit that is changed. */
function moveVarints(element: Element, offset: number, end: number, before: Buffer, after: Buffer): number {
  let changed = 0
  const value = new Uint8Array(2)
  for (let at = offset; at < end; ) {
    const [first = 0, second = 0, third = 0] = before.subarray(at, Math.min(end, at + 3))
    const bits =
      first & 0x80 ? (first & 0x7f) | ((second & 0x7f) << 7) | (second & 0x80 ? (third & 0x7f) << 14 : 0) : first
    value[0] = bits & 0xff
    value[1] = (bits >> 8) & 0xff
    if (!element.isSteady(value, 0, 2)) {
      after[at] = first ^ element.flip
      changed += 1
    }
    while (at < end && (before[at] ?? 0) & 0x80) at += 1
    at += 1
  }
  return changed
}
