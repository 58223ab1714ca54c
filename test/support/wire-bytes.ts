/**
 * Simple writer and reader of protobuf's encoding with BigInt, independent of src/onnx. Tests build files with it and read them with it.
 */

/** Returns `value` as a varint of at least `width` bytes; negative numbers in ten bytes, as in protobuf's int32 and int64. */
export function varint(value: bigint | number, width = 1): Buffer<ArrayBuffer> {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    bytes.push(Number(rest & 0x7fn))
    rest >>= 7n
  } while (rest > 0n || bytes.length < width)
  return Buffer.from(bytes.map((byte, index) => (index < bytes.length - 1 ? byte | 0x80 : byte)))
}

export function varintField(number: number, value: bigint | number): Buffer<ArrayBuffer> {
  return Buffer.concat([varint(number * 8), varint(value)])
}

/** Returns a length-delimited field: bytes, text or a message of fields. `lengthWidth` pads the length. */
export function bytesField(
  number: number,
  content: Uint8Array | string | readonly Uint8Array[],
  lengthWidth = 1,
): Buffer<ArrayBuffer> {
  const bytes = Array.isArray(content)
    ? Buffer.concat(content)
    : Buffer.from(typeof content === 'string' ? content : Uint8Array.from(content as Uint8Array))
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.byteLength, lengthWidth), bytes])
}

export function float32Field(number: number, value: number): Buffer<ArrayBuffer> {
  return Buffer.concat([varint(number * 8 + 5), float32Bytes([value])])
}

export function float64Field(number: number, value: number): Buffer<ArrayBuffer> {
  return Buffer.concat([varint(number * 8 + 1), float64Bytes([value])])
}

export function float32Bytes(values: readonly number[]): Buffer<ArrayBuffer> {
  return Buffer.from(Float32Array.from(values).buffer)
}

export function float64Bytes(values: readonly number[]): Buffer<ArrayBuffer> {
  return Buffer.from(Float64Array.from(values).buffer)
}

export type ParsedField = {
  number: number
  type: number
  /** Starts of the tag and of the value (after the length, if there is one), and the end of the field. */
  start: number
  tagEnd: number
  payload: number
  end: number
  value: bigint
}

/** Returns the fields of the message in [start, end) of `bytes`. @throws Error if the framing is broken */
export function parseFields(bytes: Uint8Array, start = 0, end = bytes.byteLength): ParsedField[] {
  const fields: ParsedField[] = []
  for (let at = start; at < end; ) {
    const tag = parseVarint(bytes, at, end)
    const number = Number(tag.value >> 3n)
    const type = Number(tag.value & 7n)
    const first = type === 0 || type === 2 ? parseVarint(bytes, tag.end, end) : { value: 0n, end: tag.end }
    const payload = type === 2 ? first.end : tag.end
    const fieldEnd =
      type === 0
        ? first.end
        : type === 1
          ? payload + 8
          : type === 5
            ? payload + 4
            : type === 2
              ? payload + Number(first.value)
              : Number.NaN
    if (!(fieldEnd <= end))
      throw new Error(`field ${number} of wire type ${type} at ${at} ends at ${fieldEnd} of ${end}`)
    fields.push({ number, type, start: at, tagEnd: tag.end, payload, end: fieldEnd, value: first.value })
    at = fieldEnd
  }
  return fields
}

function parseVarint(bytes: Uint8Array, start: number, end: number): { value: bigint; end: number } {
  let value = 0n
  for (let index = 0; index < 10; index += 1) {
    const byte = start + index < end ? bytes[start + index] : undefined
    if (byte === undefined) throw new Error(`a varint at ${start} is cut off`)
    value |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: start + index + 1 }
  }
  throw new Error(`a varint at ${start} is too long`)
}

/** Field numbers of ONNX that tests write by hand (onnx.proto). */
export const onnxField = {
  model: { irVersion: 1, producerName: 2, docString: 6, graph: 7, opsetImport: 8, metadataProps: 14, trainingInfo: 20 },
  graph: {
    node: 1,
    name: 2,
    initializer: 5,
    docString: 10,
    input: 11,
    output: 12,
    valueInfo: 13,
    sparseInitializer: 15,
  },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5, docString: 6, domain: 7, overload: 8 },
  attribute: {
    name: 1,
    f: 2,
    i: 3,
    s: 4,
    t: 5,
    g: 6,
    floats: 7,
    ints: 8,
    strings: 9,
    tensors: 10,
    graphs: 11,
    type: 20,
  },
  tensor: {
    dims: 1,
    dataType: 2,
    segment: 3,
    floatData: 4,
    int32Data: 5,
    stringData: 6,
    int64Data: 7,
    name: 8,
    rawData: 9,
    doubleData: 10,
    uint64Data: 11,
    docString: 12,
    externalData: 13,
    dataLocation: 14,
  },
  opset: { domain: 1, version: 2 },
  entry: { key: 1, value: 2 },
} as const

/** Returns the bytes of a TensorProto: the header, then the fields with its elements. */
export function tensorBytes(
  name: string,
  dataType: number,
  dims: readonly (number | bigint)[],
  ...payload: readonly Uint8Array[]
): Buffer<ArrayBuffer> {
  const { tensor } = onnxField
  return Buffer.concat([
    ...dims.map(dim => varintField(tensor.dims, dim)),
    varintField(tensor.dataType, dataType),
    bytesField(tensor.name, name),
    ...payload,
  ])
}

/** Returns a model whose graph has these initializers (TensorProto bytes) and other fields. */
export function modelBytes(
  initializers: readonly Uint8Array[],
  ...graphFields: readonly Uint8Array[]
): Buffer<ArrayBuffer> {
  const { model, graph, opset } = onnxField
  return Buffer.concat([
    varintField(model.irVersion, 8),
    bytesField(model.graph, [
      bytesField(graph.name, 'tests'),
      ...initializers.map(tensor => bytesField(graph.initializer, tensor)),
      ...graphFields,
    ]),
    bytesField(model.opsetImport, [bytesField(opset.domain, ''), varintField(opset.version, 13)]),
  ])
}
