import { floatFormat } from '../tensor/float-format.ts'
import { simdEngine } from '../tensor/simd-engine.ts'
import { type SumBuffers, type SumEngine, typedArrayEngine } from '../tensor/sum-engine.ts'
import { computedDtype, type MergePlan } from './merge-plan.ts'

/**
 * Memory for one chunk of all inputs and of the result, for any number of models. A chunk should stay in the
 * second-level cache while it is read, summed and written.
 */
const chunkBudgetBytes = 2 << 20
const smallestChunkBytes = 16 << 10
/** A multiple of every element size, and a whole number of memory pages. */
const chunkQuantum = 4096

/** Memory for `bytes` bytes of every input and of the result. */
export type Chunk = { bytes: number; buffers: SumBuffers; engine: SumEngine }

/** Memory in which merges are computed one after the other. A caller with many merges reuses it. */
export type PlanMemory = { chunkFor(plan: MergePlan, inputs: number): Chunk }

/** Returns memory that grows to the largest chunk that is asked for. Uses SIMD if the machine has it. */
export function planMemory(engine: SumEngine = simdEngine() ?? typedArrayEngine()): PlanMemory {
  let chunk: Chunk = { bytes: 0, buffers: engine.reserve(0, 0), engine }
  return {
    chunkFor(plan, inputs) {
      const largest = plan.tensors.reduce(
        (most, tensor) => Math.max(most, tensor.elements * floatFormat(computedDtype(tensor)).bytes),
        1,
      )
      const bytes = Math.min(chunkBytes(inputs), Math.ceil(largest / chunkQuantum) * chunkQuantum)
      if (chunk.bytes < bytes || chunk.buffers.inputs.length < inputs)
        chunk = { bytes, buffers: engine.reserve(inputs, bytes), engine }
      return chunk
    },
  }
}

/** Returns the bytes of one chunk of one input. */
function chunkBytes(inputs: number): number {
  return Math.max(smallestChunkBytes, Math.floor(chunkBudgetBytes / (inputs + 1) / chunkQuantum) * chunkQuantum)
}
