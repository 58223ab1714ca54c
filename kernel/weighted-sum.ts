// The weighted sum of src/tensor/weighted-sum.ts in SIMD, bit for bit: binary64 lanes, left to right from the first
// product, no fused multiply-add, rounded once. AssemblyScript; `npm run build:kernel` compiles it to kernel-binary.ts.
//
// This file has the sums of float32 and float64. Those of other types are in sum-sixteen-bits.ts and sum-float8.ts.
//
// All functions take:
// - an array of `models` u32 addresses of the inputs, and an array of their f64 weights, in the same order;
// - the bytes to compute, a multiple of 32 (callers pad with zeros);
// - a factor, and `scaling`: 0 leaves the sums unchanged, 1 divides them by the factor, 2 multiplies them with it;
// - `keepIdentical`: true to copy elements whose bits are the same in every input;
// - the address of the result.
//
// They return the number of NaN and infinite elements of the result.

import { demote, promoteHigh, sumOfLanes } from './lanes'
import { scale, setDifferent } from './sum-parts'

export { anyDifferent } from './sum-parts'

/** Sums float32 elements, eight at a time. */
export function sumFloat32(
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
  const exponent = i32x4.splat(0x7f800000)
  let nonFinite = i32x4.splat(0)
  let differing = i32x4.splat(0)
  // Eight elements at a time, so that addresses and weights are loaded half as often.
  for (let at: usize = 0; at < bytes; at += 32) {
    const address = <usize>load<u32>(addresses) + at
    const first = v128.load(address)
    const second = v128.load(address, 16)
    let weight = v128.load64_splat(weights)
    let a = f64x2.mul(weight, f64x2.promote_low_f32x4(first))
    let b = f64x2.mul(weight, promoteHigh(first))
    let c = f64x2.mul(weight, f64x2.promote_low_f32x4(second))
    let d = f64x2.mul(weight, promoteHigh(second))
    let firstDiffers = i32x4.splat(0)
    let secondDiffers = i32x4.splat(0)
    for (let model = 1; model < models; model += 1) {
      const next = <usize>load<u32>(addresses + (model << 2)) + at
      const x = v128.load(next)
      const z = v128.load(next, 16)
      weight = v128.load64_splat(weights + (model << 3))
      a = f64x2.add(a, f64x2.mul(weight, f64x2.promote_low_f32x4(x)))
      b = f64x2.add(b, f64x2.mul(weight, promoteHigh(x)))
      c = f64x2.add(c, f64x2.mul(weight, f64x2.promote_low_f32x4(z)))
      d = f64x2.add(d, f64x2.mul(weight, promoteHigh(z)))
      firstDiffers = v128.or(firstDiffers, v128.xor(x, first))
      secondDiffers = v128.or(secondDiffers, v128.xor(z, second))
    }
    let y = demote(scale(a, scaling, factors), scale(b, scaling, factors))
    let v = demote(scale(c, scaling, factors), scale(d, scaling, factors))
    y = v128.bitselect(i32x4.splat(0x7fc00000), y, f32x4.ne(y, y))
    v = v128.bitselect(i32x4.splat(0x7fc00000), v, f32x4.ne(v, v))
    if (keepIdentical) {
      y = v128.bitselect(first, y, i32x4.eq(firstDiffers, i32x4.splat(0)))
      v = v128.bitselect(second, v, i32x4.eq(secondDiffers, i32x4.splat(0)))
      differing = v128.or(differing, v128.or(firstDiffers, secondDiffers))
    }
    v128.store(output + at, y)
    v128.store(output + at, v, 16)
    nonFinite = i32x4.sub(nonFinite, i32x4.eq(v128.and(y, exponent), exponent))
    nonFinite = i32x4.sub(nonFinite, i32x4.eq(v128.and(v, exponent), exponent))
  }
  setDifferent(keepIdentical ? <i32>v128.any_true(differing) : 1)
  return sumOfLanes(nonFinite)
}

/** Sums float64 elements, two at a time. */
export function sumFloat64(
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
  const exponent = i64x2.splat(0x7ff0000000000000)
  let nonFinite = i64x2.splat(0)
  let differing = i64x2.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let sum = f64x2.mul(v128.load64_splat(weights), first)
    let difference = i64x2.splat(0)
    for (let model = 1; model < models; model += 1) {
      const x = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(weights + (model << 3)), x))
      difference = v128.or(difference, v128.xor(x, first))
    }
    let y = scale(sum, scaling, factors)
    y = v128.bitselect(i64x2.splat(0x7ff8000000000000), y, f64x2.ne(y, y))
    if (keepIdentical) {
      y = v128.bitselect(first, y, i64x2.eq(difference, i64x2.splat(0)))
      differing = v128.or(differing, difference)
    }
    v128.store(output + at, y)
    nonFinite = i64x2.sub(nonFinite, i64x2.eq(v128.and(y, exponent), exponent))
  }
  setDifferent(keepIdentical ? <i32>v128.any_true(differing) : 1)
  return <i32>(i64x2.extract_lane(nonFinite, 0) + i64x2.extract_lane(nonFinite, 1))
}
