import { TureenError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { ValueDescription } from '../onnx/skeleton.ts'
import { invalidFields } from '../unknown-fields.ts'
import { boundedParse } from '../validation/bounded-parse.ts'
import { toldFindings } from '../validation/told-causes.ts'
import { guessNote } from './binding/guess-notes.ts'
import type { Binding, BindingDataset, BoundArray, Guess } from './binding.ts'
import { isInteger, isText } from './element-kinds.ts'
import type { RegisteredMetric } from './metrics/metric-loaders.ts'
import { metrics } from './metrics/metric-registry.ts'
import { parameterSchema } from './metrics/parameter-schema.ts'

/** A scoring metric of the registry, with all parameters filled in. */
export type ChosenMetric = {
  name: string
  parameters: Record<string, unknown>
  direction: 'max' | 'min'
  target: RegisteredMetric['target']
}

/** Returns the scoring metric with this name. @throws TureenError `TUREEN_REQUEST_INVALID` with all names if there is none */
export function metricNamed(name: string, field: string): RegisteredMetric {
  const metric = metrics.get(name)
  if (metric) return metric
  const expected = [...metrics.keys()].join(', ')
  const near = nearest(name, [...metrics.keys()])
  const message = `there is no scoring metric ${name}${near === undefined ? '' : `; did you mean ${near}?`}`
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `Unknown scoring metric "${name}".${near === undefined ? '' : ` Did you mean ${near}?`} GET /v1/metrics lists all ${metrics.size}: ${expected}.`,
    [{ field, expected, actual: name, message }],
  )
}

/**
 * Returns a scoring metric with its parameters filled in.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for an unknown name or wrong parameters
 */
export function chooseMetric(name: string, parameters: Record<string, unknown>, field: string): ChosenMetric {
  const metric = metricNamed(name, field)
  const schema = parameterSchema(metric)
  const parsed = boundedParse(schema, parameters)
  if (parsed.success) return { name, parameters: parsed.data, direction: metric.direction, target: metric.target }
  const { errors, list } = toldFindings(parsed, issue => invalidFields([issue], field, schema, parameters))
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The parameters of the scoring metric ${name} are not valid: ${list}. GET /v1/metrics has their schema.`,
    errors,
  )
}

/** The arrays of a data set, and those that were guessed. */
type TargetChoices = Pick<BindingDataset, 'arrays' | 'unusable'> & { guesses?: readonly Guess[] }

/**
 * Returns the scoring metrics for a request that names none: accuracy for class indices and labels, meanIoU for masks, mse for numbers in
 * the shape of the output. For ONNX's test data it returns allClose with ONNX's tolerances, and maxAbsDifference.
 *
 * @throws TureenError `TUREEN_DATASET_MISMATCH` if there is no target, or if several metrics are possible
 */
export function defaultMetrics(
  binding: Binding,
  dataset: TargetChoices,
  outputs: readonly ValueDescription[],
): string[] {
  if (binding.references.length > 0) return ['allClose', 'maxAbsDifference']
  const target = requireTarget(binding, dataset)
  const output = outputs.find(({ name }) => name === binding.output)
  const dims = output?.dims
  if (isText(target.dtype) || isText(output?.dtype ?? '')) return ['accuracy']
  if (isInteger(target.dtype)) return [dims?.length === 4 && target.dims.length >= 3 ? 'meanIoU' : 'accuracy']
  const mayBeLabels = isInteger(output?.dtype ?? '')
  if (!mayBeLabels && (!dims || dims.length === target.dims.length)) return ['mse']
  const shape = `${mayBeLabels ? `${output?.dtype} ` : ''}[${dims?.map(dim => dim ?? '?').join(', ') ?? ''}]`
  const message = `the target ${target.name} is ${target.dtype} [${target.dims.join(', ')}], the output ${shape}: name the metric`
  throw new TureenError('TUREEN_DATASET_MISMATCH', `The evaluation has more than one reading: ${message}.`, [
    { field: 'metrics', tensor: target.name, message },
  ])
}

/**
 * Returns the array that the output is compared with.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` with the choices if there is none, with arrays that cannot be used and with guesses
 */
export function requireTarget(binding: Binding, { arrays, unusable = [], guesses = [] }: TargetChoices): BoundArray {
  const target = arrays.find(({ name }) => name === binding.target)
  if (target) return target
  const free = arrays.filter(({ name, dims }) => dims.length > 0 && !binding.inputs.some(({ array }) => array === name))
  const expected = free.map(({ name }) => name).join(', ')
  const found =
    free.length > 1
      ? `several arrays could be the target; name one as target: ${expected}`
      : free.length === 1
        ? `the name of the array ${expected} does not say that it is one; name it as target if it is`
        : 'outputs are compared with a target, and every array of the data set is an input'
  const unused = unusable.map(({ reason }) => reason.replace(/\.$/, '')).join('; ')
  const message = unused ? `${found}. Arrays that cannot be used: ${unused}` : found
  // A guess may have fed the target to an input that has no array.
  const fed = guesses.map(({ field, array }) => ({ field, tensor: array, message: guessNote({ field, array }) }))
  const told = [message, ...fed.map(each => each.message)].join('. Also: ')
  throw new TureenError('TUREEN_DATASET_MISMATCH', `The data set has no target: ${told}.`, [
    { field: 'target', ...(expected ? { expected } : {}), message },
    ...fed,
  ])
}
