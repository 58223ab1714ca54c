/**
 * Limits of what a checkpoint may cost the reader, each with its reason. Files beyond them are refused with `TUREEN_MODEL_LIMIT`.
 * The limits of models (tensors, rank, names) hold as well.
 */
export const checkpointLimits = {
  /** Bytes of the header of a safetensors file: the limit of the format's own reader. */
  headerBytes: 100_000_000,
  /** Texts in a header. Public files have some hundred; each takes about 500 bytes of memory. */
  texts: 100_000,
  /** Bytes of the index of a sharded checkpoint. An index of 250,000 tensors has about 20 MB. */
  indexBytes: 64 * 1024 * 1024,
  /** Shards of one checkpoint. The largest public models have some hundred. */
  shards: 10_000,
  /** Entries of a zip file: one for each storage of a tensor, and a few more. */
  zipEntries: 300_000,
  /** Bytes of the directory of a zip file. An entry takes about 100 bytes. */
  zipDirectoryBytes: 64 * 1024 * 1024,
  /** Bytes of the pickle of a checkpoint. It holds no values of tensors: 10,000 tensors with an optimizer take about 5 MB. */
  pickleBytes: 64 * 1024 * 1024,
  /** Operations of a pickle. */
  pickleOperations: 16_000_000,
  /** Texts, lists, tuples, dicts and numbers of more than 32 bits that a pickle makes. A tensor takes about 10. */
  pickleObjects: 4_000_000,
  /** Values on the stack of a pickle at a time. Python's writer puts 1,000 at a time. */
  pickleStack: 1_000_000,
  /** Values that a pickle remembers for later references. */
  pickleMemo: 4_000_000,
  /** Collections inside each other that are still being filled. */
  pickleDepth: 10_000,
  /** Keys on the way to a dict of tensors. */
  rootDepth: 8,
} as const
