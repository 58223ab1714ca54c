import { deserialize, serialize } from 'node:v8'
import type { LabelledFiles } from '../merge/merge-input.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { openReadAhead } from '../storage/file-source.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { CheckedPlan } from './checked-plan.ts'
import { type PackedPlan, packPlan, unpackPlan } from './packed-plan.ts'

/** One of the inputs of a merge, in the order of its plan. */
export type ShareInput = ModelPaths & { label: string }

/**
 * Opens the inputs of a planned merge in one of several threads.
 * @returns the result of `use`, and the number of bytes read
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

/** Returns a plan in memory that is passed to threads without a copy on the event loop. */
export function sharedPlan(plan: MergePlan): SharedArrayBuffer {
  const bytes = serialize(packPlan(plan))
  const memory = new SharedArrayBuffer(bytes.byteLength)
  new Uint8Array(memory).set(bytes)
  return memory
}

/** Returns the plan in memory from {@link sharedPlan}. */
export function planOf(shared: SharedArrayBuffer): MergePlan {
  // This process serialized the plan, so v8 returns the same type.
  const plan: PackedPlan = deserialize(new Uint8Array(shared).slice())
  return unpackPlan(plan)
}

type PackedCheck = Omit<CheckedPlan, 'plan'> & { plan: PackedPlan }

/** Returns a checked plan in memory that can be moved to another thread. Shared memory would stay until a collection. */
export function serializedCheck({ plan, ...rest }: CheckedPlan): Uint8Array<ArrayBuffer> {
  const packed: PackedCheck = { ...rest, plan: packPlan(plan) }
  return new Uint8Array(serialize(packed))
}

/** Returns the checked plan in memory from {@link serializedCheck}. */
export function checkOf(serialized: Uint8Array<ArrayBuffer>): CheckedPlan {
  // This process serialized the checked plan, so v8 returns the same type.
  const { plan, ...rest }: PackedCheck = deserialize(serialized)
  return { ...rest, plan: unpackPlan(plan) }
}
