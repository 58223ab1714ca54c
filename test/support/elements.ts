import { type ByteSource, memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { elementSource } from '../../src/onnx/elements.ts'
import type { TensorEntry } from '../../src/onnx/layout.ts'
import { layoutOf } from './inspecting.ts'

/** Returns all elements of an indexed tensor, as Tureen reads them. */
export function readElements(tensor: TensorEntry, source: ByteSource): Buffer {
  const elements = elementSource(tensor, source)
  return Buffer.from(readBytes(elements, 0, elements.byteLength))
}

/** Returns the elements of one tensor of a model, in hexadecimal. */
export function elementsOf(model: Uint8Array, name: string): string {
  const tensor = layoutOf(model).tensors.find(each => each.name === name)
  if (!tensor) throw new Error(`there is no tensor ${name}`)
  return readElements(tensor, memorySource(model)).toString('hex')
}
