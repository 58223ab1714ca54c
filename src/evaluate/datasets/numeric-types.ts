/**
 * What a numeric type holds exactly: every integer of up to `digits` binary digits, and negative ones if `signed`; a `float`
 * holds fractions too.
 */
type NumericType = { digits: number; signed: boolean; float: boolean }

const integer = (digits: number, signed: boolean): NumericType => ({ digits, signed, float: false })
const float = (digits: number): NumericType => ({ digits, signed: true, float: true })

const types = new Map<string, NumericType>([
  ['bool', integer(1, false)],
  ['uint8', integer(8, false)],
  ['uint16', integer(16, false)],
  ['uint32', integer(32, false)],
  ['uint64', integer(64, false)],
  ['int8', integer(7, true)],
  ['int16', integer(15, true)],
  ['int32', integer(31, true)],
  ['int64', integer(63, true)],
  ['float16', float(11)],
  ['bfloat16', float(8)],
  ['float32', float(24)],
  ['float64', float(53)],
])

/**
 * Whether every value of one numeric type is a value of another, so that no value need be looked at.
 * The smallest negative integer, a power of two, is exact in every float here of as many digits as its type.
 */
export function alwaysExact(from: string, to: string): boolean {
  const source = types.get(from)
  const target = types.get(to)
  if (!source || !target || to === 'bool') return from === to
  // More digits come with a wider exponent here, but for bfloat16, whose exponent is wider than that of float16.
  if (source.float) return target.float && target.digits > source.digits && to !== 'float16'
  return target.digits >= source.digits && (target.signed || !source.signed)
}
