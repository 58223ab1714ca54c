import { dtypeCode } from '../../tensor/dtype.ts'

/** The element types of PyTorch's storages and dtypes, by name. */
const storageTypes: Record<string, string> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
}
const dtypes: Record<string, string> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float16',
  bfloat16: 'bfloat16',
  int64: 'int64',
  int32: 'int32',
  int16: 'int16',
  int8: 'int8',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'bool',
  complex64: 'complex64',
  complex128: 'complex128',
  float8_e4m3fn: 'float8e4m3fn',
  float8_e4m3fnuz: 'float8e4m3fnuz',
  float8_e5m2: 'float8e5m2',
  float8_e5m2fnuz: 'float8e5m2fnuz',
  float8_e8m0fnu: 'float8e8m0',
}

/** Returns the code of the element type of a storage's class; null if its tensors state theirs; undefined for another name. */
export function storageType(name: string): number | null | undefined {
  if (name === 'torch.storage.UntypedStorage' || name === 'torch.UntypedStorage') return null
  const own = /^torch\.(?:storage\.|cuda\.)?(\w+)$/.exec(name)?.[1] ?? ''
  const dtype = Object.hasOwn(storageTypes, own) ? storageTypes[own] : undefined
  return dtype === undefined ? undefined : dtypeCode(dtype)
}

/** Returns the code of a dtype of PyTorch, such as `torch.float32`; undefined for another name. */
export function torchDtype(name: string): number | undefined {
  const own = /^torch\.(\w+)$/.exec(name)?.[1] ?? ''
  const dtype = Object.hasOwn(dtypes, own) ? dtypes[own] : undefined
  return dtype === undefined ? undefined : dtypeCode(dtype)
}
