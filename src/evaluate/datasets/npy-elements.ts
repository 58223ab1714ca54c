import { type ElementArray, viewElements } from './array-values.ts'
import type { NpyHeader } from './npy-header.ts'
import { decodeUtf8, decodeUtf32 } from './text-elements.ts'

/** Converts stored elements in place: to little-endian byte order, and bools to 0 or 1. */
export function normaliseElements({ element }: NpyHeader, buffer: ArrayBuffer): void {
  const bytes = Buffer.from(buffer)
  if (element.swap === 2) bytes.swap16()
  if (element.swap === 4) bytes.swap32()
  if (element.swap === 8) bytes.swap64()
  // For NumPy every byte except 0 is true. onnxruntime's kernels may expect 1.
  if (element.dtype === 'bool') for (let i = 0; i < bytes.length; i += 1) bytes[i] = bytes[i] === 0 ? 0 : 1
}

/** Returns `elements` normalised elements from index `first` on: a view of the buffer, or decoded strings. */
export function elementsOf(
  { element }: NpyHeader,
  array: string,
  buffer: ArrayBuffer,
  first: number,
  elements: number,
): ElementArray | string[] {
  if (element.text === null) return viewElements(element.dtype, buffer, first * element.bytes, elements)
  const decode = element.text === 'utf32' ? decodeUtf32 : decodeUtf8
  return Array.from({ length: elements }, (_, index) =>
    decode(new Uint8Array(buffer, (first + index) * element.bytes, element.bytes), array),
  )
}

/**
 * Returns a row-major copy of elements in Fortran order.
 * @param dims dims of the whole array; their product is the number of elements
 */
export function fortranToRowMajor(buffer: ArrayBuffer, dims: readonly number[], elementBytes: number): ArrayBuffer {
  const result = new ArrayBuffer(buffer.byteLength)
  if (buffer.byteLength === 0) return result
  const unitBytes = elementBytes % 4 === 0 ? 4 : elementBytes % 2 === 0 ? 2 : 1
  const Units = unitBytes === 4 ? Uint32Array : unitBytes === 2 ? Uint16Array : Uint8Array
  const source = new Units(buffer)
  const target = new Units(result)
  const units = elementBytes / unitBytes
  const rowLength = dims.at(-1) ?? 1
  const strides: number[] = []
  dims.reduce((stride, dim) => {
    strides.push(stride)
    return stride * dim
  }, units)
  const rowStride = strides.at(-1) ?? units
  const outer = dims.slice(0, -1)
  const index = outer.map(() => 0)
  for (let at = 0, from = 0; at < target.length; ) {
    for (let i = 0; i < rowLength; i += 1) {
      for (let unit = 0; unit < units; unit += 1) target[at + unit] = source[from + i * rowStride + unit] ?? 0
      at += units
    }
    for (let axis = outer.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1
      from += strides[axis] ?? 0
      index[axis] = next
      if (next < (outer[axis] ?? 1)) break
      index[axis] = 0
      from -= (strides[axis] ?? 0) * next
    }
  }
  return result
}
