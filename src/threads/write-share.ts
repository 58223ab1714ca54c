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

/** What one thread has computed and read. */
export type ShareReport = { computed: Computed; bytesRead: number }

/** A thread merges one after the other, all in the same memory. */
const memory = planMemory()

/**
 * Writes ranges of a planned merge to its files, which are there, until nobody has to write any more.
 * @throws TureenError `TUREEN_JOB_CANCELLED` once the work is stopped, or as reading the inputs does
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
      // Each thread flushes once its own last byte is written: the last one finds little left to do.
      if (durable) for (const descriptor of descriptors) fsyncSync(descriptor)
      return merged.computed()
    })
    return { computed, bytesRead }
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

/** Weighted sums need nothing of the methods: without these, and what they stand on, a thread takes half of the memory. */
async function computingOf({ tensors }: MergePlan): Promise<ElementComputing | null> {
  if (tensors.every(({ operation }) => operation.kind === 'sum')) return null
  return (await import('../merge/element-computer.ts')).elementComputer
}
