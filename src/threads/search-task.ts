import { readPlan, writePlan } from '../evaluate/plan-file.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { filesOf, mergeInputs, type SearchInputs } from '../merge/merge-inputs.ts'
import { findNonFinite, type NonFinite } from '../merge/non-finite.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { sampledWarnings } from '../merge/sampled-pairs.ts'
import { checkedPlan } from './checked-plan.ts'
import { type MergeFile, withOpenMerge } from './open-inputs.ts'
import { type ShareInput, withShareInputs } from './share-inputs.ts'
import { workControl } from './work-control.ts'

/** The models of a search, and the settings of its soups. */
export type SearchFiles = { inputs: SearchInputs<MergeFile>; settings: MergeSettings }

/** The models of a search, in the order of a plan. `plan`: path of its file. */
export type PlannedModels = { inputs: readonly ShareInput[]; plan: string }

/**
 * Compares the models of a search, and plans the merge of all of them. Writes the plan to a new file at `output`, for evaluators.
 * @returns findings about the merge of all models
 * @throws TureenError as {@link checkedPlan} does
 */
export function planSearch({ inputs: files, settings, output }: SearchFiles & { output: string }): MergeFindings {
  const { models, base, companions } = files
  return withOpenMerge(mergeInputs(models, base, companions), inputs => {
    const { plan, expected, network } = checkedPlan(inputs, settings)
    writePlan(plan, output)
    const { findings } = expected
    const sampled = sampledWarnings(plan, filesOf(inputs), settings, network)
    return { ...findings, warnings: [...findings.warnings, ...sampled] }
  })
}

/** Plans the merge of all models of a search again, made from the file of one of them. `base`: its place among the models. */
export function planBase({
  inputs: files,
  settings,
  base,
  output,
}: SearchFiles & { base: number; output: string }): void {
  const { models, companions } = files
  withOpenMerge(mergeInputs(models, null, companions), inputs => {
    const own = inputs.models[base]
    if (!own) throw new RangeError(`the search has no model ${base}`)
    writePlan(checkedPlan({ ...inputs, base: own }, settings).plan, output)
  })
}

/**
 * Finds the NaN and infinite elements of all models of a search. Reads each to its end.
 * @throws TureenError `TUREEN_JOB_CANCELLED` after the work was stopped
 */
export function findNonFiniteModels({
  inputs,
  plan,
  shared,
}: PlannedModels & { shared: SharedArrayBuffer }): NonFinite {
  const { throwIfStopped } = workControl(shared)
  const { result } = withShareInputs(inputs, files =>
    findNonFinite(readPlan(plan), new Map(), files, planMemory(), 'all', throwIfStopped),
  )
  return result
}
