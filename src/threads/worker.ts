import type { NamedModel } from '../../schemas/common.ts'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import type { ExportSummary } from '../../schemas/export.ts'
import type { SampleBootstrap } from '../evaluate/bootstrap-of-samples.ts'
import type { DatasetFile } from '../evaluate/datasets/dataset.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { MergeInputs } from '../merge/merge-inputs.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { TensorRule } from '../merge/tensor-rule.ts'
import { standBack } from '../stand-back.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { ConversionFiles } from './conversion-task.ts'
import type { ExportFiles } from './export-task.ts'
import type { NonFiniteTask } from './non-finite-task.ts'
import type { MergeFile } from './open-inputs.ts'
import type { PreparationTask, SettleTask } from './prepare-share.ts'
import type { PlannedModels, SearchFiles } from './search-task.ts'
import { movingTask, timedTask } from './timed-task.ts'
import { workControl } from './work-control.ts'
import type { ShareTask } from './write-share.ts'

standBack()

/**
 * The module of worker threads that read models, and its tasks. Each task loads its modules at the first call. So a
 * thread that only writes shares of a merge takes half the memory of a thread that loaded everything.
 */

type MergeTask = {
  inputs: MergeInputs<MergeFile>
  settings: MergeSettings
  output: string
  durable: boolean
  /** The plan that a check of this merge returned. */
  checked?: Uint8Array<ArrayBuffer> | null
  shared: SharedArrayBuffer
}
type RewriteTask = { model: ModelPaths; values: TensorValues; output: string; shared: SharedArrayBuffer }
type CheckTask = { inputs: MergeInputs<MergeFile>; settings: MergeSettings }
/** `output`: path of the new file for the plan. */
type SearchPlanTask = SearchFiles & { output: string }
type CompareTask = {
  files: MergeFile[]
  /** The models of the files, for the result. */
  named: NamedModel[]
  rules: readonly TensorRule[]
  shared: SharedArrayBuffer
}
type FindExportTask = ExportFiles & { shared: SharedArrayBuffer }
type ConvertTask = ConversionFiles & { output: string; shared: SharedArrayBuffer }
type DataTask = { path: string; location: string; bytes: number }
type LocationsTask = { path: string; sent: readonly string[] }
type TensorsTask = ModelPaths & { from: number; limit: number }
/** `label`: the model as the client names it. */
type SummaryTask = ModelPaths & { label: string; tensor: string }

export const inspect = timedTask(async (files: ModelPaths) => {
  const { inspectFiles } = await import('./inspect-task.ts')
  return inspectFiles(files)
})

export const checkData = timedTask(async ({ path, location, bytes }: DataTask) => {
  const { checkDataFile } = await import('./inspect-task.ts')
  return checkDataFile(path, location, bytes)
})

export const locations = timedTask(async ({ path, sent }: LocationsTask) => {
  const { meantLocations } = await import('./inspect-task.ts')
  return meantLocations(path, sent)
})

export const tensors = timedTask(async ({ from, limit, ...paths }: TensorsTask) => {
  const { listTensors } = await import('./inspect-task.ts')
  return listTensors(paths, from, limit)
})

export const summarize = timedTask(async ({ label, tensor, ...paths }: SummaryTask) => {
  const { summarizeTensor } = await import('./summary-task.ts')
  return summarizeTensor(paths, label, tensor)
})

export const check = movingTask(
  async ({ inputs, settings }: CheckTask) => {
    const { checkMergeFiles } = await import('./merge-task.ts')
    return checkMergeFiles(inputs, settings)
  },
  checked => (checked ? [checked.buffer] : []),
)

export const checkSearch = timedTask(async ({ inputs, settings }: SearchFiles) => {
  const { checkSearchFiles } = await import('./search-check.ts')
  return checkSearchFiles(inputs, settings)
})

export const merge = timedTask(async ({ inputs, settings, output, durable, checked, shared }: MergeTask) => {
  const { startMerge } = await import('./merge-task.ts')
  return startMerge(inputs, settings, output, durable, workControl(shared), checked)
})

export const prepare = timedTask(async (task: PreparationTask) => {
  const { prepareShare } = await import('./prepare-share.ts')
  return prepareShare(task)
})

export const settle = timedTask(async (task: SettleTask) => {
  const { settleShares } = await import('./prepare-share.ts')
  return settleShares(task)
})

export const write = timedTask(async (task: ShareTask) => {
  const { writeShare } = await import('./write-share.ts')
  return writeShare(task)
})

export const nonFinite = timedTask(async (task: NonFiniteTask) => {
  const { searchNonFinite } = await import('./non-finite-task.ts')
  return searchNonFinite(task)
})

export const rewrite = timedTask(async ({ model, values, output, shared }: RewriteTask) => {
  const { rewriteFiles } = await import('./rewrite-task.ts')
  return rewriteFiles(model, values, output, workControl(shared))
})

export const findExport = timedTask(async ({ shared, ...files }: FindExportTask) => {
  const { findExport } = await import('./export-task.ts')
  return findExport(files, workControl(shared))
})

export const describeExport = movingTask(
  async ({ summary, text }: { summary: ExportSummary; text: string }) => {
    const [{ describeExport }, { jsonBytes }] = await Promise.all([
      import('./export-record-task.ts'),
      import('./text-pieces.ts'),
    ])
    return jsonBytes(describeExport(summary, text))
  },
  pieces => pieces.map(({ buffer }) => buffer),
)

export const convert = timedTask(async ({ output, shared, ...files }: ConvertTask) => {
  const { convertFiles } = await import('./conversion-task.ts')
  return convertFiles(files, output, workControl(shared))
})

export const compare = movingTask(
  async ({ files, named, rules, shared }: CompareTask) => {
    const [{ compareFiles }, { jsonBytes }] = await Promise.all([
      import('./comparison-task.ts'),
      import('./text-pieces.ts'),
    ])
    const result: ComparisonResult = { models: named, ...compareFiles(files, rules, workControl(shared)) }
    return jsonBytes(result)
  },
  pieces => pieces.map(({ buffer }) => buffer),
)

export const planSearch = timedTask(async (search: SearchPlanTask) => {
  const { planSearch } = await import('./search-task.ts')
  return planSearch(search)
})

export const planBase = timedTask(async (search: SearchPlanTask & { base: number }) => {
  const { planBase } = await import('./search-task.ts')
  return planBase(search)
})

export const findNonFiniteModels = timedTask(async (planned: PlannedModels & { shared: SharedArrayBuffer }) => {
  const { findNonFiniteModels } = await import('./search-task.ts')
  return findNonFiniteModels(planned)
})

export const bootstrap = timedTask(async (task: SampleBootstrap) => {
  const { bootstrapOfSamples } = await import('../evaluate/bootstrap-of-samples.ts')
  return bootstrapOfSamples(task)
})

export const readYaml = timedTask(async (text: string) => {
  const { readYaml } = await import('../merge/recipe-yaml.ts')
  return readYaml(text)
})

export const dataset = timedTask(async (files: DatasetFile[]) => {
  const { describeDataset } = await import('../evaluate/datasets/describe-dataset.ts')
  return describeDataset(files)
})
