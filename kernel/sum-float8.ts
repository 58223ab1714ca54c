// Weighted sums of float8 types; see weighted-sum.ts. AssemblyScript.

import { divided, multiplied, setDifferent } from './sum-parts'

/**
 * Sums a float8 type, one element at a time. `values`: the f64 value of each of the 256 codes. The other parameters
 * describe the type as small-float.ts does.
 */
export function sumFloat8(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
  values: usize,
  mantissaBits: i32,
  bias: i32,
  maxFinite: i32,
  overflow: i32,
  nan: i32,
  unsignedZero: bool,
): i32 {
  let nonFinite: i32 = 0
  let differs = false
  for (let at: usize = 0; at < bytes; at += 1) {
    const first = load<u8>(<usize>load<u32>(addresses) + at)
    let sum = load<f64>(weights) * load<f64>(values + (<usize>first << 3))
    let identical = true
    for (let model = 1; model < models; model += 1) {
      const code = load<u8>(<usize>load<u32>(addresses + (model << 2)) + at)
      sum += load<f64>(weights + (model << 3)) * load<f64>(values + (<usize>code << 3))
      identical = identical && code == first
    }
    let y: i32
    if (keepIdentical && identical) y = first
    else {
      if (!identical) differs = true
      if (scaling == divided) sum /= factor
      else if (scaling == multiplied) sum *= factor
      y = encodeFloat8(sum, mantissaBits, bias, maxFinite, overflow, nan, unsignedZero)
    }
    store<u8>(output + at, <u8>y)
    const value = load<f64>(values + (<usize>y << 3))
    if (value - value != 0) nonFinite += 1
  }
  setDifferent(!keepIdentical || differs ? 1 : 0)
  return nonFinite
}

@inline
function encodeFloat8(
  value: f64,
  mantissaBits: i32,
  bias: i32,
  maxFinite: i32,
  overflow: i32,
  nan: i32,
  unsignedZero: bool,
): i32 {
  if (value != value) return nan
  const bits = reinterpret<i64>(value)
  const sign = bits < 0 ? 0x80 : 0
  const biased = <i32>((bits >> 52) & 0x7ff)
  if (biased == 0x7ff) return overflow == nan ? nan : sign | overflow
  const exponent = max(biased - 1023, 1 - bias)
  const units = abs(value) * reinterpret<f64>(<i64>(mantissaBits - exponent + 1023) << 52)
  // Rounds to an integer, to nearest even.
  const rounded = <i32>(units + 4503599627370496.0 - 4503599627370496.0)
  const implicit = 1 << mantissaBits
  const magnitude = rounded < implicit ? rounded : ((exponent + bias) << mantissaBits) + rounded - implicit
  if (magnitude > maxFinite) return overflow == nan ? nan : sign | overflow
  return magnitude == 0 && unsignedZero ? 0 : sign | magnitude
}
