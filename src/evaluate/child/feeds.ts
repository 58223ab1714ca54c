import type ort from 'onnxruntime-node'
import type { Binding } from '../binding.ts'
import type { ArrayValues, DataBatch } from '../datasets/dataset.ts'
import { inputTensor } from './tensors.ts'

/**
 * The inputs of one run, each of the type that the opened model takes: a soup may take another than the model that it was bound by. A batch that
 * is smaller than a model with a fixed batch size takes is filled up with copies of its last row.
 */
export function feedsOf(
  { values }: DataBatch,
  { inputs, fixed, batchSize }: Binding,
  { inputMetadata }: Pick<ort.InferenceSession, 'inputMetadata'>,
): Record<string, ort.Tensor> {
  const padTo = fixed ? batchSize : 0
  return Object.fromEntries(
    inputs.map(input => {
      const taken = inputMetadata.find(({ name }) => name === input.input)
      const dtype = taken?.isTensor ? taken.type : input.dtype
      return [input.input, inputTensor(arrayOf(values, input.array), { ...input, dtype }, padTo)]
    }),
  )
}

export function arrayOf(values: ReadonlyMap<string, ArrayValues>, name: string): ArrayValues {
  const array = values.get(name)
  if (!array) throw new RangeError(`the batch has no array ${name}`)
  return array
}
