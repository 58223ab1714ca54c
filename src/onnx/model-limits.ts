/**
 * Limits of what a model file may cost the reader, each with its reason. Files beyond them are refused with
 * `TUREEN_MODEL_LIMIT`.
 */
export const limits = {
  /**
   * Nesting of protobuf messages. Real models reach 96 (nested If and Loop). Decoders recurse, and 5,000 levels
   * overflow their stack.
   */
  messageDepth: 200,
  /** Bytes of the model without tensor payloads. 100,000 nodes with long names take about 30 MB. */
  skeletonBytes: 128 * 1024 * 1024,
  /**
   * Messages in one file: nodes, attributes, tensors, types, dimensions. Each takes at least about 100 bytes once
   * decoded.
   */
  messages: 1_000_000,
  /** Nodes in one file, including subgraphs and functions. The largest public models have about 10,000. */
  nodes: 250_000,
  /**
   * Nodes of functions after each call is replaced by its body. A few functions that call each other twice could expand
   * without end.
   */
  expandedNodes: 50_000,
  /**
   * Nodes with their inputs, outputs and attributes, after each call is replaced by its body with all subgraphs. A node
   * may have a million inputs.
   */
  expandedParts: 1_000_000,
  /**
   * Pairs of values visited while two models are matched. Usually there are as many as the larger model has values;
   * different sharing of computations can multiply them.
   */
  matchedPairs: 2_000_000,
  /** Tensors in one file. The largest number seen in public models is about 20,000. */
  tensors: 250_000,
  /**
   * Separate runs of payload in one file. Writers use one for each tensor; unpacked fields add one for each change of
   * encoding.
   */
  payloadRuns: 2_000_000,
  /** Imports of operator sets. Real models have up to about 10, and the record of a model lists each. */
  opsets: 1_000,
  /** Inputs and outputs without a tensor of their own. Real models have up to some hundreds, and the record of a model lists each. */
  interfaceValues: 20_000,
  /** Dimensions of one tensor. onnxruntime's own kernels support far fewer. */
  tensorRank: 64,
  /** Characters of a location of external data. File systems take paths of 4,096 bytes. */
  locationCharacters: 4096,
  /**
   * Bytes of one name that other places refer to. Generated names reach some hundred characters; other text may be
   * longer.
   */
  textBytes: 64 * 1024,
} as const

/** Values of an attribute's list that are decoded. The rest of a longer list is compared in the file. */
export const inlineAttributeValues = 1024

/** Bytes of an attribute value that is decoded. Longer values are compared in the file. */
export const inlineAttributeBytes = 4 * 1024

/** Bytes of the largest file that protobuf's own readers take: they count in signed 32-bit integers. */
export const largestFile = 2 ** 31 - 1
