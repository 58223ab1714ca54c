import type { Problem } from '../errors.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { Binding } from './binding.ts'
import type { DatasetFile } from './datasets/dataset.ts'
import type { ClassResult } from './metrics/metric.ts'

/** What passes between the server and an evaluator child. Paths are the server's own; nothing in a model names one. */

/** A metric to compute: one of the registry, or a model that is one. `name` is what the result calls it. */
export type MetricTask =
  | { kind: 'registered'; name: string; metric: string; parameters: Record<string, unknown> }
  | { kind: 'model'; name: string; model: ModelPaths }

export type EvaluationTask = {
  model: ModelPaths
  /** `key` is the data set's digest: a child that sees it again has it in memory. */
  dataset: { key: string; files: DatasetFile[] }
  binding: Binding
  metrics: MetricTask[]
  limit: number | null
  threads: number
}

/** What of an evaluation does not depend on the model. */
export type ScoringTask = Omit<EvaluationTask, 'model' | 'metrics'>

/** Scores several models by one metric and compares two of them, by their places in `models`. */
export type ComparisonTask = ScoringTask & {
  models: ModelPaths[]
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

export type ParentMessage = { type: 'evaluate'; task: EvaluationTask } | { type: 'compare'; task: ComparisonTask }

export type ChildMessage =
  | { type: 'ready' }
  | { type: 'progress'; done: number; total: number }
  | { type: 'evaluated'; outcome: EvaluationOutcome }
  | { type: 'compared'; outcome: ComparisonOutcome }
  | { type: 'problem'; problem: Problem }
