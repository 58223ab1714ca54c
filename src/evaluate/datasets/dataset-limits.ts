const mebibyte = 1024 * 1024

/** What a data set may ask of the reader, each limit with its reason. Beyond them it is refused with `TUREEN_DATASET_UNSUPPORTED`. */
export const datasetLimits = {
  /** Files of one data set. */
  files: 10_000,
  /** Entries of one npz. An array a sample, what savez makes of a list, is not a data set; real ones have about ten. */
  entries: 1_000,
  /** Entries of all npz files together: each is held as a record of some hundred bytes. */
  allEntries: 100_000,
  /** Bytes of an array's name. */
  nameBytes: 1_024,
  /** Bytes of an npy header. Beyond 64 KiB there are only structured types with thousands of fields. */
  headerBytes: 64 * 1024,
  /** Nesting of the header's literal: a plain header has 2 levels, structured types more. */
  literalDepth: 32,
  /** Dimensions: NumPy's own limit until version 2. */
  rank: 32,
  /** Bytes of one element: a string of 262,144 characters. Every other element takes at most 8. */
  elementBytes: mebibyte,
  /** Samples. Arrays without elements take no bytes, so nothing else bounds how many samples they claim. */
  samples: 2 ** 31 - 1,
  /** Bytes of one batch, all arrays together; also of one tensor of a test data set. */
  batchBytes: 1024 * mebibyte,
  /** What a string costs beyond its bytes, for {@link batchBytes}. */
  stringBytes: 32,
  /** Bytes of one file of a test data set: a tensor that is given to the model whole. */
  tensorFileBytes: 512 * mebibyte,
} as const

/** Data sets whose elements take no more than this are held in memory once read, and read through when they are uploaded. */
export const defaultMemoryBytes = 256 * mebibyte
