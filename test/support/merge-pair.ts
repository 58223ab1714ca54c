import { float32Tensor } from './onnx-model.ts'
import { initializerBytes } from './onnx-oracle.ts'
import { richModel } from './rich-model.ts'
import type { SoupInput } from './soup.ts'

/** Returns two models to merge, with half of the weight each. */
export const pair = (first: Uint8Array, second: Uint8Array): SoupInput[] => [
  { bytes: first, weight: 1, label: 'first' },
  { bytes: second, weight: 1, label: 'second' },
]

/** Returns the numbers of a float32 initializer. */
export function floats(model: Uint8Array, name: string): number[] {
  return [...new Float32Array(Uint8Array.from(initializerBytes(model, name)).buffer)]
}

/** Returns the rich model with other weights in W. */
export const richWithWeights = (weights: number[]) =>
  richModel(({ graph }) => void graph.initializer?.splice(0, 1, float32Tensor('W', [3, 2], weights)))
