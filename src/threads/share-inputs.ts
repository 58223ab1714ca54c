import { deserialize, serialize } from 'node:v8'
import type { LabelledFiles } from '../merge/merge-input.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

/** Inputs of a merge, all of them, as its plan numbers them. */
export type ShareInput = ModelPaths & { label: string }

/**
 * Lets one of several threads read the inputs of a merge that is planned already.
 * @returns what `use` returns, and how many bytes were read
 * @throws TureenError naming the file that cannot be read
 */
export function withShareInputs<Result>(
  inputs: readonly ShareInput[],
  use: (files: readonly LabelledFiles[]) => Result,
): { result: Result; bytesRead: number } {
  const opened: ReturnType<typeof openReadAhead>[] = []
  const open = (path: string) => {
    const source = openReadAhead(path)
    opened.push(source)
    return source
  }
  try {
    const files = inputs.map(({ label, path, data }) => {
      return { label, source: open(path), data: new Map(data.map(each => [each.location, open(each.path)])) }
    })
    const result = use(files)
    return { result, bytesRead: opened.reduce((sum, source) => sum + source.bytesRead, 0) }
  } finally {
    for (const source of opened) source.close()
  }
}

/** A plan as memory that threads are handed without the event loop copying it. */
export function sharedPlan(plan: MergePlan): SharedArrayBuffer {
  const bytes = serialize(plan)
  const memory = new SharedArrayBuffer(bytes.byteLength)
  new Uint8Array(memory).set(bytes)
  return memory
}

export function planOf(shared: SharedArrayBuffer): MergePlan {
  // A plan that this very process has serialized: v8 gives back the type that it was given.
  const plan: MergePlan = deserialize(new Uint8Array(shared).slice())
  return plan
}
