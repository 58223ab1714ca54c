import type { ValueDescription } from '../../onnx/skeleton.ts'
import { describe, mismatch } from './binding-refusals.ts'
import type { BindingModel, BindingRequest, BoundArray, BoundInput, Feeding } from './binding-types.ts'

const defaultBatchSize = 64

/** Binds an array to an input. @throws TureenError `TUREEN_DATASET_MISMATCH` if it cannot be fed to it */
export function bindInput(input: ValueDescription, array: BoundArray): BoundInput {
  const feeding = feedingOf(input, array)
  if (feeding) return { input: input.name, dtype: input.dtype, array: array.name, feeding }
  const message = `the input takes ${describe(input)}, the array ${array.name} is ${describe(array)}`
  throw mismatch([
    { field: `inputs.${input.name}`, tensor: array.name, expected: describe(input), actual: describe(array), message },
  ])
}

/** Returns the way to feed an array to an input; undefined if type or dims do not fit. */
export function feedingOf(input: ValueDescription, array: BoundArray): Feeding | undefined {
  if ((input.dtype === 'string') !== (array.dtype === 'string')) return undefined
  if (input.dims === null) return array.dims.length === 0 ? 'whole' : 'batch'
  if (array.dims.length === 0) return input.dims.length === 0 ? 'whole' : undefined
  const fits = (dims: ValueDescription['dims'], sizes: readonly number[]) =>
    dims !== null &&
    dims.length === sizes.length &&
    dims.every((dim, axis) => typeof dim !== 'number' || dim === sizes[axis])
  if (fits(input.dims.slice(1), array.dims.slice(1)) && input.dims.length > 0) return 'batch'
  return fits(input.dims, array.dims.slice(1)) ? 'sample' : undefined
}

/**
 * Returns the number of samples in one run. `fixed`: true if the model takes no other number.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` if the model takes another number than the request asks for
 */
export function batching(
  { inputs: values }: BindingModel,
  inputs: readonly BoundInput[],
  request: BindingRequest,
): { batchSize: number; fixed: boolean } {
  if (inputs.some(({ feeding }) => feeding === 'sample')) return { batchSize: 1, fixed: true }
  const batched = inputs.filter(({ feeding }) => feeding === 'batch')
  const sizes = new Set(
    batched
      .map(({ input }) => values.find(({ name }) => name === input)?.dims?.[0])
      .filter(dim => typeof dim === 'number'),
  )
  const [size, other] = sizes
  if (size === undefined) return { batchSize: request.batchSize ?? defaultBatchSize, fixed: false }
  if (other !== undefined)
    throw mismatch([
      {
        field: 'inputs',
        actual: [...sizes].join(', '),
        message: `the inputs have different fixed batch sizes: ${[...sizes].join(', ')}`,
      },
    ])
  if (request.batchSize !== undefined && request.batchSize !== size) {
    throw mismatch([
      {
        field: 'batchSize',
        expected: `${size}`,
        actual: `${request.batchSize}`,
        message: `the model takes ${size} samples at a time, no other number`,
      },
    ])
  }
  return { batchSize: size, fixed: true }
}
