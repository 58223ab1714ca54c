// Selects elements of blocks by their place in an order by size, or at random, and gathers keys between two others.
// Blocks as in conversions.ts. AssemblyScript.
//
// A mask is all ones or all zeros in each lane of 64 bits.

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
