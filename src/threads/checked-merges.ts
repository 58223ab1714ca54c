import { hash } from 'node:crypto'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { MergeInputs } from '../merge/merge-inputs.ts'
import { freeMemory } from './moved-memory.ts'
import type { MergeFile } from './open-inputs.ts'

/** Everything that a plan depends on: stored content never changes. */
type PlannedFrom = { inputs: MergeInputs<MergeFile>; settings: MergeSettings }

/** Plans of merges that were checked a moment ago. The job that follows a check takes its plan, and need not match the models again. */
export type CheckedMerges = {
  /** Keeps the serialized plan that a check made, for at most 30 seconds. Frees the memory of a plan that is too large. */
  keep(merge: PlannedFrom, checked: Uint8Array<ArrayBuffer>): void
  /** Returns the kept plan of the same merge, and forgets it; null if there is none. */
  take(merge: PlannedFrom): Uint8Array<ArrayBuffer> | null
}

/** A job that waits longer for its turn plans the merge again. */
const keptMilliseconds = 30_000

/** Bytes of all kept plans together. The plan for two models of 60,000 tensors has 16 MB. */
const mostBytes = 128 << 20

/** Returns an empty store of plans. */
export function checkedMerges(): CheckedMerges {
  const kept = new Map<string, { checked: Uint8Array<ArrayBuffer>; ending: NodeJS.Timeout }>()
  let bytes = 0
  const remove = (key: string): Uint8Array<ArrayBuffer> | null => {
    const found = kept.get(key)
    if (!found) return null
    clearTimeout(found.ending)
    kept.delete(key)
    bytes -= found.checked.byteLength
    return found.checked
  }
  const forget = (key: string) => {
    const found = remove(key)
    if (found) freeMemory(found)
  }
  return {
    keep(merge, checked) {
      if (checked.byteLength > mostBytes) return freeMemory(checked)
      const key = keyOf(merge)
      forget(key)
      for (const [oldest] of kept) {
        if (bytes + checked.byteLength <= mostBytes) break
        forget(oldest)
      }
      kept.set(key, { checked, ending: setTimeout(() => forget(key), keptMilliseconds).unref() })
      bytes += checked.byteLength
    },
    take: merge => (kept.size === 0 ? null : remove(keyOf(merge))),
  }
}

function keyOf({ inputs, settings }: PlannedFrom): string {
  // JSON alone writes -0 as 0, and the two may give results that differ in the signs of zeros.
  const signed = (_: string, value: unknown) => (Object.is(value, -0) ? '-0' : value)
  return hash('sha256', JSON.stringify([inputs, settings], signed))
}
