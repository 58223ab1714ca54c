// Weighted sums of float16 and bfloat16; see weighted-sum.ts. AssemblyScript.

import { decodeHalf, promoteHigh } from './lanes'
import { decode, encode } from './sixteen-bits'
import { scale, setDifferent } from './sum-parts'

/** 2^-112: callers multiply float16 weights by 2^112, and elements are multiplied by this as float32, which is exact. */
const halfShift: f32 = 1.925929944387236e-34

/** Memory in which {@link sumSpecialHalves} leaves the sums of eight elements. */
const specialSums = memory.data(64, 16)

/** Sums eight float16 elements over all models, with any of them infinite or NaN. */
function sumSpecialHalves(addresses: usize, weights: usize, models: i32, at: usize): void {
  for (let half: usize = 0; half < 2; half += 1) {
    let low = f64x2.splat(0)
    let high = f64x2.splat(0)
    for (let model = 0; model < models; model += 1) {
      const codes = v128.load16x4_u(<usize>load<u32>(addresses + (model << 2)) + at + (half << 3))
      const x = f32x4.mul(decodeHalf(codes), f32x4.splat(halfShift))
      const weight = v128.load64_splat(weights + (model << 3))
      const lower = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
      const upper = f64x2.mul(weight, promoteHigh(x))
      low = model == 0 ? lower : f64x2.add(low, lower)
      high = model == 0 ? upper : f64x2.add(high, upper)
    }
    v128.store(specialSums + (half << 5), low)
    v128.store(specialSums + (half << 5), high, 16)
  }
}

/** Sums float16 or bfloat16 (`brain`), eight elements at a time. */
@inline
function sumSixteenBits(
  brain: bool,
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  const factors = f64x2.splat(factor)
  const exponent = i16x8.splat(brain ? 0x7f80 : 0x7c00)
  const magnitude = i16x8.splat(0x7fff)
  let nonFinite: i32 = 0
  let differing = i16x8.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let weight = v128.load64_splat(weights)
    let x = decode(brain, i32x4.extend_low_i16x8_s(first))
    let a = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
    let b = f64x2.mul(weight, promoteHigh(x))
    x = decode(brain, i32x4.extend_high_i16x8_s(first))
    let c = f64x2.mul(weight, f64x2.promote_low_f32x4(x))
    let d = f64x2.mul(weight, promoteHigh(x))
    let difference = i16x8.splat(0)
    let largest = v128.and(first, magnitude)
    for (let model = 1; model < models; model += 1) {
      const next = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      weight = v128.load64_splat(weights + (model << 3))
      x = decode(brain, i32x4.extend_low_i16x8_s(next))
      a = f64x2.add(a, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      b = f64x2.add(b, f64x2.mul(weight, promoteHigh(x)))
      x = decode(brain, i32x4.extend_high_i16x8_s(next))
      c = f64x2.add(c, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      d = f64x2.add(d, f64x2.mul(weight, promoteHigh(x)))
      difference = v128.or(difference, v128.xor(next, first))
      if (!brain) largest = i16x8.max_s(largest, v128.and(next, magnitude))
    }
    if (!brain && v128.any_true(i16x8.ge_s(largest, exponent))) {
      sumSpecialHalves(addresses, weights, models, at)
      a = v128.load(specialSums)
      b = v128.load(specialSums, 16)
      c = v128.load(specialSums, 32)
      d = v128.load(specialSums, 48)
    }
    a = scale(a, scaling, factors)
    b = scale(b, scaling, factors)
    c = scale(c, scaling, factors)
    d = scale(d, scaling, factors)
    let y = encode(brain, a, b, c, d)
    if (keepIdentical) {
      y = v128.bitselect(first, y, i16x8.eq(difference, i16x8.splat(0)))
      differing = v128.or(differing, difference)
    }
    v128.store(output + at, y)
    nonFinite += popcnt(i16x8.bitmask(i16x8.eq(v128.and(y, exponent), exponent)))
  }
  setDifferent(keepIdentical ? <i32>v128.any_true(differing) : 1)
  return nonFinite
}

/** Sums float16 elements; weights come multiplied by 2^112. */
export function sumFloat16(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  return sumSixteenBits(false, addresses, weights, models, bytes, factor, scaling, keepIdentical, output)
}

/** Sums bfloat16 elements. */
export function sumBfloat16(
  addresses: usize,
  weights: usize,
  models: i32,
  bytes: usize,
  factor: f64,
  scaling: i32,
  keepIdentical: bool,
  output: usize,
): i32 {
  return sumSixteenBits(true, addresses, weights, models, bytes, factor, scaling, keepIdentical, output)
}
