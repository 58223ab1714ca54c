/** An element type of ONNX (TensorProto.DataType up to IR 14), or one of checkpoints that ONNX lacks. */
export type DType = {
  code: number
  name: string
  /** Bits of one element in raw_data; 0 if elements have no fixed size. */
  bits: number
  /** True for types that soups average. Elements of other types are carried over, and must agree. */
  float: boolean
  /** The field of TensorProto that holds the elements if raw_data does not. */
  typedField: 'float_data' | 'int32_data' | 'int64_data' | 'double_data' | 'uint64_data' | 'string_data'
  /** Values in the typed field for one element: 2 for complex numbers, 1/2 or 1/4 if several elements share a value. */
  typedPerElement: number
}

const row = (
  code: number,
  name: string,
  bits: number,
  typedField: DType['typedField'],
  { float = false, typedPerElement = 1 } = {},
): DType => ({ code, name, bits, float, typedField, typedPerElement })

const dtypes = [
  row(1, 'float32', 32, 'float_data', { float: true }),
  row(2, 'uint8', 8, 'int32_data'),
  row(3, 'int8', 8, 'int32_data'),
  row(4, 'uint16', 16, 'int32_data'),
  row(5, 'int16', 16, 'int32_data'),
  row(6, 'int32', 32, 'int32_data'),
  row(7, 'int64', 64, 'int64_data'),
  row(8, 'string', 0, 'string_data'),
  row(9, 'bool', 8, 'int32_data'),
  row(10, 'float16', 16, 'int32_data', { float: true }),
  row(11, 'float64', 64, 'double_data', { float: true }),
  row(12, 'uint32', 32, 'uint64_data'),
  row(13, 'uint64', 64, 'uint64_data'),
  row(14, 'complex64', 64, 'float_data', { typedPerElement: 2 }),
  row(15, 'complex128', 128, 'double_data', { typedPerElement: 2 }),
  row(16, 'bfloat16', 16, 'int32_data', { float: true }),
  row(17, 'float8e4m3fn', 8, 'int32_data', { float: true }),
  row(18, 'float8e4m3fnuz', 8, 'int32_data', { float: true }),
  row(19, 'float8e5m2', 8, 'int32_data', { float: true }),
  row(20, 'float8e5m2fnuz', 8, 'int32_data', { float: true }),
  row(21, 'uint4', 4, 'int32_data', { typedPerElement: 1 / 2 }),
  row(22, 'int4', 4, 'int32_data', { typedPerElement: 1 / 2 }),
  row(23, 'float4e2m1', 4, 'int32_data', { typedPerElement: 1 / 2 }),
  row(24, 'float8e8m0', 8, 'int32_data'),
  row(25, 'uint2', 2, 'int32_data', { typedPerElement: 1 / 4 }),
  row(26, 'int2', 2, 'int32_data', { typedPerElement: 1 / 4 }),
  // Types of safetensors that ONNX does not have. Their codes have more than 32 bits, so that no ONNX file can state them.
  row(0x1_0000_0001, 'float6e2m3', 6, 'int32_data'),
  row(0x1_0000_0002, 'float6e3m2', 6, 'int32_data'),
]

const byCode = new Map(dtypes.map(dtype => [dtype.code, dtype]))

/** Returns the element type of an ONNX code; undefined for a code that ONNX does not define. */
export function dtypeOf(code: number): DType | undefined {
  return byCode.get(code)
}

/** Returns the name of an ONNX element type, such as `float32`; `type 99` for an unknown code. */
export function dtypeName(code: number): string {
  return byCode.get(code)?.name ?? `type ${code}`
}

/**
 * Returns ONNX's code of an element type by its name.
 *
 * @throws RangeError for an unknown name
 */
export function dtypeCode(name: string): number {
  const code = dtypes.find(dtype => dtype.name === name)?.code
  if (code === undefined) throw new RangeError(`${name} is no element type`)
  return code
}

/** Returns the number of bytes of `elements` elements in raw_data. */
export function rawBytes(dtype: DType, elements: number): number {
  return Math.ceil((elements * dtype.bits) / 8)
}
