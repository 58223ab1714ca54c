import { type DerivedTensor, elementsOf, valuesOf } from './derived-tensor.ts'
import { sliced } from './element-moves.ts'

/** The fewest different values by which a part of a tensor is recognised. */
const fewestValues = 4

/** Elements that are decoded at a time. */
const decoded = 4096

/** True if all elements have the same bits. */
export function isConstant({ bytes, dims }: DerivedTensor): boolean {
  const width = bytes.byteLength / elementsOf(dims)
  return Buffer.compare(bytes.subarray(width), bytes.subarray(0, bytes.byteLength - width)) === 0
}

/** True if a tensor has enough telling values to be recognised as a part of another one. */
export function hasEnoughValues(tensor: DerivedTensor): boolean {
  const { bytes, dims } = tensor
  const elements = elementsOf(dims)
  const width = bytes.byteLength / elements
  const met = new Set<string>()
  for (let at = 0; at < elements && met.size < fewestValues; at += 1)
    met.add(Buffer.from(bytes.buffer, bytes.byteOffset + at * width, width).toString('latin1'))
  return met.size >= fewestValues && isTelling(tensor)
}

/**
 * True if the values of a tensor can prove where it comes from. Equal values and integers, such as those of a mask, a
 * range or an identity matrix, stand in many tensors by chance.
 */
export function isTelling(tensor: DerivedTensor): boolean {
  if (isConstant(tensor)) return false
  const elements = elementsOf(tensor.dims)
  const flat = { ...tensor, dims: [elements] }
  for (let start = 0; start < elements; start += decoded) {
    const some = sliced(flat, 0, start, Math.min(elements, start + decoded))
    if (valuesOf(some).some(value => !Number.isInteger(value))) return true
  }
  return false
}
