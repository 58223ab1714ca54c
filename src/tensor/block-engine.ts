import type { BlockEngine } from './blocks/block-operations.ts'
import { plainBlockEngine } from './blocks/plain-block-engine.ts'
import { simdBlockEngine } from './blocks/simd-block-engine.ts'

let known: BlockEngine | undefined

/** Returns the engine of this thread: the one in SIMD WebAssembly if the machine has it. */
export function blockEngine(): BlockEngine {
  known ??= simdBlockEngine() ?? plainBlockEngine()
  return known
}
