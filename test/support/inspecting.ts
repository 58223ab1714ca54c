import { type ByteSource, memorySource } from '../../src/onnx/byte-source.ts'
import { compareStructures } from '../../src/onnx/compare-structures.ts'
import type { Layout } from '../../src/onnx/layout.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { decodeSkeleton, describeModel, describeTensor } from '../../src/onnx/skeleton.ts'
import { fingerprintOf, type Structure, structureOf } from '../../src/onnx/structure.ts'

/** The index of a model that is held in memory. */
export function layoutOf(model: Uint8Array): Layout {
  return readLayout(memorySource(model))
}

export function structureOfBytes(model: Uint8Array): Structure {
  const source = memorySource(model)
  const layout = readLayout(source)
  return structureOf(layout, decodeSkeleton(layout), source)
}

export function fingerprintOfBytes(model: Uint8Array): string {
  return fingerprintOf(structureOfBytes(model))
}

export function differencesOf(base: Uint8Array, other: Uint8Array): ReturnType<typeof compareStructures> {
  return compareStructures(structureOfBytes(base), structureOfBytes(other))
}

/** All that happens to an uploaded file before it is accepted. */
export function inspectSource(source: ByteSource): void {
  const layout = readLayout(source)
  const model = decodeSkeleton(layout)
  describeModel(layout, model)
  layout.tensors.forEach(describeTensor)
  fingerprintOf(structureOf(layout, model, source))
}
