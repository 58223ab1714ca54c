import { type CountedPlan, countedPlan } from '../merge/counted-plan.ts'
import type { Preparation } from '../merge/methods/method.ts'
import { pendingTensors, prepareTensor, settlePlan } from '../merge/prepare.ts'
import { rangeLedger } from './output-ranges.ts'
import { planOf, type ShareInput, sharedPlan, withShareInputs } from './share-inputs.ts'
import { workControl } from './work-control.ts'

/** `plan`: a serialized MergePlan. `ledger`: has a range for each tensor to prepare. */
export type PreparationTask = {
  inputs: readonly ShareInput[]
  plan: SharedArrayBuffer
  ledger: SharedArrayBuffer
  shared: SharedArrayBuffer
}

/** The preparations of one thread, by the tensors' indices in the plan. */
export type PreparationReport = { prepared: [number, Preparation][]; bytesRead: number }

export type SettleTask = { plan: SharedArrayBuffer; prepared: readonly [number, Preparation][] }
export type SettledPlan = { plan: SharedArrayBuffer; counted: CountedPlan }

/**
 * Prepares tensors of a plan until none is left.
 * @throws TureenError `TUREEN_JOB_CANCELLED` after the work was stopped; also if an input cannot be read
 */
export function prepareShare({ inputs, plan: serialized, ledger, shared }: PreparationTask): PreparationReport {
  const plan = planOf(serialized)
  // The largest first, so that small tensors are left at the end and threads end together.
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

/** Puts the preparations of all threads into the plan. */
export function settleShares({ plan: serialized, prepared }: SettleTask): SettledPlan {
  const { plan, facts } = settlePlan(planOf(serialized), new Map(prepared))
  return { plan: sharedPlan(plan), counted: countedPlan(plan, facts) }
}
