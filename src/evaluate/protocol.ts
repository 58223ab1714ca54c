import type { Problem } from '../errors.ts'
import type { Binding } from './binding.ts'
import type { DatasetFile } from './datasets/dataset.ts'
import type { ClassResult } from './metrics/metric.ts'

/** What passes between the server and an evaluator child. Paths are the server's own; nothing in a model names one. */

/** A metric to compute: one of the registry, or a model that is one. `name` is what the result calls it. */
export type MetricTask =
  | { kind: 'registered'; name: string; metric: string; parameters: Record<string, unknown> }
  | { kind: 'model'; name: string; path: string }

export type EvaluationTask = {
  modelPath: string
  /** `key` is the data set's digest: a child that sees it again has it in memory. */
  dataset: { key: string; files: DatasetFile[] }
  binding: Binding
  metrics: MetricTask[]
  limit: number | null
  threads: number
}

export type MetricOutcome = { name: string; value: number; perClass?: ClassResult[]; note?: string }

export type EvaluationOutcome = {
  metrics: MetricOutcome[]
  samples: number
  /** NaN and infinite numbers among the outputs that were scored. */
  nonFinite: number
  seconds: number
  /** Of single runs of the model, in milliseconds. */
  latency: { median: number; p95: number }
}

export type ParentMessage = { type: 'evaluate'; task: EvaluationTask }

export type ChildMessage =
  | { type: 'ready' }
  | { type: 'progress'; done: number; total: number }
  | { type: 'result'; outcome: EvaluationOutcome }
  | { type: 'problem'; problem: Problem }
