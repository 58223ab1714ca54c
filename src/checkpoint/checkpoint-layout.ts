import type { CheckpointFacts, Layout, TensorEntry } from '../onnx/layout.ts'

/** Returns the layout of a checkpoint, which has tensors and nothing of a graph. */
export function checkpointLayout(byteLength: number, tensors: TensorEntry[], checkpoint: CheckpointFacts): Layout {
  return { byteLength, skeleton: new Uint8Array(0), tensors, frames: [], opaque: [], metadata: [], checkpoint }
}
