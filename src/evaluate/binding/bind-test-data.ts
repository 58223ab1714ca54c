import type { ValueDescription } from '../../onnx/skeleton.ts'
import { dtypeKind } from '../element-kinds.ts'
import { choose, describe, mismatch, namesOf } from './binding-refusals.ts'
import type {
  BindingDataset,
  BindingModel,
  BindingRequest,
  BoundArray,
  BoundDataset,
  BoundInput,
} from './binding-types.ts'

/**
 * Binds ONNX's test data: the arrays input_N and output_N, to inputs and outputs with the tensor's name, or else at position N. Every
 * file must fit one of them, since an expected output that nobody compares would hide a mistake. An input at position N must take the
 * tensor's kind of type and its rank.
 *
 * @throws TureenError `TUREEN_DATASET_MISMATCH`
 */
export function bindTestData(model: BindingModel, { arrays }: BindingDataset, request: BindingRequest): BoundDataset {
  for (const field of ['inputs', 'target', 'batchSize'] as const) {
    if (request[field] === undefined) continue
    throw mismatch([{ field, message: `ONNX's test data say themselves what is fed and compared; leave out ${field}` }])
  }
  const inputs = pairTestData(model.inputs, arrays, inputPrefix).map(
    ({ value, array }): BoundInput => ({ input: value.name, dtype: value.dtype, array, feeding: 'whole' }),
  )
  const fed = new Set(inputs.map(({ input }) => input))
  const missing = model.inputs.filter(({ name }) => !fed.has(name))
  if (missing.length > 0) {
    const message = (name: string) => `the test data have no file for the input ${name}`
    throw mismatch(
      missing.map(input => ({
        field: `inputs.${input.name}`,
        expected: describe(input),
        message: message(input.name),
      })),
    )
  }
  if (request.output !== undefined) choose(model.outputs, request.output, 'output', 'output')
  const references = pairTestData(model.outputs, arrays, 'output_')
    .map(({ value, array }) => ({ output: value.name, array }))
    .filter(({ output }) => request.output === undefined || request.output === output)
  if (references.length === 0) {
    throw mismatch([
      {
        field: 'output',
        expected: namesOf(model.outputs),
        message: 'the test data have no expected output of the model',
      },
    ])
  }
  const binding = { inputs, target: null, output: null, references, batchSize: 1, fixed: true }
  return { binding, samples: undefined, guesses: [] }
}

const inputPrefix = 'input_'

/** Refuses a tensor that only its position gives to an input, if its kind of type or its rank is another one. */
function requirePlace(input: ValueDescription, array: BoundArray): void {
  const sameRank = input.dims === null || input.dims.length === array.dims.length
  if (sameRank && dtypeKind(input.dtype) === dtypeKind(array.dtype)) return
  const message = `the input ${input.name} takes ${describe(input)}; ${array.name} at its position (${array.tensorName ?? 'unnamed'}) is ${describe(array)}; give the tensor the name of its input`
  throw mismatch([
    {
      field: `inputs.${input.name}`,
      tensor: array.name,
      expected: describe(input),
      actual: describe(array),
      message,
    },
  ])
}

type Pair = { value: ValueDescription; array: string }

function pairTestData(values: readonly ValueDescription[], arrays: readonly BoundArray[], prefix: string): Pair[] {
  const pairs = new Map<string, Pair>()
  const byName = new Map(values.map(value => [value.name, value]))
  for (const array of arrays.filter(({ name }) => name.startsWith(prefix))) {
    const named = array.tensorName === undefined ? undefined : byName.get(array.tensorName)
    const value = named ?? values[Number(array.name.slice(prefix.length))]
    if (!value) {
      throw mismatch([
        {
          tensor: array.name,
          expected: namesOf(values),
          message: `the model has nothing that ${array.name} (${array.tensorName ?? 'unnamed'}) is for`,
        },
      ])
    }
    if (!named && prefix === inputPrefix) requirePlace(value, array)
    const other = pairs.get(value.name)
    if (other)
      throw mismatch([{ tensor: array.name, message: `${other.array} and ${array.name} are both for ${value.name}` }])
    pairs.set(value.name, { value, array: array.name })
  }
  return [...pairs.values()]
}
