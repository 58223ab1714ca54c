import type { NamedModel } from '../../schemas/common.ts'
import { direction, type EvaluationRequest, type MetricRequest } from '../../schemas/evaluation.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import type { DatasetStore } from '../datasets/dataset-store.ts'
import { TureenError } from '../errors.ts'
import { type Binding, type BindingRequest, type BoundArray, bindDataset, type Guess } from '../evaluate/binding.ts'
import { requireScorable } from '../evaluate/exchanged-values.ts'
import { chooseMetric, defaultMetrics, metricNamed, requireTarget } from '../evaluate/metric-choice.ts'
import { refuseLabels } from '../evaluate/metric-fit.ts'
import { metrics as registeredMetrics } from '../evaluate/metrics/metric-registry.ts'
import type { EvaluationTask, MetricTask } from '../evaluate/protocol.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { ValueDescription } from '../onnx/skeleton.ts'
import type { ModelPaths } from '../storage/model-paths.ts'

export type Stores = { models: ModelStore; datasets: DatasetStore }

/** A scoring metric to compute. `identity`: everything about the metric that its scores depend on; part of their key. */
export type ResolvedMetric = {
  task: MetricTask
  identity: unknown
  direction: 'max' | 'min'
  /** True if it predicts the class with the highest score. Such a metric finds a class even among NaN. */
  picksClasses: boolean
  modelId?: string
}

/** A data set bound to a model. `target`: the array that the output is compared with; null for ONNX's own test data. */
export type ResolvedDataset = {
  id: string
  name: string | null
  sha256: string
  samples: number
  files: EvaluationTask['dataset']['files']
  arrays: readonly BoundArray[]
  binding: Binding
  /** Arrays that neither the request nor their names chose. */
  guesses: readonly Guess[]
  target: BoundArray | null
}

/** An evaluation request after its records are found, its defaults chosen and its settings checked. */
export type ResolvedEvaluation = {
  model: NamedModel & { bytes: number; paths: ModelPaths }
  dataset: ResolvedDataset
  metrics: ResolvedMetric[]
  limit: number | null
  inputIds: string[]
}

/**
 * Finds the records of an evaluation request, chooses its defaults and checks its settings.
 * @throws TureenError with one of `scoringErrors`
 */
export async function resolveEvaluation(request: EvaluationRequest, stores: Stores): Promise<ResolvedEvaluation> {
  const { models } = stores
  const model = await models.getComplete(request.model, 'model')
  const dataset = await resolveDataset(request.dataset, request, model, stores, 'dataset')
  const metrics: ResolvedMetric[] = []
  const names = request.metrics ?? defaultMetrics(dataset.binding, dataset, model.outputs)
  for (const [index, metric] of names.entries()) metrics.push(await resolveMetric(metric, `metrics.${index}`, models))
  refuseRepeated(metrics)
  metrics.forEach(({ task }, index) => {
    refuseLabelsOf(task, dataset, model, `metrics.${index}`)
  })
  return {
    model: { id: model.id, name: model.name, sha256: model.sha256, bytes: model.bytes, paths: models.paths(model) },
    dataset,
    metrics,
    limit: request.limit !== undefined && request.limit < dataset.samples ? request.limit : null,
    inputIds: [model.id, dataset.id, ...metrics.flatMap(({ modelId }) => modelId ?? [])],
  }
}

/**
 * Finds a data set and binds it to a model.
 * @param field the field of the request that names the data set
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_DATASET_MISMATCH`, `TUREEN_METRIC_MISMATCH`
 */
export async function resolveDataset(
  reference: string,
  request: BindingRequest,
  model: ModelRecord,
  { datasets }: Stores,
  field: string,
): Promise<ResolvedDataset> {
  const dataset = await datasets.get(reference, field)
  const { binding, samples = dataset.samples, guesses } = bindDataset(model, dataset, request)
  const { id, name, sha256, arrays } = dataset
  const target = binding.references.length > 0 ? null : requireTarget(binding, { ...dataset, guesses })
  requireScorable(model.outputs, binding)
  return { id, name, sha256, samples, arrays, files: datasets.files(dataset), binding, guesses, target }
}

/**
 * Returns the output to score as its model declares it. If the model is fed sample by sample and has no batch axis, it adds one.
 * Undefined for ONNX's own test data, which score several outputs.
 */
export function scoredOutput(
  { binding }: ResolvedDataset,
  outputs: readonly ValueDescription[],
): ValueDescription | undefined {
  const output = outputs.find(({ name }) => name === binding.output)
  const fed = binding.inputs.map(({ feeding }) => feeding)
  const isUnbatched = fed.includes('sample') && !fed.includes('batch')
  return output && isUnbatched && output.dims ? { ...output, dims: [1, ...output.dims] } : output
}

/** Refuses a metric that needs class scores if the output holds class labels. @throws TureenError `TUREEN_METRIC_MISMATCH` */
function refuseLabelsOf(task: MetricTask, dataset: ResolvedDataset, { outputs }: ModelRecord, field: string): void {
  const output = scoredOutput(dataset, outputs)
  if (task.kind !== 'registered' || !dataset.target || !output) return
  refuseLabels(metricNamed(task.metric, field), output, dataset.target, field, { outputs, parameters: task.parameters })
}

/**
 * Finds a scoring metric: one of the registry, or a model.
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_REQUEST_INVALID`
 */
export async function resolveMetric(metric: MetricRequest, field: string, models: ModelStore): Promise<ResolvedMetric> {
  if (typeof metric === 'object' && metric.model !== undefined) {
    if (registeredMetrics.has(metric.name)) throw nameTaken(metric.name, `${field}.name`)
    const record = await models.getComplete(metric.model, `${field}.model`)
    return {
      task: { kind: 'model', name: metric.name, model: models.paths(record) },
      identity: { model: record.sha256 },
      direction: direction.parse(metric.direction),
      picksClasses: false,
      modelId: record.id,
    }
  }
  const { name, ...parameters } = typeof metric === 'string' ? { name: metric } : metric
  const chosen = chooseMetric(name, parameters, field)
  return {
    task: { kind: 'registered', name, metric: name, parameters: chosen.parameters },
    identity: { metric: name, parameters: chosen.parameters },
    direction: chosen.direction,
    picksClasses: chosen.target === 'classes' || chosen.target === 'masks',
  }
}

/** Returns the stored models among scoring metrics. */
export function metricModels(metrics: readonly ResolvedMetric[]): (ModelPaths & { label: string })[] {
  return metrics.flatMap(({ task, modelId }) =>
    task.kind === 'model' ? [{ label: modelId ?? task.name, ...task.model }] : [],
  )
}

function nameTaken(name: string, field: string): TureenError {
  const message = `${name} is a scoring metric of the server; give the model another name`
  return new TureenError('TUREEN_REQUEST_INVALID', `The name of a metric model is taken: ${message}.`, [
    { field, actual: name, message },
  ])
}

function refuseRepeated(metrics: readonly ResolvedMetric[]): void {
  const names = metrics.map(({ task }) => task.name)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated === undefined) return
  const message = `${repeated} stands there twice; name each scoring metric once`
  throw new TureenError('TUREEN_REQUEST_INVALID', `The scoring metrics are not valid: ${message}.`, [
    { field: 'metrics', actual: repeated, message },
  ])
}
