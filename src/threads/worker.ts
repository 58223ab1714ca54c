import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { TensorRule } from '../merge/tensor-rule.ts'
import { standBack } from '../stand-back.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { CandidateInputs, SearchedMerge } from './candidate-task.ts'
import type { MergeFile } from './merge-inputs.ts'
import type { NonFiniteTask } from './non-finite-task.ts'
import { outcome } from './outcome.ts'
import type { PreparationTask, SettleTask } from './prepare-share.ts'
import { workControl } from './work-control.ts'
import type { ShareTask } from './write-share.ts'

standBack()

/**
 * What worker threads run that read models, by name. Each task loads what it needs when it first comes: a thread that only writes
 * shares of a merge takes half the memory of one that has all of this.
 */

export type MergeTask = {
  files: MergeFile[]
  settings: MergeSettings
  output: string
  durable: boolean
  shared: SharedArrayBuffer
}
export type RewriteTask = { model: ModelPaths; values: TensorValues; output: string; shared: SharedArrayBuffer }
export type CheckTask = { files: MergeFile[]; settings: MergeSettings }
export type SearchCheckTask = { files: MergeFile[]; settings: SearchedMerge; base: number | null }
export type CompareTask = { files: MergeFile[]; rules: readonly TensorRule[]; shared: SharedArrayBuffer }
export type CandidateTask = { soup: CandidateSoup; output: string }
export type DataTask = { path: string; location: string; bytes: number }
export type TensorsTask = { path: string; from: number; limit: number }

export async function inspect(files: ModelPaths) {
  const { inspectFiles } = await import('./inspect-task.ts')
  return outcome(() => inspectFiles(files))
}

export async function checkData({ path, location, bytes }: DataTask) {
  const { checkDataFile } = await import('./inspect-task.ts')
  return outcome(() => checkDataFile(path, location, bytes))
}

export async function tensors({ path, from, limit }: TensorsTask) {
  const { listTensors } = await import('./inspect-task.ts')
  return outcome(() => listTensors(path, from, limit))
}

export async function check({ files, settings }: CheckTask) {
  const { checkMergeFiles } = await import('./merge-task.ts')
  return outcome(() => checkMergeFiles(files, settings))
}

export async function checkSearch({ files, settings, base }: SearchCheckTask) {
  const { checkSearchFiles } = await import('./search-check.ts')
  return outcome(() => checkSearchFiles(files, settings, base))
}

export async function merge({ files, settings, output, durable, shared }: MergeTask) {
  const { startMerge } = await import('./merge-task.ts')
  return outcome(() => startMerge(files, settings, output, durable, workControl(shared)))
}

export async function prepare(task: PreparationTask) {
  const { prepareShare } = await import('./prepare-share.ts')
  return outcome(() => prepareShare(task))
}

export async function settle(task: SettleTask) {
  const { settleShares } = await import('./prepare-share.ts')
  return outcome(() => settleShares(task))
}

export async function write(task: ShareTask) {
  const { writeShare } = await import('./write-share.ts')
  return outcome(() => writeShare(task))
}

export async function nonFinite(task: NonFiniteTask) {
  const { searchNonFinite } = await import('./non-finite-task.ts')
  return outcome(() => searchNonFinite(task))
}

export async function rewrite({ model, values, output, shared }: RewriteTask) {
  const { rewriteFiles } = await import('./rewrite-task.ts')
  return outcome(() => rewriteFiles(model, values, output, workControl(shared)))
}

export async function compare({ files, rules, shared }: CompareTask) {
  const { compareFiles } = await import('./comparison-task.ts')
  return outcome(() => compareFiles(files, rules, workControl(shared)))
}

export async function openSearch(inputs: CandidateInputs) {
  const { openCandidates } = await import('./candidate-task.ts')
  return outcome(() => openCandidates(inputs))
}

export async function candidatesNonFinite() {
  const { findNonFiniteCandidates } = await import('./candidate-task.ts')
  return outcome(() => findNonFiniteCandidates())
}

export async function candidate({ soup, output }: CandidateTask) {
  const { writeCandidate } = await import('./candidate-task.ts')
  return outcome(() => writeCandidate(soup, output))
}

export async function yaml({ text }: { text: string }) {
  const { readYaml } = await import('../merge/recipe-yaml.ts')
  return outcome(() => readYaml(text))
}

export async function dataset({ files }: { files: DatasetFile[] }) {
  const { describeDataset } = await import('../evaluate/datasets/describe-dataset.ts')
  return outcome(() => describeDataset(files))
}
