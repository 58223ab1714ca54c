import type ort from 'onnxruntime-node'
import type { Binding } from '../binding.ts'
import type { ArrayValues, DataBatch } from '../datasets/dataset.ts'
import { inputTensor } from './tensors.ts'

/**
 * Returns the inputs of one run, each of the type that the opened model takes. A soup may take another type than the model that the data
 * set was bound to. If the batch size is fixed, copies of the last row fill up a smaller batch.
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
