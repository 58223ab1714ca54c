import type { TensorSummary } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { decodedElements } from '../onnx/decoded-elements.ts'
import { elementSource } from '../onnx/elements.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { describeTensor } from '../onnx/skeleton.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { summarizeElements } from '../tensor/tensor-summary.ts'
import { withLayout } from './with-layout.ts'

/** Most places of tensors of one name that an error lists. */
const mostPlaces = 5

/**
 * Summarizes one tensor of a model or a checkpoint.
 *
 * @param label the model as the client names it
 * @param asked the name of the tensor, or its place
 * @throws TureenError `TUREEN_NOT_FOUND` without such a tensor; `TUREEN_REQUEST_INVALID` if several have the name, or if its elements are no numbers;
 *   `TUREEN_MODEL_INCOMPLETE` if its data file is missing
 */
export function summarizeTensor(paths: ModelPaths, label: string, asked: string): TensorSummary {
  return withLayout(paths, (layout, { source, data }) => {
    const tensor = tensorOf(layout, label, asked)
    const { name, dtype, dims, where } = describeTensor(tensor)
    const read = decodedElements(tensor, elementSource(tensor, source, data))
    if (!read) throw noNumbers(label, asked, dtype)
    return { name, dtype, dims, where, ...summarizeElements(read) }
  })
}

function tensorOf({ tensors }: Layout, label: string, asked: string): TensorEntry {
  const named = tensors.filter(({ name }) => name === asked)
  const [only] = named
  if (only && named.length === 1) return only
  const placed = tensors.find(({ path }) => path === asked)
  if (placed) return placed
  if (only) throw sharedName(label, asked, named)
  const near = nearest(
    asked,
    tensors.map(({ name }) => name).filter(name => name !== ''),
  )
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  const message = 'the model has no tensor with this name or place'
  throw new TureenError(
    'TUREEN_NOT_FOUND',
    `The model ${label} has no tensor ${asked}.${hint} GET /v1/models/{id}/tensors lists all tensors.`,
    [{ field: 'tensor', model: label, tensor: asked, ...(near === undefined ? {} : { expected: near }), message }],
  )
}

function sharedName(label: string, asked: string, named: readonly TensorEntry[]): TureenError {
  const places = named.slice(0, mostPlaces).map(({ path }) => path)
  const expected = `${places.join(', ')}${named.length > mostPlaces ? ' or another place' : ''}`
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The model ${label} has ${named.length} tensors named ${asked}. Give the place of one: ${expected}.`,
    [{ field: 'tensor', model: label, tensor: asked, expected, message: `is the name of ${named.length} tensors` }],
  )
}

function noNumbers(label: string, asked: string, dtype: string): TureenError {
  const expected = 'a float type that soups average, an integer type of 8 to 64 bits, or bool'
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `The tensor ${asked} of the model ${label} has the type ${dtype}, which has no summary. Ask for a tensor of ${expected}.`,
    [{ field: 'tensor', model: label, tensor: asked, expected, actual: dtype, message: 'has a type without summary' }],
  )
}
