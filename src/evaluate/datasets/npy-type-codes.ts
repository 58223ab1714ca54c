/**
 * NumPy's codes of element types, each with its letters and names (https://numpy.org/doc/stable/reference/arrays.dtypes.html). C types have
 * their sizes on 64-bit Linux.
 */
const otherSpellings: readonly [code: string, letters: string, names: readonly string[]][] = [
  ['b1', '?', ['bool', 'bool_']],
  ['i1', 'b', ['int8', 'byte']],
  ['i2', 'h', ['int16', 'short']],
  ['i4', 'i', ['int32', 'intc']],
  ['i8', 'lqpn', ['int64', 'int', 'int_', 'long', 'longlong', 'intp']],
  ['u1', 'B', ['uint8', 'ubyte']],
  ['u2', 'H', ['uint16', 'ushort']],
  ['u4', 'I', ['uint32', 'uintc']],
  ['u8', 'LQPN', ['uint64', 'uint', 'ulong', 'ulonglong', 'uintp']],
  ['f2', 'e', ['float16', 'half']],
  ['f4', 'f', ['float32', 'single']],
  ['f8', 'd', ['float64', 'float', 'double']],
  ['f12', '', ['float96']],
  ['f16', 'g', ['float128', 'longdouble']],
  ['c8', 'F', ['complex64', 'csingle']],
  ['c16', 'D', ['complex128', 'complex', 'cdouble']],
  ['c32', 'G', ['complex256', 'clongdouble']],
  ['S0', '', ['bytes', 'bytes_']],
  ['S1', 'c', []],
  ['U0', '', ['str', 'str_', 'unicode']],
  ['V0', '', ['void']],
  ['O', '', ['object', 'object_']],
  ['M8', '', ['datetime64']],
  ['m8', '', ['timedelta64']],
]
const byLetter = new Map(otherSpellings.flatMap(([code, letters]) => [...letters].map(letter => [letter, code])))
const byName = new Map(otherSpellings.flatMap(([code, , names]) => names.map(name => [name, code])))

/**
 * The parts of a type: byte order, kind and size, such as `<`, `f` and `4`. `isWhole`: false if it has another form. Order and size may be
 * empty.
 */
export type NpyTypeCode = { order: string; kind: string; size: string; isWhole: boolean }

/** Returns the parts of a type, as NumPy reads its letters and names. A name has no byte order. The kind is empty if it is no type. */
export function npyTypeCode(descr: string): NpyTypeCode {
  const [, order = '', text = ''] = /^([<>|=]?)(.*)$/su.exec(descr) ?? []
  const code = byLetter.get(text) ?? (order === '' ? byName.get(text) : undefined) ?? text
  const [whole = '', letter = '', size = ''] = /^([A-Za-z])(\d{1,15})?(?:(?<=^[Mm]8)\[\w+\])?/u.exec(code) ?? []
  // NumPy called S by the letter a until version 2.
  return { order, kind: letter === 'a' ? 'S' : letter, size, isWhole: whole === code }
}
