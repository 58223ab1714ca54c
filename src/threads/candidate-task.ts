import { statSync } from 'node:fs'
import { type CandidateSoup, candidatePlan } from '../merge/candidate-plan.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { findNonFinite, type NonFinite } from '../merge/non-finite.ts'
import { requireFinite } from '../merge/non-finite-report.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { planSource } from '../merge/plan-source.ts'
import { prepare } from '../merge/prepare.ts'
import { sampledWarnings } from '../merge/sampled-pairs.ts'

import type { ModelPaths } from '../storage/model-paths.ts'
import { checkedPlan, type MergeFile, type OpenInput, openInputs } from './merge-inputs.ts'
import { outputFiles } from './merge-task.ts'
import { writePlanned } from './write-planned.ts'

/** The settings of a search's soups. */
export type SearchedMerge = Omit<MergeSettings, 'base'>

/** `base`: index of the file that every soup is made from; null if each is made from its first model's file. */
export type CandidateInputs = {
  files: readonly MergeFile[]
  settings: SearchedMerge
  base: number | null
  memoryBytes: number
}

const memory = planMemory()

/** The models of the search that this thread serves. Their files stay open until the thread ends. */
let open: OpenModels | undefined

type OpenModels = {
  inputs: OpenInput[]
  settings: SearchedMerge
  planFrom(base: number): MergePlan
  base: number | null
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
export function openCandidates({ files, settings, base, memoryBytes }: CandidateInputs): MergeFindings {
  const paths = files.flatMap(({ path, data }) => [path, ...data.map(each => each.path)])
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const inputs = openInputs(files, bytes <= memoryBytes)
  const first = base ?? 0
  const { plan: firstPlan, expected } = checkedPlan(inputs, { ...settings, base: first })
  const plans = new Map([[first, firstPlan]])
  const planFrom = (from: number) => {
    const plan = plans.get(from) ?? checkedPlan(inputs, { ...settings, base: from }).plan
    plans.set(from, plan)
    return plan
  }
  open = { inputs, settings, planFrom, base }
  if (settings.onNonFinite === 'fail') requireFinite(findNonFiniteCandidates(), settings.onNonFinite)
  const { findings } = expected
  return { ...findings, warnings: [...findings.warnings, ...sampledWarnings(firstPlan, inputs, settings)] }
}

/** Finds the NaN and infinite elements of all opened models. Reads each to its end. */
export function findNonFiniteCandidates(): NonFinite {
  const { inputs, planFrom, base } = openModels()
  return findNonFinite(planFrom(base ?? 0), new Map(), inputs, memory, 'all')
}

/** Writes a soup of the opened models to new temporary files, and returns their paths. */
export function writeCandidate(soup: CandidateSoup, output: string): ModelPaths {
  const { inputs, settings, planFrom, base } = openModels()
  const plan = planFrom(base ?? soup.members[0] ?? 0)
  const { plan: prepared } = prepare(candidatePlan(plan, soup, settings), inputs)
  const [, ...data] = outputFiles(planSource(prepared, inputs, memory), output).map(file => {
    writePlanned(file.source, file.path, false)
    return file
  })
  return { path: output, data: data.map(({ location, path }) => ({ location, path })) }
}
