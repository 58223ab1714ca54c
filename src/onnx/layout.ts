/**
 * The places of a model's bytes, from one pass over the protobuf framing. Offsets and lengths are in bytes of the file.
 */
export type Layout = {
  byteLength: number
  /**
   * The model without tensor payloads, long attribute values, doc strings, metadata, and fields that onnx-proto does
   * not know.
   */
  skeleton: Uint8Array<ArrayBuffer>
  tensors: TensorEntry[]
  /** The messages that enclose tensors, each with the index of the message around it (-1: the model itself). */
  frames: Frame[]
  /** Fields left out of the skeleton that models must nevertheless agree in. */
  opaque: OpaqueField[]
  /** The model's own metadata_props. */
  metadata: MetadataEntry[]
  /** Set for a checkpoint: tensors under keys, without a graph. Its skeleton is empty, and its tensors have no frame. */
  checkpoint?: CheckpointFacts
}

/** The format of a checkpoint file. `safetensors-index`: the index of a checkpoint in several safetensors files. */
export type CheckpointFormat = 'safetensors' | 'safetensors-index' | 'torch'

/**
 * Facts about a checkpoint beside its tensors.
 * - `root`: the keys, joined by `/`, under which the dict of tensors lies; empty for the top level.
 * - `roots`: all places with a dict of tensors. The first is taken unless the client chooses.
 * - `metadata`: texts of a safetensors file.
 * - `ignored`: keys beside the tensors whose values are no tensors.
 */
export type CheckpointFacts = {
  format: CheckpointFormat
  root: string
  roots: readonly string[]
  metadata: ReadonlyMap<string, string>
  ignored: readonly string[]
}

/**
 * The framing of a message. `parent`: index of the frame around it. `lengthStart`: start of the length prefix, which
 * ends at `payload`.
 */
export type Frame = { parent: number; lengthStart: number; payload: number; end: number }

export type TensorEntry = {
  /**
   * The tensor's own name. A Constant's value has the name of the Constant's output. Floats of another node have that
   * name and their attribute's, such as `label.coefficients`. Empty if there is none.
   */
  name: string
  /**
   * Its path, such as `graph.initializer[3]` or `graph.node[7].attribute[0].t`. Floats of an attribute end in `.f` or
   * `.floats`.
   */
  path: string
  frame: number
  /** ONNX's element type code. */
  dataType: number
  dims: number[]
  elements: number
  payload: TensorPayload
}

/**
 * How a tensor's elements are stored. A run is one stretch of the payload. Unpacked values have a tag before each, so
 * their stride exceeds their width.
 */
export type TensorPayload =
  | RawPayload
  | { form: 'fixed'; runs: FixedRun[] }
  | { form: 'varint'; runs: VarintRun[] }
  | { form: 'strings'; values: Span[] }
  | ExternalPayload
  | StridedPayload
  | { form: 'none' }
  /** Zeros for a tensor that a model lacks, such as an omitted bias. They are in no file. */
  | { form: 'zeros' }

/**
 * Elements in another file. `location` is a key, never a path. `fields` lists the external data fields of the model's
 * own file, then payload fields there that do not count.
 */
export type ExternalPayload = {
  form: 'external'
  location: string
  offset: number
  length: number
  fields: FramedSpan[]
}

/** Elements as raw_data, `length` bytes from `offset` on. `start`: offset of the field's tag. */
export type RawPayload = { form: 'raw'; start: number; offset: number; length: number }

/**
 * Elements of a checkpoint that lie apart, such as those of a transposed matrix. `strides`: bytes from one element to the next, for each dim;
 * `width`: bytes of an element.
 */
export type StridedPayload = {
  form: 'strided'
  offset: number
  dims: readonly number[]
  strides: readonly number[]
  width: number
}

export type Span = { start: number; end: number }
/**
 * `frame`: index of the enclosing message's frame, if it is not the tensor's. Each part of a message in several parts
 * has a frame.
 */
export type FramedSpan = Span & { frame?: number }
/**
 * `count` values of `width` bytes, the first at `offset`, each `stride` bytes after the one before. `start`: offset of
 * the field's tag.
 */
export type FixedRun = { start: number; offset: number; count: number; stride: number; width: 4 | 8 }
/** Contiguous varints in [offset, end). `start`: offset of the field's tag. An unpacked run is one value. */
export type VarintRun = FramedSpan & { offset: number }

export type OpaqueField = { path: string; span: Span }
export type MetadataEntry = { key: string; span: Span }

/** True if a tensor is an initializer of the model's main graph. */
export function isMainInitializer(tensor: TensorEntry): boolean {
  return tensor.path.startsWith('graph.initializer[')
}

/**
 * True if a tensor is plain floats of an attribute: a Constant's `value_float` or `value_floats`, or weights of a
 * classic model.
 */
export function isAttributeFloats(path: string): boolean {
  return path.endsWith('].f') || path.endsWith('].floats')
}

/** Returns the storage of a tensor in the API's words. */
export function storageOf(payload: TensorPayload): 'raw' | 'typed' | 'external' | 'none' {
  switch (payload.form) {
    case 'raw':
    case 'external':
    case 'none':
      return payload.form
    case 'strided':
      return 'raw'
    case 'zeros':
      return 'none'
    default:
      return 'typed'
  }
}
