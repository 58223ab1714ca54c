import { type Problem, TureenError } from '../errors.ts'
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
import { mergeControl } from './merge-control.ts'
import type { MergeFile } from './merge-inputs.ts'
import { checkMergeFiles, mergeFiles } from './merge-task.ts'
import { rewriteFiles } from './rewrite-task.ts'

/**
 * What worker threads run, by name. A refusal is a result: errors of the catalogue would lose their class on the way.
 */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; problem: Problem }

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
  const control = mergeControl(shared)
  return outcome(() => mergeFiles(files, settings, output, durable, control.report))
}

export function rewrite({ model, values, output, shared }: RewriteTask) {
  const control = mergeControl(shared)
  return outcome(() => rewriteFiles(model, values, output, control.report))
}

export function compare({ files, shared }: CompareTask) {
  const control = mergeControl(shared)
  return outcome(() => compareFiles(files, control.report))
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

function outcome<Value>(task: () => Value): Outcome<Value> {
  try {
    return { ok: true, value: task() }
  } catch (error) {
    return refusal(error)
  }
}

function refusal(error: unknown): { ok: false; problem: Problem } {
  if (error instanceof TureenError) return { ok: false, problem: error.toProblem() }
  throw error
}
