import { z } from 'zod'
import { TureenError } from '../errors.ts'
import type { ValueDescription } from '../onnx/skeleton.ts'
import type { Binding, BoundArray } from './binding.ts'
import { metrics, type RegisteredMetric } from './metrics/registry.ts'

/** A metric of the registry with its parameters complete. */
export type ChosenMetric = { name: string; parameters: Record<string, unknown> }

const parametersSchema = z.record(z.string(), z.unknown())

/** @throws TureenError `TUREEN_REQUEST_INVALID` with the names there are, if there is no such metric */
export function metricNamed(name: string, field: string): RegisteredMetric {
  const metric = metrics.get(name)
  if (metric) return metric
  const message = `there is no metric ${name}; there are: ${[...metrics.keys()].join(', ')}`
  throw new TureenError('TUREEN_REQUEST_INVALID', `The evaluation names what is not there: ${message}.`, [
    { field, message },
  ])
}

/** @throws TureenError `TUREEN_REQUEST_INVALID` if there is no such metric, or it has no such parameters */
export function chooseMetric(name: string, parameters: Record<string, unknown>, field: string): ChosenMetric {
  const metric = metricNamed(name, field)
  const parsed = metric.parameters.safeParse(parameters)
  if (parsed.success) return { name, parameters: parametersSchema.parse(parsed.data) }
  const errors = parsed.error.issues.map(({ path, message }) => ({ field: [field, ...path].join('.'), message }))
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The metric ${name} does not have these parameters: ${errors.map(each => each.message).join('; ')}.`,
    errors,
  )
}

/**
 * What a model is scored by when the request does not say: accuracy for class indices, meanIoU for masks, mse for numbers, and
 * ONNX's own tolerances for its test data.
 */
export function defaultMetrics(
  binding: Binding,
  arrays: readonly BoundArray[],
  outputs: readonly ValueDescription[],
): string[] {
  if (binding.references.length > 0) return ['allClose', 'maxAbsDifference']
  const target = arrays.find(({ name }) => name === binding.target)
  if (!target) {
    const free = arrays.filter(
      ({ name, dims }) => dims.length > 0 && !binding.inputs.some(({ array }) => array === name),
    )
    const choices = free.length > 0 ? `one of ${free.map(({ name }) => name).join(', ')}` : 'an array of the data set'
    const message = `outputs are compared with a target: name ${choices} as target`
    throw new TureenError('TUREEN_DATASET_MISMATCH', `The evaluation has more than one reading: ${message}.`, [
      { field: 'target', message },
    ])
  }
  if (!/^(u?int|bool)/.test(target.dtype)) return ['mse']
  const output = outputs.find(({ name }) => name === binding.output)
  return [output?.dims?.length === 4 && target.dims.length >= 3 ? 'meanIoU' : 'accuracy']
}
