/** What a model file may ask of the reader, each limit with its reason. Beyond them a file is refused with `TUREEN_MODEL_LIMIT`. */
export const limits = {
  /** Nesting of protobuf messages. Real models reach 96 (nested If and Loop); decoders recurse, and 5,000 levels end their stack. */
  messageDepth: 200,
  /** Bytes of the model with tensor payloads left out. 100,000 nodes with long names take about 30 MB. */
  skeletonBytes: 128 * 1024 * 1024,
  /** Messages in one file: nodes, attributes, tensors, types, dimensions. Each takes a hundred bytes or more once decoded. */
  messages: 1_000_000,
  /** Nodes in one file, subgraphs and functions included. The largest public models have some ten thousand. */
  nodes: 250_000,
  /** Nodes of functions, once each call stands for its body: a few functions that call each other twice expand without end. */
  expandedNodes: 50_000,
  /** Nodes with their inputs, outputs and attributes, once each call stands for its body with all subgraphs: a node may have a million inputs. */
  expandedParts: 1_000_000,
  /** Pairs of values that a walk through two models may meet: as many as the larger has, unless they share what they compute differently. */
  matchedPairs: 2_000_000,
  /** Tensors in one file. The largest seen in public models is about 20,000. */
  tensors: 250_000,
  /** Separate stretches of payload in one file: writers use one a tensor, unpacked fields make one a change of encoding. */
  payloadRuns: 2_000_000,
  /** Dimensions of one tensor. onnxruntime's own kernels stop far earlier. */
  tensorRank: 64,
  /** Characters of a location of external data: file systems take paths of 4,096 bytes. */
  locationCharacters: 4096,
  /** Bytes of one name that others refer by. Generated names reach some hundred characters; other text may be longer. */
  textBytes: 64 * 1024,
} as const

/** Of a longer list in an attribute, the rest is compared where it lies in the file and not decoded. */
export const inlineAttributeValues = 1024

/** Attribute values of more bytes than this are compared where they lie in the file and not decoded. */
export const inlineAttributeBytes = 4 * 1024

/** Bytes of one file that protobuf's own readers take; they count in 32 bits, with a sign. */
export const largestFile = 2 ** 31 - 1
