import { type CountedPlan, countedPlan } from '../merge/counted-plan.ts'
import type { Preparation } from '../merge/methods/method.ts'
import { pendingTensors, prepareTensor, settlePlan } from '../merge/prepare.ts'
import { rangeLedger } from './output-ranges.ts'
import { planOf, type ShareInput, sharedPlan, withShareInputs } from './share-inputs.ts'
import { workControl } from './work-control.ts'

/** `plan`: a serialized MergePlan. `ledger`: that of as many ranges as tensors are to be prepared. */
export type PreparationTask = {
  inputs: readonly ShareInput[]
  plan: SharedArrayBuffer
  ledger: SharedArrayBuffer
  shared: SharedArrayBuffer
}

/** What one thread has found out, by the places of the tensors in the plan. */
export type PreparationReport = { prepared: [number, Preparation][]; bytesRead: number }

export type SettleTask = { plan: SharedArrayBuffer; prepared: readonly [number, Preparation][] }
export type SettledPlan = { plan: SharedArrayBuffer; counted: CountedPlan }

/**
 * Prepares tensors of a plan until nobody has to prepare any more.
 * @throws TureenError `TUREEN_JOB_CANCELLED` once the work is stopped, or as reading the inputs does
 */
export function prepareShare({ inputs, plan: serialized, ledger, shared }: PreparationTask): PreparationReport {
  const plan = planOf(serialized)
  // The largest first: whatever is left at the end is small, and threads end together.
  const pending = pendingTensors(plan).sort((a, b) => b.bytes - a.bytes)
  const { claim } = rangeLedger(pending.length, ledger)
  const control = workControl(shared)
  const { result: prepared, bytesRead } = withShareInputs(inputs, files => {
    const own: [number, Preparation][] = []
    for (let index = claim(); index !== undefined; index = claim()) {
      const tensor = pending[index]
      if (!tensor) throw new RangeError(`there is no tensor ${index}`)
      own.push([tensor.place, prepareTensor(plan, tensor, files, control.throwIfStopped)])
      control.advance(tensor.bytes)
    }
    return own
  })
  return { prepared, bytesRead }
}

/** Puts together what threads have found out. */
export function settleShares({ plan: serialized, prepared }: SettleTask): SettledPlan {
  const { plan, facts } = settlePlan(planOf(serialized), new Map(prepared))
  return { plan: sharedPlan(plan), counted: countedPlan(plan, facts) }
}
