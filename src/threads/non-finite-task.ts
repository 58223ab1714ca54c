import { findNonFinite, type NonFinite } from '../merge/non-finite.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { planOf, type ShareInput, withShareInputs } from './share-inputs.ts'
import { workControl } from './work-control.ts'

/**
 * `plan`: a serialized MergePlan. `inResult`: NaN and infinite elements of the result, by the tensor's index in the
 * plan.
 */
export type NonFiniteTask = {
  inputs: readonly ShareInput[]
  plan: SharedArrayBuffer
  inResult: ReadonlyMap<number, number>
  shared: SharedArrayBuffer
}

const memory = planMemory()

/**
 * Finds the NaN and infinite elements of a written merge.
 * @throws TureenError `TUREEN_JOB_CANCELLED` after the work was stopped; also if an input cannot be read
 */
export function searchNonFinite({ inputs, plan, inResult, shared }: NonFiniteTask): {
  result: NonFinite
  bytesRead: number
} {
  const { throwIfStopped } = workControl(shared)
  return withShareInputs(inputs, files =>
    findNonFinite(planOf(plan), inResult, files, memory, 'suspects', throwIfStopped),
  )
}
