import { closeSync, fsyncSync, openSync } from 'node:fs'
import type { ElementComputing } from '../merge/element-computer.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { plannedFiles } from '../merge/planned-files.ts'
import type { Computed } from '../merge/tensor-renderer.ts'
import { type OutputFile, outputRanges, rangeLedger } from './output-ranges.ts'
import { planOf, type ShareInput, withShareInputs } from './share-inputs.ts'
import { workControl } from './work-control.ts'
import { writeRange } from './write-planned.ts'

/** `plan`: a serialized MergePlan. */
export type ShareTask = {
  inputs: readonly ShareInput[]
  plan: SharedArrayBuffer
  outputs: readonly OutputFile[]
  durable: boolean
  ledger: SharedArrayBuffer
  shared: SharedArrayBuffer
}

/** The computed tensors of one thread, and the number of bytes it read. */
export type ShareReport = { computed: Computed; bytesRead: number }

/** Reused: a thread merges one share after the other. */
const memory = planMemory()

/**
 * Writes ranges of a planned merge to its existing files, until none is left.
 * @throws TureenError `TUREEN_JOB_CANCELLED` after the work was stopped; also if an input cannot be read
 */
export async function writeShare({
  inputs,
  plan: serialized,
  outputs,
  durable,
  ledger: ledgerMemory,
  shared,
}: ShareTask): Promise<ShareReport> {
  const plan = planOf(serialized)
  const computing = await computingOf(plan)
  const ranges = outputRanges(outputs)
  const ledger = rangeLedger(ranges.length, ledgerMemory)
  const control = workControl(shared)
  const descriptors: number[] = []
  try {
    const { result: computed, bytesRead } = withShareInputs(inputs, files => {
      const merged = plannedFiles(plan, files, memory, computing)
      const sources = [merged, ...merged.data.values()]
      for (const { path } of outputs) descriptors.push(openSync(path, 'r+'))
      for (let index = ledger.claim(); index !== undefined; index = ledger.claim()) {
        const range = ranges[index]
        const source = range && sources[range.file]
        const descriptor = range && descriptors[range.file]
        if (!source || descriptor === undefined) throw new RangeError(`there is no range ${index}`)
        writeRange(source, descriptor, range, bytes => control.advance(bytes.byteLength))
        ledger.finish(index)
      }
      // Each thread flushes after its own last byte, so little is left for the last thread.
      if (durable) for (const descriptor of descriptors) fsyncSync(descriptor)
      return merged.computed()
    })
    return { computed, bytesRead }
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

/** Loads the methods' kernels unless all tensors are weighted sums. Without them, a thread takes half of the memory. */
async function computingOf({ tensors }: MergePlan): Promise<ElementComputing | null> {
  if (tensors.every(({ operation }) => operation.kind === 'sum')) return null
  return (await import('../merge/element-computer.ts')).elementComputer
}
