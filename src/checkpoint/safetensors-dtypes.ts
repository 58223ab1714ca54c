import { dtypeCode, dtypeOf } from '../tensor/dtype.ts'

/** Element types of safetensors (https://docs.rs/safetensors, enum Dtype) with the names that this project has for them. */
export const safetensorsTypes: readonly (readonly [string, string])[] = [
  ['BOOL', 'bool'],
  ['F4', 'float4e2m1'],
  ['F6_E2M3', 'float6e2m3'],
  ['F6_E3M2', 'float6e3m2'],
  ['U8', 'uint8'],
  ['I8', 'int8'],
  ['F8_E5M2', 'float8e5m2'],
  ['F8_E4M3', 'float8e4m3fn'],
  ['F8_E5M2FNUZ', 'float8e5m2fnuz'],
  ['F8_E4M3FNUZ', 'float8e4m3fnuz'],
  ['F8_E8M0', 'float8e8m0'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['F32', 'float32'],
  ['C64', 'complex64'],
  ['F64', 'float64'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
]

const codes = new Map(safetensorsTypes.map(([theirs, ours]) => [theirs, dtypeCode(ours)]))
const nameByCode = new Map([...codes].map(([theirs, code]) => [code, theirs]))

/** The names of all element types of safetensors. */
export const safetensorsDtypes = [...codes.keys()]

/** Returns the code of an element type that safetensors names; undefined for an unknown name. */
export function codeOfSafetensors(name: string): number | undefined {
  return codes.get(name)
}

/** Returns the name that safetensors has for an element type; undefined if it has none, such as for complex128. */
export function safetensorsName(code: number): string | undefined {
  return nameByCode.get(code)
}

/** Returns the bits of an element of a type. @throws RangeError for an unknown code */
export function bitsOf(code: number): number {
  const dtype = dtypeOf(code)
  if (!dtype) throw new RangeError(`there is no element type ${code}`)
  return dtype.bits
}
