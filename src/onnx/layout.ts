/** Where the bytes of a model lie: what one pass over the framing yields. Offsets and lengths are in bytes of the file. */
export type Layout = {
  byteLength: number
  /** The model without tensor payloads, long attribute values, doc strings, metadata and fields onnx-proto does not know. */
  skeleton: Uint8Array<ArrayBuffer>
  tensors: TensorEntry[]
  /** The messages that enclose tensors, each with the index of the message around it (-1: the model itself). */
  frames: Frame[]
  /** Fields left out of the skeleton that must agree between models all the same. */
  opaque: OpaqueField[]
  /** The model's own metadata_props. */
  metadata: MetadataEntry[]
}

/** `lengthStart`: where the length prefix of the message stands; it ends where the payload starts. */
export type Frame = { parent: number; lengthStart: number; payload: number; end: number }

export type TensorEntry = {
  /**
   * Its own; of a Constant's value the name of the Constant's output; of another node's floats that name with the attribute's behind
   * it, such as `label.coefficients`. Empty if it has none.
   */
  name: string
  /** Where it stands, such as `graph.initializer[3]` or `graph.node[7].attribute[0].t`; floats of an attribute end in `.f` or `.floats`. */
  path: string
  frame: number
  /** ONNX's element type code. */
  dataType: number
  dims: number[]
  elements: number
  payload: TensorPayload
}

/**
 * How a tensor's elements are stored. A run is one stretch of the payload; unpacked values have a tag before each, so that
 * their stride is wider than the value.
 */
export type TensorPayload =
  | { form: 'raw'; field: Span; offset: number; length: number }
  | { form: 'fixed'; runs: FixedRun[] }
  | { form: 'varint'; runs: VarintRun[] }
  | { form: 'strings'; values: Span[] }
  | ExternalPayload
  | { form: 'none' }
  /** Of no file: the zeros that stand for a tensor which a model does not have, such as a bias left out. */
  | { form: 'zeros' }

/**
 * Elements in another file, of which the model says the `location`: a key, never a path. `fields` say so in the model's own file, and
 * behind them stand those with elements that do not count.
 */
export type ExternalPayload = {
  form: 'external'
  location: string
  offset: number
  length: number
  fields: FramedSpan[]
}

export type Span = { start: number; end: number }
/** `frame`: the message that it stands in, where that is not the tensor's: one that is written in several parts has a frame for each. */
export type FramedSpan = Span & { frame?: number }
/** `count` values of `width` bytes, the first at `offset`, each `stride` bytes after the one before. `start`: the field's tag. */
export type FixedRun = { start: number; offset: number; count: number; stride: number; width: 4 | 8 }
/** Varints one after the other in [offset, end). `start`: the field's tag. An unpacked run is one value. */
export type VarintRun = FramedSpan & { offset: number }

export type OpaqueField = { path: string; span: Span }
export type MetadataEntry = { key: string; span: Span }

/** Whether a tensor is an initializer of the model's main graph. */
export function isMainInitializer(tensor: TensorEntry): boolean {
  return tensor.path.startsWith('graph.initializer[')
}

/** Whether a tensor is plain floats of an attribute: a Constant's `value_float` or `value_floats`, or weights of a classic model. */
export function isAttributeFloats(path: string): boolean {
  return path.endsWith('].f') || path.endsWith('].floats')
}

/** The storage of a tensor, in the API's words. */
export function storageOf(payload: TensorPayload): 'raw' | 'typed' | 'external' | 'none' {
  switch (payload.form) {
    case 'raw':
    case 'external':
    case 'none':
      return payload.form
    case 'zeros':
      return 'none'
    default:
      return 'typed'
  }
}
