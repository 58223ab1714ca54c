import { type ProblemItem, TureenError } from '../errors.ts'
import { isEscaped } from '../onnx/names.ts'
import type { ValueDescription } from '../onnx/skeleton.ts'
import type { DatasetDescription } from './datasets/dataset-types.ts'
import { hasNoElements, isText } from './element-kinds.ts'

/** An array of a data set, without its values. */
export type BoundArray = { name: string; dtype: string; dims: readonly number[]; tensorName?: string | undefined }

/**
 * The way to feed an array to an input. `batch`: in batches along the first axis; `sample`: one sample a run, without that axis; `whole`:
 * all of it in every run.
 */
export type Feeding = 'batch' | 'sample' | 'whole'

export type BoundInput = { input: string; dtype: string; array: string; feeding: Feeding }

/**
 * The assignment of a data set's arrays to a model's inputs and outputs. For ONNX's test data, `references` pairs each output with its
 * expected values. Otherwise `output` is scored against the array `target`. `batchSize`: samples in one run; `fixed`: true if the model
 * takes no other number.
 */
export type Binding = {
  inputs: BoundInput[]
  target: string | null
  output: string | null
  references: { output: string; array: string }[]
  batchSize: number
  fixed: boolean
}

export type BindingRequest = {
  inputs?: Record<string, string> | undefined
  target?: string | undefined
  output?: string | undefined
  batchSize?: number | undefined
}

export type BindingModel = { inputs: readonly ValueDescription[]; outputs: readonly ValueDescription[] }
export type BindingDataset = { kind: DatasetDescription['kind']; arrays: readonly BoundArray[] }

const defaultBatchSize = 64

/**
 * The way to bind each kind of data set. `byRequest`: true if the request chooses arrays and batch size; false if the files say them.
 */
const binders: Readonly<
  Record<
    DatasetDescription['kind'],
    {
      bind: (model: BindingModel, arrays: readonly BoundArray[], request: BindingRequest) => Binding
      byRequest: boolean
    }
  >
> = {
  npz: { bind: bindArrays, byRequest: true },
  testDataSet: { bind: bindTestData, byRequest: false },
}

/** Returns true if requests choose arrays and batch size of this kind of data set; false if its files say them. */
export function isBoundByRequest(kind: DatasetDescription['kind']): boolean {
  return binders[kind].byRequest
}

/**
 * Binds a data set to a model. It fills in the fields that the request leaves out, if only one choice is possible.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` if an array does not fit, or if several choices are possible; it lists the choices
 */
export function bindDataset(model: BindingModel, dataset: BindingDataset, request: BindingRequest): Binding {
  const binding = binders[dataset.kind].bind(model, dataset.arrays, request)
  requireSayable(binding)
  return binding
}

/** onnxruntime takes the names of inputs and outputs as texts, and finds none whose bytes are not UTF-8. */
function requireSayable({ inputs, output, references }: Binding): void {
  const names = [
    ...inputs.map(({ input }) => ({ what: 'input', name: input })),
    ...[output ?? [], ...references.map(each => each.output)].flat().map(name => ({ what: 'output', name })),
  ]
  const errors = names
    .filter(({ name }) => isEscaped(name))
    .map(({ what, name }) => ({
      tensor: name,
      expected: 'a name in UTF-8',
      message: `the name of the ${what} ${name} is not UTF-8, and onnxruntime does not find it; rename the ${what} and upload the model again`,
    }))
  if (errors.length > 0) throw mismatch(errors)
}

function bindArrays(model: BindingModel, arrays: readonly BoundArray[], request: BindingRequest): Binding {
  const given = new Map(Object.entries(request.inputs ?? {}))
  for (const name of given.keys()) choose(model.inputs, name, 'input', 'inputs')
  if (request.target !== undefined) choose(arrays, request.target, 'array', 'target')
  const bound = new Map<string, BoundInput>()
  const free = (array: BoundArray) =>
    array.name !== request.target && ![...bound.values()].some(each => each.array === array.name)

  for (const input of model.inputs) {
    const name = given.get(input.name)
    const array =
      name === undefined
        ? arrays.find(each => each.name === input.name && free(each))
        : choose(arrays, name, 'array', `inputs.${input.name}`)
    if (array) bound.set(input.name, bindInput(input, array))
  }
  for (const input of model.inputs) {
    if (bound.has(input.name)) continue
    const fitting = arrays.filter(array => free(array) && feedingOf(input, array) !== undefined)
    const [only] = fitting
    if (!only || fitting.length > 1) throw unbound(input, fitting, arrays)
    bound.set(input.name, bindInput(input, only))
  }

  const rest = arrays.filter(array => free(array) && array.dims.length > 0)
  const target = request.target ?? (rest.length === 1 ? (rest[0]?.name ?? null) : null)
  const inputs = model.inputs.flatMap(({ name }) => bound.get(name) ?? [])
  return {
    inputs,
    target,
    output: chooseOutput(
      model,
      request,
      arrays.find(({ name }) => name === target),
    ),
    references: [],
    ...batching(model, inputs, request),
  }
}

