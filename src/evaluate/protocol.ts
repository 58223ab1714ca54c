import type { Problem } from '../errors.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { LeftBatchNorm } from '../onnx/graph/batch-norms.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { Binding } from './binding.ts'
import type { DatasetFile } from './datasets/dataset.ts'
import type { ClassResult } from './metrics/metric.ts'

/** What passes between the server and an evaluator child. Paths are the server's own; nothing in a model names one. */

/** A metric to compute: one of the registry, or a model that is one. `name` is what the result calls it. */
export type MetricTask =
  | { kind: 'registered'; name: string; metric: string; parameters: Record<string, unknown> }
  | { kind: 'model'; name: string; model: ModelPaths }

/** `key` is the data set's digest: a child that sees it again has it in memory. */
export type DatasetTask = { key: string; files: DatasetFile[] }

/** What the running statistics of a model's batch norms are measured on: the first samples of a data set, or all. */
export type CalibrationTask = { dataset: DatasetTask; binding: Binding; limit: number | null }

/** A model to run, and what its batch norms are to be measured on before it is. */
export type RunnableModel = ModelPaths & { calibration?: CalibrationTask }

/** The statistics of a model's batch norms, measured and not yet written into it. */
export type MeasurementTask = { model: ModelPaths; calibration: CalibrationTask }

/** How far the statistics of one batch norm moved. */
export type MeasuredLayer = {
  node: string
  channels: number
  /** Root mean square over channels of (new mean - old mean), in standard deviations as they are now; null if none is above 0. */
  meanShift: number | null
  /** The sum of all new variances over that of the old ones; null if that is 0. */
  varianceRatio: number | null
}

export type Measurement = {
  samples: number
  /** How often the samples were run through (a part of) the model. */
  passes: number
  layers: MeasuredLayer[]
  left: LeftBatchNorm[]
  values: TensorValues
}

export type EvaluationTask = {
  model: RunnableModel
  dataset: DatasetTask
  binding: Binding
  metrics: MetricTask[]
  limit: number | null
  threads: number
}

/** What of an evaluation does not depend on the model. */
export type ScoringTask = Omit<EvaluationTask, 'model' | 'metrics'>

/** Scores several models by one metric and compares two of them, by their places in `models`. */
export type ComparisonTask = ScoringTask & {
  models: RunnableModel[]
  metric: MetricTask
  compared: [a: number, b: number]
  bootstrap: { seed: number; replicates: number; confidence: number }
}

export type ComparisonOutcome = {
  /** Of each model, in order. */
  metrics: MetricOutcome[]
  samples: number
  /** Of the metric of a minus that of b; null where the metric cannot be resampled, or does not exist for most resamples. */
  interval: [number, number] | null
}

export type MetricOutcome = { name: string; value: number; perClass?: ClassResult[]; note?: string }

export type EvaluationOutcome = {
  metrics: MetricOutcome[]
  samples: number
  /** NaN and infinite numbers among the outputs that were scored. */
  nonFinite: number
  /** Of those the NaN ones. */
  notANumber: number
  seconds: number
  /** Of single runs of the model, in milliseconds. */
  latency: { median: number; p95: number }
}

export type ParentMessage =
  | { type: 'evaluate'; task: EvaluationTask }
  | { type: 'compare'; task: ComparisonTask }
  | { type: 'measure'; task: MeasurementTask }

export type ChildMessage =
  | { type: 'ready' }
  /** The child has the task, and looks at its model from now on: whatever ends the child is the model's doing. */
  | { type: 'taken' }
  | { type: 'progress'; done: number; total: number }
  | { type: 'evaluated'; outcome: EvaluationOutcome }
  | { type: 'compared'; outcome: ComparisonOutcome }
  | { type: 'measured'; outcome: Measurement }
  | { type: 'problem'; problem: Problem }
