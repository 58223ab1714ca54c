// Chooses the elements of blocks that are kept: by their place in an order by size, or at random. Blocks and masks as
// in blocks.ts. AssemblyScript.

import { placesFrom } from './lanes'

/** Returns all ones for elements before a cut of the order by size or at it. NaN comes before all others. */
@inline
function within(key: v128, place: v128, value: v128, last: v128): v128 {
  const upToLast = f64x2.le(place, last)
  const equal = v128.or(f64x2.eq(key, value), v128.and(f64x2.ne(key, key), f64x2.ne(value, value)))
  const isLarger = v128.or(f64x2.gt(key, value), v128.and(f64x2.ne(key, key), f64x2.eq(value, value)))
  return v128.or(isLarger, v128.and(equal, upToLast))
}

/**
 * Selects the elements after one cut of the order by magnitude, if given (`hasBehind`), up to another. Returns their
 * number.
 */
export function selectBetween(
  keys: usize,
  first: f64,
  count: i32,
  hasBehind: bool,
  behindValue: f64,
  behindLast: f64,
  value: f64,
  last: f64,
  selected: usize,
): i32 {
  const values = f64x2.splat(value)
  const lasts = f64x2.splat(last)
  const behindValues = f64x2.splat(behindValue)
  const behindLasts = f64x2.splat(behindLast)
  const end = f64x2.splat(first + <f64>count)
  const two = f64x2.splat(2)
  let places = placesFrom(first)
  let kept = i64x2.splat(0)
  const bytes = (<usize>count << 3)
  for (let at: usize = 0; at < bytes; at += 16) {
    const key = f64x2.abs(v128.load(keys + at))
    let keep = v128.and(within(key, places, values, lasts), f64x2.lt(places, end))
    if (hasBehind) keep = v128.andnot(keep, within(key, places, behindValues, behindLasts))
    v128.store(selected + at, keep)
    kept = i64x2.sub(kept, keep)
    places = f64x2.add(places, two)
  }
  return <i32>(i64x2.extract_lane(kept, 0) + i64x2.extract_lane(kept, 1))
}

/**
 * Selects elements whose number is below their probability. `each`: true if every element has its own probability;
 * otherwise the first two hold for all. Returns the number of selected elements.
 */
export function selectBelow(numbers: usize, probabilities: usize, each: bool, count: i32, selected: usize): i32 {
  const own: usize = each ? -1 : 0
  const end = f64x2.splat(<f64>count)
  const two = f64x2.splat(2)
  let places = placesFrom(0)
  let kept = i64x2.splat(0)
  const bytes = (<usize>count << 3)
  for (let at: usize = 0; at < bytes; at += 16) {
    const isBelow = f64x2.lt(v128.load(numbers + at), v128.load(probabilities + (at & own)))
    const keep = v128.and(isBelow, f64x2.lt(places, end))
    v128.store(selected + at, keep)
    kept = i64x2.sub(kept, keep)
    places = f64x2.add(places, two)
  }
  return <i32>(i64x2.extract_lane(kept, 0) + i64x2.extract_lane(kept, 1))
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

/** The number of keys above the upper end in the last call. */
let above: i32 = 0

/** Returns the number of keys above the upper end in the last call. */
export function countedAbove(): i32 {
  return above
}

/** Writes the keys from `low` to `high`, and their places as i32. Returns the number of keys. */
export function gatherBetween(keys: usize, count: i32, low: f64, high: f64, gathered: usize, places: usize): i32 {
  const lows = f64x2.splat(low)
  const highs = f64x2.splat(high)
  let larger = i64x2.splat(0)
  let next = 0
  const whole = count & ~1
  for (let place = 0; place < whole; place += 2) {
    const key = v128.load(keys + (<usize>place << 3))
    const upToHigh = f64x2.le(key, highs)
    larger = i64x2.add(larger, upToHigh)
    const inside = v128.and(upToHigh, f64x2.ge(key, lows))
    if (v128.any_true(inside)) {
      const lanes = i64x2.bitmask(inside)
      v128.store64_lane(gathered + (<usize>next << 3), key, 0)
      store<i32>(places + (<usize>next << 2), place)
      next += lanes & 1
      v128.store64_lane(gathered + (<usize>next << 3), key, 1)
      store<i32>(places + (<usize>next << 2), place + 1)
      next += lanes >> 1
    }
  }
  above = whole + <i32>(i64x2.extract_lane(larger, 0) + i64x2.extract_lane(larger, 1))
  if (whole < count) {
    const key = load<f64>(keys + (<usize>whole << 3))
    if (!(key <= high)) above += 1
    else if (key >= low) {
      store<f64>(gathered + (<usize>next << 3), key)
      store<i32>(places + (<usize>next << 2), whole)
      next += 1
    }
  }
  return next
}
