import type { DatasetDescription, DatasetFile } from '../evaluate/datasets/dataset.ts'
import { describeDataset } from '../evaluate/datasets/describe-dataset.ts'
import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { readYaml } from '../merge/recipe-yaml.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { type CandidateInputs, openCandidates, writeCandidate } from './candidate-task.ts'
import { compareFiles } from './comparison-task.ts'
import { checkDataFile, inspectFiles, listTensors } from './inspect-task.ts'
import type { MergeFile } from './merge-inputs.ts'
import { checkMergeFiles, startMerge } from './merge-task.ts'
import { type Outcome, outcome, refusal } from './outcome.ts'
import {
  type PreparationReport,
  type PreparationTask,
  prepareShare,
  type SettledPlan,
  type SettleTask,
  settleShares,
} from './prepare-share.ts'
import { rewriteFiles } from './rewrite-task.ts'
import { workControl } from './work-control.ts'
import { type ShareReport, type ShareTask, writeShare } from './write-share.ts'

/** What worker threads run that read models, by name. */

export type MergeTask = {
  files: MergeFile[]
  settings: MergeSettings
  output: string
  durable: boolean
  shared: SharedArrayBuffer
}
export type RewriteTask = { model: ModelPaths; values: TensorValues; output: string; shared: SharedArrayBuffer }
export type CheckTask = { files: MergeFile[]; settings: MergeSettings }
export type CompareTask = { files: MergeFile[]; shared: SharedArrayBuffer }
export type CandidateTask = { soup: CandidateSoup; output: string }
export type DataTask = { path: string; location: string; bytes: number }
export type TensorsTask = { path: string; from: number; limit: number }

export function inspect(files: ModelPaths) {
  return outcome(() => inspectFiles(files))
}

export function checkData({ path, location, bytes }: DataTask) {
  return outcome(() => checkDataFile(path, location, bytes))
}

export function tensors({ path, from, limit }: TensorsTask) {
  return outcome(() => listTensors(path, from, limit))
}

export function check({ files, settings }: CheckTask) {
  return outcome(() => checkMergeFiles(files, settings))
}

export function merge({ files, settings, output, durable, shared }: MergeTask) {
  return outcome(() => startMerge(files, settings, output, durable, workControl(shared)))
}

export function prepare(task: PreparationTask): Outcome<PreparationReport> {
  return outcome(() => prepareShare(task))
}

export function settle(task: SettleTask): Outcome<SettledPlan> {
  return outcome(() => settleShares(task))
}

export function write(task: ShareTask): Outcome<ShareReport> {
  return outcome(() => writeShare(task))
}

export function rewrite({ model, values, output, shared }: RewriteTask) {
  return outcome(() => rewriteFiles(model, values, output, workControl(shared)))
}

export function compare({ files, shared }: CompareTask) {
  return outcome(() => compareFiles(files, workControl(shared)))
}

export function openSearch(inputs: CandidateInputs) {
  return outcome(() => openCandidates(inputs))
}

export function candidate({ soup, output }: CandidateTask) {
  return outcome(() => writeCandidate(soup, output))
}

export function yaml({ text }: { text: string }) {
  return outcome(() => readYaml(text))
}

export async function dataset({ files }: { files: DatasetFile[] }): Promise<Outcome<DatasetDescription>> {
  try {
    return { ok: true, value: await describeDataset(files) }
  } catch (error) {
    return refusal(error)
  }
}
