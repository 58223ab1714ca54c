const mebibyte = 1024 * 1024

/** Limits of a data set, each with its reason. The reader refuses larger ones with `TUREEN_DATASET_UNSUPPORTED`. */
export const datasetLimits = {
  /** Most files of one data set. */
  files: 10_000,
  /** Most entries of one npz file. Real ones have about ten; more mean that savez got a list with one array for each sample. */
  entries: 1_000,
  /** Most entries of all npz files together. Each takes some hundred bytes of memory. */
  allEntries: 100_000,
  /** Most bytes of an array's name. */
  nameBytes: 1_024,
  /** Most bytes of an npy header. Only structured types with thousands of fields need more than 64 KiB. */
  headerBytes: 64 * 1024,
  /** Most levels of the header's literal. A plain header has 2 levels, structured types have more. */
  literalDepth: 32,
  /** Most dims of an array: NumPy's own limit until version 2. */
  rank: 32,
  /** Most bytes of one element: a string of 262,144 characters. Every other element takes at most 8. */
  elementBytes: mebibyte,
  /** Most samples. Arrays without elements take no bytes, so nothing else bounds their number of samples. */
  samples: 2 ** 31 - 1,
  /** Most bytes of one batch, all arrays together; also of one tensor of a test data set. */
  batchBytes: 1024 * mebibyte,
  /** Bytes of memory that a string takes on top of its own bytes, for {@link batchBytes}. */
  stringBytes: 32,
  /** Most bytes of one file of a test data set, which holds one tensor. */
  tensorFileBytes: 512 * mebibyte,
} as const

/** Most bytes of elements that stay in memory after they are read; also the largest data set that an upload reads completely. */
export const defaultMemoryBytes = 256 * mebibyte