/**
 * Binds ONNX's test data: the arrays input_N and output_N, to inputs and outputs with the tensor's name, or else at position N. Every
 * file must fit one of them, since an expected output that nobody compares would hide a mistake.
 */
function bindTestData(model: BindingModel, arrays: readonly BoundArray[], request: BindingRequest): Binding {
  for (const field of ['inputs', 'target', 'batchSize'] as const) {
    if (request[field] === undefined) continue
    throw mismatch([{ field, message: `ONNX's test data say themselves what is fed and compared; leave out ${field}` }])
  }
  const inputs = pairTestData(model.inputs, arrays, 'input_').map(
    ({ value, array }): BoundInput => ({ input: value.name, dtype: value.dtype, array, feeding: 'whole' }),
  )
  const missing = model.inputs.filter(({ name }) => !inputs.some(({ input }) => input === name))
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
  return { inputs, target: null, output: null, references, batchSize: 1, fixed: true }
}

type Pair = { value: ValueDescription; array: string }

function pairTestData(values: readonly ValueDescription[], arrays: readonly BoundArray[], prefix: string): Pair[] {
  const pairs = new Map<string, Pair>()
  for (const array of arrays.filter(({ name }) => name.startsWith(prefix))) {
    const value =
      values.find(({ name }) => name === array.tensorName) ?? values[Number(array.name.slice(prefix.length))]
    if (!value) {
      throw mismatch([
        {
          tensor: array.name,
          expected: namesOf(values),
          message: `the model has nothing that ${array.name} (${array.tensorName ?? 'unnamed'}) is for`,
        },
      ])
    }
    const other = pairs.get(value.name)
    if (other)
      throw mismatch([{ tensor: array.name, message: `${other.array} and ${array.name} are both for ${value.name}` }])
    pairs.set(value.name, { value, array: array.name })
  }
  return [...pairs.values()]
}

function bindInput(input: ValueDescription, array: BoundArray): BoundInput {
  const feeding = feedingOf(input, array)
  if (feeding) return { input: input.name, dtype: input.dtype, array: array.name, feeding }
  const message = `the input takes ${describe(input)}, the array ${array.name} is ${describe(array)}`
  throw mismatch([
    { field: `inputs.${input.name}`, tensor: array.name, expected: describe(input), actual: describe(array), message },
  ])
}

function feedingOf(input: ValueDescription, array: BoundArray): Feeding | undefined {
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

function batching(
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

/**
 * Returns the output to score: the requested one, the only one, the one named like the target, or the only one comparable with the target.
 */
function chooseOutput({ outputs }: BindingModel, request: BindingRequest, target: BoundArray | undefined): string {
  if (request.output !== undefined) return choose(outputs, request.output, 'output', 'output').name
  const comparable = outputs.filter(
    ({ dtype }) => !hasNoElements(dtype) && (!target || isText(dtype) === isText(target.dtype)),
  )
  const named = outputs.find(({ name }) => name === target?.name)
  for (const choices of [outputs, named ? [named] : [], comparable]) {
    const [only, ...others] = choices
    if (only && others.length === 0) return only.name
  }
  const choices = outputs.map(output => `${output.name} (${describe(output)})`).join(', ')
  throw mismatch([
    {
      field: 'output',
      expected: namesOf(outputs),
      message: `the model has several outputs; say which is scored: ${choices}`,
    },
  ])
}

function choose<Named extends { name: string }>(
  list: readonly Named[],
  name: string,
  what: string,
  field: string,
): Named {
  const found = list.find(each => each.name === name)
  if (found) return found
  throw mismatch([
    {
      field,
      expected: namesOf(list),
      actual: name,
      message: `there is no ${what} ${name}; there are: ${namesOf(list)}`,
    },
  ])
}

function unbound(input: ValueDescription, fitting: readonly BoundArray[], arrays: readonly BoundArray[]): TureenError {
  const list = (some: readonly BoundArray[]) => some.map(array => `${array.name} (${describe(array)})`).join(', ')
  const message =
    fitting.length > 1
      ? `several arrays fit the input ${input.name}; say which: ${list(fitting)}`
      : `no array fits the input ${input.name}, which takes ${describe(input)}; there are: ${list(arrays)}`
  return mismatch([{ field: `inputs.${input.name}`, expected: describe(input), message }])
}

function namesOf(list: readonly { name: string }[]): string {
  return list.map(({ name }) => name).join(', ')
}

function describe({ dtype, dims }: { dtype: string; dims: readonly (number | string | null)[] | null }): string {
  return `${dtype}${dims === null ? '' : ` [${dims.map(dim => dim ?? '?').join(', ')}]`}`
}

function mismatch(errors: ProblemItem[]): TureenError {
  return new TureenError(
    'TUREEN_DATASET_MISMATCH',
    `The data set cannot be fed to the model: ${errors.map(({ message }) => message).join('; ')}.`,
    errors,
  )
}
