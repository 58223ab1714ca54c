import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { LeftBatchNorm } from '../onnx/graph/batch-norms.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { Binding } from './binding.ts'
import type { DatasetFile } from './datasets/dataset.ts'
import type { ClassResult } from './metrics/metric.ts'
import type { Mistakes } from './mistakes.ts'

/*
 * The messages between the server and an evaluator, which travel in frames. All paths come from the server, never from a model.
 */

/** A scoring metric to compute: one of the registry, or a model. `name`: its name in the result. */
export type MetricTask =
  | { kind: 'registered'; name: string; metric: string; parameters: Record<string, unknown> }
  | { kind: 'model'; name: string; model: ModelPaths }

/** A data set to open. An evaluator finds one that it has already opened by the paths of its files. */
export type DatasetTask = { files: readonly DatasetFile[] }

/** The data to measure running statistics of batch norms on. `limit`: number of samples from the first; null: all. */
export type CalibrationTask = { dataset: DatasetTask; binding: Binding; limit: number | null }

/**
 * The models of a search, from which an evaluator makes soups. `inputs`: in the order of the plans. `plans`: paths of the serialized plans of
 * all models, by the place of the base in `inputs`. `calibration`: the data to measure the batch norms of a recalibrated soup on.
 */
export type SoupSource = {
  inputs: readonly ModelPaths[]
  plans: ReadonlyMap<number, string>
  settings: MergeSettings
  calibration: CalibrationTask | null
}

/** A soup that the evaluator makes in its own memory. `base`: place of its base in the source, which has a plan for it. */
export type SoupToMake = { soup: CandidateSoup; base: number; recalibrated: boolean }

/** A model to run: by its files, or a soup of the models of the task. */
export type RunnableModel = ModelPaths | SoupToMake

/** A model whose batch norms the evaluator measures, without changing its files. */
export type MeasurementTask = { model: ModelPaths; calibration: CalibrationTask }

/** The change of the statistics of one batch norm. */
export type MeasuredLayer = {
  node: string
  channels: number
  /** Root mean square, over channels, of (new mean - old mean) in new standard deviations; null if no standard deviation is above 0. */
  meanShift: number | null
  /** Sum of the new variances divided by the sum of the old ones; null if the old sum is 0. */
  varianceRatio: number | null
}

export type Measurement = {
  samples: number
  /** Number of runs of all samples through (a part of) the model. */
  passes: number
  layers: MeasuredLayer[]
  left: LeftBatchNorm[]
  values: TensorValues
}

/** The part of an evaluation that does not depend on the model. */
export type ScoringTask = {
  dataset: DatasetTask
  binding: Binding
  limit: number | null
  threads: number
  /** Number of elements of the target array. It bounds the number of classes in a result. */
  targets: number
}

export type EvaluationTask = ScoringTask & { model: ModelPaths; metrics: MetricTask[] }

/** The part of a task that all models which are scored by one scoring metric on one data set have in common. */
export type MetricScoring = ScoringTask & { metric: MetricTask }

/** Models of a search to score by one scoring metric. */
export type SearchedScoring = MetricScoring & { models: readonly RunnableModel[]; soups: SoupSource }

/**
 * A range of the candidates of a search: the unit of work that evaluators, and later machines, share. The evaluator scores the models in
 * order, and may end after any of them when its time is over, so that the others can go elsewhere. Equal models that follow each other, by several
 * terms, are made and opened once.
 */
export type CandidateRange = {
  models: readonly RunnableModel[]
  soups: SoupSource
  terms: readonly MetricScoring[]
  /** The place of each model's term in `terms`. */
  termOf: readonly number[]
  /** Milliseconds after which no further candidate is begun. */
  milliseconds: number
  /** Most bytes of samples that stay ready to run for further candidates and ranges. */
  readyBytes: number
  /** All data sets on which the search scores, which stay open for further ranges. */
  datasets: readonly DatasetTask[]
}

/** Asks for the gain of a over b in each resample, minus that of another model. `single`: its index in `models`. */
export type GainTask = { single: number; seed: number }

/**
 * Scores several models by one scoring metric, and compares two of them. `compared`: their indices in `models`. `gains`: for the objective of
 * several terms; null without one.
 */
export type ComparisonTask = SearchedScoring & {
  compared: [a: number, b: number]
  bootstrap: { seed: number; replicates: number; confidence: number }
  gains: GainTask | null
}

/** Two models of a search, of which exactly one gets some samples right. `models`: the winner, then the best single model. */
export type MistakesTask = SearchedScoring & { most: number }

export type ComparisonOutcome = {
  /** The score of each model, in order. */
  metrics: MetricOutcome[]
  /** Number of NaN among the scored outputs of each model, in order. */
  notANumber: number[]
  samples: number
  /** Interval of the score of a minus the score of b; null if the metric cannot be resampled, or is not defined for most resamples. */
  interval: [number, number] | null
  /** Number of resamples without a difference, which the interval leaves out. */
  leftOut: number
  /** Gain of a minus gain of the single model in each resample; NaN where it is not defined. Null if not asked for, or if there are no resamples. */
  gains: number[] | null
}

/** `ignored`: number of targets (samples, positions or pixels) that did not count. */
export type MetricOutcome = { name: string; value: number; perClass?: ClassResult[]; note?: string; ignored: number }

export type EvaluationOutcome = {
  metrics: MetricOutcome[]
  samples: number
  /** Number of NaN among the scored outputs. */
  notANumber: number
  seconds: number
  /** Milliseconds of single runs of the model. */
  latency: { median: number; p95: number }
}

/** A task as it is sent: structured clone of V8, since the evaluator trusts the server. `mostBytes`: most bytes of the result. */
export type TaskMessage = Task & { mostBytes: number }

/**
 * A task of an evaluator. A new one needs a type here, its result in {@link TaskResult} and in `read-answers.ts`, and a question in
 * `evaluator-process.ts`. A task with many partial answers writes each as a `partial` frame. Its question says how many there may be, and
 * reads each; a partial answer starts the time of one evaluation again. `score` answers each candidate like an evaluation: the last with its
 * result, those before with partial answers.
 */
export type Task =
  | { type: 'evaluate'; task: EvaluationTask }
  | { type: 'score'; task: CandidateRange }
  | { type: 'compare'; task: ComparisonTask }
  | { type: 'tellMistakes'; task: MistakesTask }
  | { type: 'measure'; task: MeasurementTask }

/**
 * The result of a task. It is sent as the number of bytes of its JSON (u32, little endian), the JSON, and the bytes of `values` in order.
 * The JSON has a number that JSON cannot hold as a text: "NaN", "Infinity", "-Infinity", "-0".
 */
export type TaskResult =
  | { type: 'evaluated'; outcome: EvaluationOutcome }
  | { type: 'compared'; outcome: ComparisonOutcome }
  | { type: 'mistaken'; outcome: Mistakes }
  | { type: 'measured'; outcome: Measurement }
