import type { ValueDescription } from '../../onnx/skeleton.ts'
import type { DatasetDescription, UnusableDescription } from '../datasets/dataset-types.ts'

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
export type BindingDataset = {
  kind: DatasetDescription['kind']
  arrays: readonly BoundArray[]
  unusable?: readonly UnusableDescription[] | undefined
}

/** An array that the server chose although another may be meant. `field`: the field of the request that would choose it, such as `inputs.x`. */
export type Guess = { field: string; array: string }

/** A binding, with the number of samples of its arrays (undefined if the files say it) and what was guessed. */
export type BoundDataset = { binding: Binding; samples: number | undefined; guesses: Guess[] }
