import { averagedPaths } from '../../src/onnx/averaged-tensors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { buildNetwork } from '../../src/onnx/graph/build-network.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { decodeSkeleton } from '../../src/onnx/skeleton.ts'

/** Returns the model with the last bit of every fixed-width weight flipped, and the places of these bits. No number becomes NaN. */
export function perturbed(bytes: Uint8Array): { other: Buffer<ArrayBuffer>; paths: string[] } {
  const source = memorySource(bytes)
  const layout = readLayout(source)
  const averaged = averagedPaths(layout, buildNetwork(layout, decodeSkeleton(layout), source))
  const other = Buffer.from(bytes)
  const flip = (start: number, count: number, stride: number) => {
    for (let index = 0; index < count; index += 1)
      other[start + index * stride] = (other[start + index * stride] ?? 0) ^ 1
  }
  const weights = layout.tensors.filter(({ path, payload }) => averaged.has(path) && payload.form !== 'varint')
  for (const { payload, elements } of weights) {
    if (payload.form === 'raw') flip(payload.offset, elements, payload.length / elements)
    if (payload.form === 'fixed') for (const { offset, count, stride } of payload.runs) flip(offset, count, stride)
  }
  return { other, paths: weights.map(({ path }) => path) }
}
