import type ort from 'onnxruntime-node'
import type { Binding } from '../binding.ts'
import type { ArrayValues, DataBatch } from '../datasets/dataset.ts'
import { inputTensor } from './tensors.ts'

/** Returns the types of the inputs of an opened model. A soup may take another type than the model that the data set was bound to. */
export function takenTypes(
  { inputs }: Binding,
  { inputMetadata }: Pick<ort.InferenceSession, 'inputMetadata'>,
): string[] {
  return inputs.map(({ input, dtype }) => {
    const taken = inputMetadata.find(({ name }) => name === input)
    return taken?.isTensor ? taken.type : dtype
  })
}

/**
 * Returns the inputs of one run, each of the type that the opened model takes. If the batch size is fixed, copies of the last row fill up a
 * smaller batch.
 */
export function feedsOf(
  { values }: DataBatch,
  binding: Binding,
  session: Pick<ort.InferenceSession, 'inputMetadata'>,
): Record<string, ort.Tensor> {
  const { inputs, fixed, batchSize } = binding
  const padTo = fixed ? batchSize : 0
  const types = takenTypes(binding, session)
  return Object.fromEntries(
    inputs.map((input, index) => {
      const dtype = types[index] ?? input.dtype
      return [input.input, inputTensor(arrayOf(values, input.array), { ...input, dtype }, padTo)]
    }),
  )
}

export function arrayOf(values: ReadonlyMap<string, ArrayValues>, name: string): ArrayValues {
  const array = values.get(name)
  if (!array) throw new RangeError(`the batch has no array ${name}`)
  return array
}
