import { isEscaped } from '../onnx/names.ts'
import { bindArrays } from './binding/bind-arrays.ts'
import { bindTestData } from './binding/bind-test-data.ts'
import { mismatch } from './binding/binding-refusals.ts'
import type { Binding, BindingDataset, BindingModel, BindingRequest, BoundDataset } from './binding/binding-types.ts'
import { datasetKinds } from './datasets/dataset-kinds.ts'
import { requireExchangedInputs } from './exchanged-values.ts'

export type { Binding, BindingDataset, BindingRequest, BoundArray, BoundInput, Guess } from './binding/binding-types.ts'

/**
 * Binds a data set to a model. It fills in the fields that the request leaves out, if only one choice is possible, and tells what it guessed.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` if an array does not fit, or if several choices are possible; it lists the choices.
 *   `TUREEN_DATASET_UNSUPPORTED` if the request asks for an array that cannot be used
 */
export function bindDataset(model: BindingModel, dataset: BindingDataset, request: BindingRequest): BoundDataset {
  const bind = datasetKinds[dataset.kind].byRequest ? bindArrays : bindTestData
  const bound = bind(model, dataset, request)
  requireSayable(bound.binding)
  requireExchangedInputs(model.inputs)
  return bound
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
