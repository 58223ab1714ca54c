/** The storage of tensors: an entry of the zip file. `dataType`: code of its element type; null if the tensors state it. */
export type TorchStorage = { kind: 'storage'; key: string; dataType: number | null; elements: number }

/** A tensor: a view of a storage. Offset and strides count elements. */
export type TorchTensor = {
  kind: 'tensor'
  storage: TorchStorage
  dataType: number
  offset: number
  dims: readonly number[]
  strides: readonly number[]
}

export type PickleList = { kind: 'list'; items: PickleValue[] }
export type PickleTuple = { kind: 'tuple'; items: readonly PickleValue[] }
/** A dict, also an OrderedDict. Keys that are texts or numbers are equal by value, all others by identity. */
export type PickleDict = { kind: 'dict'; entries: Map<PickleValue, PickleValue> }
/** A function or class by its name, which is never called: {@link knownGlobals} says what stands for its results. */
export type PickleGlobal = { kind: 'global'; name: string }
/** A value that no tensor depends on. `of`: its type. */
export type OpaqueValue = { kind: 'opaque'; of: string }

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | TorchStorage
  | TorchTensor
  | PickleList
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | OpaqueValue

/** The kinds of values that are objects. */
type ObjectKind = Exclude<PickleValue, null | boolean | number | string>['kind']

/** Returns a value if it is of this kind. */
export function ofKind<Kind extends ObjectKind>(
  value: PickleValue | undefined,
  kind: Kind,
): Extract<PickleValue, { kind: Kind }> | undefined
export function ofKind(value: PickleValue | undefined, kind: ObjectKind): PickleValue | undefined {
  return typeof value === 'object' && value?.kind === kind ? value : undefined
}

/** Returns the name of a value's type for errors. */
export function typeOf(value: PickleValue): string {
  if (value === null) return 'None'
  if (typeof value !== 'object') return typeof value === 'string' ? 'a text' : `a ${typeof value}`
  if (value.kind === 'opaque') return `an object of ${value.of}`
  return value.kind === 'global' ? `the class ${value.name}` : `a ${value.kind}`
}
