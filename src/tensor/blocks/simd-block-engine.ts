import { kernelModule } from '../kernel-module.ts'
import { kernelOf } from './block-kernel.ts'
import type { BlockEngine } from './block-operations.ts'
import { simdChanges } from './simd-changes.ts'
import { simdChoices } from './simd-choices.ts'
import { simdConversions } from './simd-conversions.ts'
import { SimdMemory } from './simd-memory.ts'
import { simdRanks } from './simd-ranks.ts'
import { simdSums } from './simd-sums.ts'

/** Returns an engine in SIMD WebAssembly (the sources in kernel/); undefined on a machine without SIMD. */
export function simdBlockEngine(): BlockEngine | undefined {
  const module = kernelModule()
  if (!module) return undefined
  const start = () => kernelOf(new WebAssembly.Instance(module).exports)
  const kernel = start()
  const memory = new SimdMemory(kernel.memory)
  return {
    ...memory.arrays,
    ...simdConversions(kernel, memory),
    ...simdSums(kernel, memory),
    ...simdChoices(kernel, memory),
    ...simdRanks(kernel, memory, start),
    ...simdChanges(kernel, memory),
  }
}
