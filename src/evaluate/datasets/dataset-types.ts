import type { ArrayValues } from './array-values.ts'

/** A file of a data set: its name as it was uploaded (for messages, and to order tensors), and the server's path to it. */
export type DatasetFile = { name: string; path: string }

/**
 * An array: its element type by ONNX's name (`float32`), and the dims of the whole of it, over all files.
 * `tensorName`: the name that a tensor of a test data set has inside its file.
 */
export type ArrayDescription = { name: string; dtype: string; dims: number[]; tensorName?: string }

/**
 * `npz`: arrays whose first axis is the sample. `testDataSet`: ONNX's own input_N.pb and output_N.pb, one case each directory,
 * whole tensors without a sample axis; `dims` are those of the first case, others may differ.
 */
export type DatasetDescription = { kind: 'npz' | 'testDataSet'; samples: number; arrays: ArrayDescription[] }

/** Some consecutive samples. `values` has the arrays that were asked for, valid until the next batch; not to be written to. */
export type DataBatch = { samples: number; values: Map<string, ArrayValues> }

/** A data set that can be read, any number of times. To be closed by whoever opened it. */
export type Dataset = {
  readonly description: DatasetDescription
  /** Bytes of the elements of all arrays. */
  readonly byteLength: number
  /** Bytes that have been read from the files so far. */
  readonly bytesRead: number
  /**
   * The samples in order. An npz set yields batches of `batchSize` samples, the last one smaller, each array with dims [samples, ...];
   * arrays without axes come whole, dims [], with every batch. A test data set yields one case at a time, whatever `batchSize` is.
   *
   * @param limit samples after which to stop; without it, all
   * @throws TureenError `TUREEN_DATASET_MISMATCH` for an array that is not there, `TUREEN_DATASET_MALFORMED` where damage is met
   *   (the checksum of an array is compared when its last sample is read), `TUREEN_DATASET_UNSUPPORTED` for a batch that is too large
   */
  batches(arrays: readonly string[], batchSize: number, limit?: number): AsyncGenerator<DataBatch>
  /** Frees what is held in memory and closes the files, also those of batches that nobody read to the end. */
  close(): Promise<void>
}
