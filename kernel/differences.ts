// Replaces the elements of blocks by their differences from a base, and drops some. Blocks as in conversions.ts, masks
// as in choices.ts. AssemblyScript.

import { placesFrom } from './lanes'

/** Sets x to x - b. */
export function subtract(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.sub(v128.load(x + at), v128.load(b + at)))
}

/** Sets x to |x - b|. */
export function distance(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.abs(f64x2.sub(v128.load(x + at), v128.load(b + at))))
}

/**
 * Sets x to x - b, divided by the divisor or times the factor, for elements whose number is below their probability.
 * Sets `used` for them, and x to `dropped` for all others. `eachScale`, `eachProbability`: true if every element has
 * its own; otherwise the first two hold for all. Returns the number of kept elements.
 */
export function keepBelow(
  x: usize,
  b: usize,
  scales: usize,
  eachScale: bool,
  isDivided: bool,
  numbers: usize,
  probabilities: usize,
  eachProbability: bool,
  count: i32,
  dropped: f64,
  used: usize,
): i32 {
  const ownScale: usize = eachScale ? -1 : 0
  const ownProbability: usize = eachProbability ? -1 : 0
  const rest = f64x2.splat(dropped)
  const end = f64x2.splat(<f64>count)
  const two = f64x2.splat(2)
  let places = placesFrom(0)
  let kept = i64x2.splat(0)
  const bytes = (<usize>count << 3)
  for (let at: usize = 0; at < bytes; at += 16) {
    const d = f64x2.sub(v128.load(x + at), v128.load(b + at))
    const scale = v128.load(scales + (at & ownScale))
    const scaled = isDivided ? f64x2.div(d, scale) : f64x2.mul(d, scale)
    const keep = f64x2.lt(v128.load(numbers + at), v128.load(probabilities + (at & ownProbability)))
    v128.store(x + at, v128.bitselect(scaled, rest, keep))
    v128.store(used + at, v128.or(v128.load(used + at), keep))
    kept = i64x2.sub(kept, v128.and(keep, f64x2.lt(places, end)))
    places = f64x2.add(places, two)
  }
  return <i32>(i64x2.extract_lane(kept, 0) + i64x2.extract_lane(kept, 1))
}

/** Sets elements of x that are not selected to `dropped`, and sets `used` for the others. */
export function drop(x: usize, selected: usize, dropped: f64, used: usize, bytes: usize): void {
  const rest = f64x2.splat(dropped)
  for (let at: usize = 0; at < bytes; at += 16) {
    const keep = v128.load(selected + at)
    v128.store(x + at, v128.bitselect(v128.load(x + at), rest, keep))
    v128.store(used + at, v128.or(v128.load(used + at), keep))
  }
}

/**
 * Returns the bits that a magnitude must exceed to stand before a cut of the order by size. `including`: true if
 * elements equal to the cut's value are included. The bits of magnitudes, read as integers, have the order of the
 * magnitudes, with NaN above infinity.
 */
@inline
function leastBits(value: f64, including: bool): i64 {
  if (value != value) return including ? 0x7ff0000000000000 : i64.MAX_VALUE
  return reinterpret<i64>(value) - <i64>including
}

/**
 * Sets x to x - b where its magnitude stands after one cut of the order and up to another. Sets `used` there, and x to
 * `dropped` elsewhere. Returns the number of kept elements.
 */
export function keepBetween(
  x: usize,
  b: usize,
  count: i32,
  behindValue: f64,
  isBehindIncluding: bool,
  value: f64,
  isIncluding: bool,
  dropped: f64,
  used: usize,
): i32 {
  const least = leastBits(value, isIncluding)
  const most = leastBits(behindValue, isBehindIncluding)
  const leasts = i64x2.splat(least)
  const mosts = i64x2.splat(most)
  const rest = f64x2.splat(dropped)
  let kept = i64x2.splat(0)
  const bytes = <usize>(count & ~1) << 3
  for (let at: usize = 0; at < bytes; at += 16) {
    const d = f64x2.sub(v128.load(x + at), v128.load(b + at))
    const magnitude = f64x2.abs(d)
    const keep = v128.andnot(i64x2.gt_s(magnitude, leasts), i64x2.gt_s(magnitude, mosts))
    v128.store(x + at, v128.bitselect(d, rest, keep))
    v128.store(used + at, v128.or(v128.load(used + at), keep))
    kept = i64x2.sub(kept, keep)
  }
  let all = <i32>(i64x2.extract_lane(kept, 0) + i64x2.extract_lane(kept, 1))
  // The element after an odd count belongs to another call.
  if (count & 1) {
    const d = load<f64>(x + bytes) - load<f64>(b + bytes)
    const magnitude = reinterpret<i64>(abs(d))
    const keep = magnitude > least && !(magnitude > most)
    store<f64>(x + bytes, keep ? d : dropped)
    if (keep) {
      store<i64>(used + bytes, -1)
      all += 1
    }
  }
  return all
}
