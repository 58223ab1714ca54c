import { closeSync, fsyncSync, openSync } from 'node:fs'
import { deserialize } from 'node:v8'
import type { LabelledFiles } from '../merge/merge-input.ts'
import type { MergePlan } from '../merge/plan.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { planSource } from '../merge/plan-source.ts'
import type { Computed } from '../merge/tensor-renderer.ts'
import { openFileSource } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { type OutputFile, outputRanges, rangeLedger } from './output-ranges.ts'
import { workControl } from './work-control.ts'
import { writeRange } from './write-planned.ts'

/** `inputs`: all of the merge's, as the plan numbers them. `plan`: a serialized MergePlan. */
export type ShareTask = {
  inputs: readonly (ModelPaths & { label: string })[]
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
export function writeShare({ inputs, plan, outputs, durable, ledger: ledgerMemory, shared }: ShareTask): ShareReport {
  const ranges = outputRanges(outputs)
  const ledger = rangeLedger(ranges.length, ledgerMemory)
  const control = workControl(shared)
  const closing: (() => void)[] = []
  let bytesRead = () => 0
  const openInput = (path: string) => {
    const source = openFileSource(path)
    closing.push(source.close)
    const before = bytesRead
    bytesRead = () => before() + source.bytesRead
    return source
  }
  const openOutput = (path: string) => {
    const descriptor = openSync(path, 'r+')
    closing.push(() => closeSync(descriptor))
    return descriptor
  }
  try {
    const files = inputs.map(
      ({ label, path, data }): LabelledFiles => ({
        label,
        source: openInput(path),
        data: new Map(data.map(each => [each.location, openInput(each.path)])),
      }),
    )
    const merged = planSource(planOf(plan), files, memory)
    const sources = [merged, ...merged.data.values()]
    const descriptors = outputs.map(({ path }) => openOutput(path))
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
    return { computed: merged.computed(), bytesRead: bytesRead() }
  } finally {
    for (const close of closing) close()
  }
}

function planOf(serialized: SharedArrayBuffer): MergePlan {
  // A plan that this very process has serialized: v8 gives back the type that it was given.
  const plan: MergePlan = deserialize(new Uint8Array(serialized).slice())
  return plan
}
