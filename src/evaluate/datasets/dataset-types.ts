import type { DatasetRecord } from '../../../schemas/dataset.ts'
import type { ArrayValues } from './array-values.ts'

/** A file of a data set. `name`: the uploaded file name, for messages and to order tensors; `path`: the server's path to it. */
export type DatasetFile = { name: string; path: string }

/**
 * An array of a data set. `dtype`: ONNX's name of the element type, such as `float32`; `dims`: those of the array over all files;
 * `tensorName`: the name inside the TensorProto file of a test data set.
 */
export type ArrayDescription = { name: string; dtype: string; dims: number[]; tensorName?: string }

/**
 * The arrays of a data set. `npz`: arrays whose first axis is the sample. Those with equally many samples belong together. `testDataSet`: ONNX's own input_N.pb and output_N.pb, one case in
 * each directory. Its tensors have no sample axis; `dims` are those of the first case, and other cases may differ.
 */
export type DatasetDescription = {
  kind: DatasetRecord['kind']
  /** Number of samples; with arrays of different lengths, that of the most arrays. */
  samples: number
  arrays: ArrayDescription[]
  /** Arrays that cannot be used, each with the reason; absent if all can be used. */
  unusable?: UnusableDescription[]
}

/** An array that cannot be used. `reason`: what was found, and how to save the array instead. */
export type UnusableDescription = { name: string; reason: string }

/** Consecutive samples. `values`: the requested arrays; read-only, and valid until the next batch. */
export type DataBatch = { samples: number; values: Map<string, ArrayValues> }

/** An open data set, which can be read any number of times. Its opener must close it. */
export type Dataset = {
  readonly description: DatasetDescription
  /** Bytes of the elements of all arrays. */
  readonly byteLength: number
  /** Bytes read from the files so far. */
  readonly bytesRead: number
  /**
   * Returns the number of samples of these arrays.
   * @throws TureenError `TUREEN_DATASET_MISMATCH` for an unknown array, or if their numbers of samples differ; `TUREEN_DATASET_UNSUPPORTED`
   *   for an array that cannot be used
   */
  samplesOf(arrays: readonly string[]): number
  /**
   * Yields the samples in order. An npz set yields batches of `batchSize` samples with dims [samples, ...]; the last batch may be smaller,
   * and arrays without axes come with every batch. A test data set yields one case at a time and ignores `batchSize`.
   *
   * @param limit most samples to yield; all without it
   * @throws TureenError as {@link Dataset.samplesOf}; `TUREEN_DATASET_UNSUPPORTED` for a batch that is too large, and
   *   `TUREEN_DATASET_MALFORMED` for damage; the checksum of an array is compared after its last sample
   */
  batches(arrays: readonly string[], batchSize: number, limit?: number): AsyncGenerator<DataBatch>
  /** Frees the memory and closes all files, also those of unfinished batches. */
  close(): Promise<void>
}
