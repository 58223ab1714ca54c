import { statSync } from 'node:fs'
import { type CandidateSoup, candidatePlan } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs, mergeInputs, type SearchInputs } from '../merge/merge-inputs.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { findNonFinite, type NonFinite } from '../merge/non-finite.ts'
import { requireFinite } from '../merge/non-finite-report.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { planSource } from '../merge/plan-source.ts'
import { prepare } from '../merge/prepare.ts'
import { sampledWarnings } from '../merge/sampled-pairs.ts'

import type { ModelPaths } from '../storage/model-paths.ts'
import { checkedPlan } from './checked-plan.ts'
import { outputFiles } from './merge-task.ts'
import { type MergeFile, type OpenInput, openMerge } from './open-inputs.ts'
import { writePlanned } from './write-planned.ts'

/** `memoryBytes`: models that together take at most this are held in memory. */
export type CandidateInputs = { inputs: SearchInputs<MergeFile>; settings: MergeSettings; memoryBytes: number }

const memory = planMemory()

/** The models of the search that this thread serves. Their files stay open until the thread ends. */
let open: OpenModels | undefined

type OpenModels = {
  /** The inputs of a merge of all models. */
  inputs: MergeInputs<OpenInput>
  settings: MergeSettings
  /**
   * Returns the plan of a merge of all models, made from the file that the soup is made from; without a soup, from the
   * first model's file.
   */
  planFor(soup?: CandidateSoup): MergePlan
}

function openModels(): OpenModels {
  if (!open) throw new Error('no models are open in this thread')
  return open
}

/**
 * Opens a search's models once: compares them, plans their merge, and holds them in memory if together they have at
 * most `memoryBytes`. Larger models are read again for every candidate.
 *
 * @returns findings about the merge of all models
 * @throws TureenError as {@link checkedPlan} does
 */
export function openCandidates({ inputs: files, settings, memoryBytes }: CandidateInputs): MergeFindings {
  const paths = filesOf(files).flatMap(({ path, data }) => [path, ...data.map(each => each.path)])
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const inputs = openMerge(mergeInputs(files.models, files.base, files.companions), bytes <= memoryBytes)
  const { plan: firstPlan, expected, network } = checkedPlan(inputs, settings)
  const plans = new Map([[inputs.base.sha256, firstPlan]])
  const planFor = (soup?: CandidateSoup) => {
    const own = files.base === null && soup ? inputs.models[soup.members[0] ?? 0] : undefined
    const base = own ?? inputs.base
    const plan = plans.get(base.sha256) ?? checkedPlan({ ...inputs, base }, settings).plan
    plans.set(base.sha256, plan)
    return plan
  }
  open = { inputs, settings, planFor }
  if (settings.onNonFinite === 'fail') requireFinite(findNonFiniteCandidates(), settings.onNonFinite)
  const { findings } = expected
  const sampled = sampledWarnings(firstPlan, filesOf(inputs), settings, network)
  return { ...findings, warnings: [...findings.warnings, ...sampled] }
}

/** Finds the NaN and infinite elements of all opened models. Reads each to its end. */
export function findNonFiniteCandidates(): NonFinite {
  const { inputs, planFor } = openModels()
  return findNonFinite(planFor(), new Map(), filesOf(inputs), memory, 'all')
}

/** Writes a soup of the opened models to new temporary files, and returns their paths. */
export function writeCandidate(soup: CandidateSoup, output: string): ModelPaths {
  const { inputs, settings, planFor } = openModels()
  const files = filesOf(inputs)
  const { plan } = prepare(candidatePlan(planFor(soup), soup, settings), files)
  const [, ...data] = outputFiles(planSource(plan, files, memory), output).map(file => {
    writePlanned(file.source, file.path, false)
    return file
  })
  return { path: output, data: data.map(({ location, path }) => ({ location, path })) }
}
