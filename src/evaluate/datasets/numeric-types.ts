/**
 * The values that a numeric type holds exactly: integers of up to `digits` binary digits, negative ones if `signed`, and fractions if
 * `float`.
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
 * True if every value of one numeric type is exact in another, so that no value needs a check. The smallest negative integer is a power of
 * two, so each float with as many digits holds it.
 */
export function alwaysExact(from: string, to: string): boolean {
  const source = types.get(from)
  const target = types.get(to)
  if (!source || !target || to === 'bool') return from === to
  // A float with more digits also has a wider exponent, except float16: bfloat16 has fewer digits and a wider exponent.
  if (source.float) return target.float && target.digits > source.digits && to !== 'float16'
  return target.digits >= source.digits && (target.signed || !source.signed)
}
