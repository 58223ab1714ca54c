// What merge methods do to blocks of elements in binary64, two at a time, bit for bit as block-engine.ts does it. AssemblyScript.
//
// Blocks begin at multiples of 16 and have room for whole vectors: `bytes` is a multiple of 16. Masks are all ones or all zeros in
// each lane of 64 bits; what stands behind the last of `count` elements is not counted.

/** The places of a vector's elements, the first of which is given. */
@inline
function placesFrom(first: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(first), 1, first + 1)
}

export function decodeFloat32(elements: usize, bytes: usize, output: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(output + at, f64x2.promote_low_f32x4(v128.load64_zero(elements + (at >> 1))))
}

/** How many elements the last call of {@link finishFloat32} copied. */
let identical: i32 = 0

export function countedIdentical(): i32 {
  return identical
}

/** Two binary64 as the lower two of four float32, rounded to nearest even. */
@inline
function demotePairs(low: v128, high: v128): v128 {
  const a = f32x4.demote_f64x2_zero(low)
  const b = f32x4.demote_f64x2_zero(high)
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

/**
 * Rounds values once, to nearest even; NaN becomes the canonical one. Elements whose bits are the same in all of so many sources, which
 * are stored one `stride` behind the other, are copied; 0: none is. @returns how many of the result are NaN or infinite
 */
export function finishFloat32(values: usize, count: i32, stored: usize, stride: usize, compared: i32, output: usize): i32 {
  const exponent = i32x4.splat(0x7f800000)
  const end = i32x4.splat(count)
  const nothing = i32x4.splat(0)
  let places = i32x4(0, 1, 2, 3)
  let nonFinite = nothing
  let same = nothing
  const bytes = <usize>count << 2
  for (let at: usize = 0; at < bytes; at += 16) {
    let y = demotePairs(v128.load(values + (at << 1)), v128.load(values + (at << 1), 16))
    y = v128.bitselect(y, i32x4.splat(0x7fc00000), f32x4.eq(y, y))
    const counted = i32x4.lt_s(places, end)
    if (compared > 0) {
      const first = v128.load(stored + at)
      let differing = nothing
      for (let source = 1; source < compared; source += 1)
        differing = v128.or(differing, v128.xor(first, v128.load(stored + <usize>source * stride + at)))
      const isSame = i32x4.eq(differing, nothing)
      y = v128.bitselect(first, y, isSame)
      same = i32x4.sub(same, v128.and(isSame, counted))
    }
    v128.store(output + at, y)
    nonFinite = i32x4.sub(nonFinite, v128.and(i32x4.eq(v128.and(y, exponent), exponent), counted))
    places = i32x4.add(places, i32x4.splat(4))
  }
  identical = sumOfLanes(same)
  return sumOfLanes(nonFinite)
}

@inline
function sumOfLanes(counts: v128): i32 {
  return (
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3)
  )
}

/** x - b in the place of x. */
export function subtract(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.sub(v128.load(x + at), v128.load(b + at)))
}

/** |x - b| in the place of x. */
export function distance(x: usize, b: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(x + at, f64x2.abs(f64x2.sub(v128.load(x + at), v128.load(b + at))))
}

/** Whether elements stand at a cut of the order by size or before it; NaN stands before all others. */
@inline
function within(key: v128, place: v128, value: v128, last: v128): v128 {
  const upToLast = f64x2.le(place, last)
  const equal = v128.or(f64x2.eq(key, value), v128.and(f64x2.ne(key, key), f64x2.ne(value, value)))
  const isLarger = v128.or(f64x2.gt(key, value), v128.and(f64x2.ne(key, key), f64x2.eq(value, value)))
  return v128.or(isLarger, v128.and(equal, upToLast))
}

/**
 * Selects those behind one cut of the order by magnitude, if there is one (`hasBehind`), up to another.
 * @returns how many there are
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

/** Selects elements whose number is less than their probability. `each`: whether every element has a probability of its own, or all have the first two. @returns how many there are */
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
 * x - b, by its divisor or times the factor, in the place of x where the number of the element is less than its probability, elsewhere
 * `dropped`; sets `used` where it is. `eachScale`, `eachProbability`: whether every element has its own, or
 * all have the first two. @returns how many there are
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

/** What is not selected becomes `dropped`; `used` is set where something is. */
export function drop(x: usize, selected: usize, dropped: f64, used: usize, bytes: usize): void {
  const rest = f64x2.splat(dropped)
  for (let at: usize = 0; at < bytes; at += 16) {
    const keep = v128.load(selected + at)
    v128.store(x + at, v128.bitselect(v128.load(x + at), rest, keep))
    v128.store(used + at, v128.or(v128.load(used + at), keep))
  }
}

/**
 * The bits that a magnitude must exceed to stand within a cut of the order by size, at elements where those that equal its value are
 * included or not. As whole numbers magnitudes have their own order, NaN behind infinity.
 */
@inline
function leastBits(value: f64, including: bool): i64 {
  if (value != value) return including ? 0x7ff0000000000000 : i64.MAX_VALUE
  return reinterpret<i64>(value) - <i64>including
}

/**
 * x - b in the place of x where that stands behind one cut of the order by magnitude and up to another, elsewhere `dropped`; sets `used`
 * where it does. @returns how many there are
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
  // What stands behind an odd number is another call's.
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

/** The weighted sum of the models' terms at one place, left to right from the first product. */
@inline
function weightedSum(addresses: usize, weights: usize, models: i32, at: usize): v128 {
  let sum = f64x2.mul(v128.load64_splat(weights), v128.load(<usize>load<u32>(addresses) + at))
  for (let model = 1; model < models; model += 1) {
    const term = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
    sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(weights + (model << 3)), term))
  }
  return sum
}

/** What sums are divided by: nothing, a number, or the sum of the weights of those that agree. */
const byNumber: i32 = 1
const byAgreeing: i32 = 2

/** Whether the last call copied any NaN of the base. */
let copied: i32 = 0

export function copiedNaN(): i32 {
  return copied
}

/** Whether models vote with their weights, none of which is negative. */
function areVotesWeights(weights: usize, votes: usize, models: i32): bool {
  for (let model = 0; model < models; model += 1) {
    const weight = load<f64>(weights + (model << 3))
    if (!(weight >= 0) || weight != load<f64>(votes + (model << 3))) return false
  }
  return true
}

/** b + lambda m where anything is used, elsewhere b. */
@inline
function changed(base: v128, lambda: v128, m: v128, used: v128): v128 {
  return v128.bitselect(f64x2.add(base, f64x2.mul(lambda, m)), base, used)
}

export function addChanges(
  addresses: usize,
  weights: usize,
  models: i32,
  base: usize,
  used: usize,
  lambda: f64,
  how: i32,
  divisor: f64,
  bytes: usize,
  output: usize,
): void {
  const lambdas = f64x2.splat(lambda)
  const divisors = f64x2.splat(divisor)
  let anyCopied = i64x2.splat(0)
  for (let at: usize = 0; at < bytes; at += 16) {
    const b = v128.load(base + at)
    const isUsed = v128.load(used + at)
    let sum = weightedSum(addresses, weights, models, at)
    if (how == byNumber) sum = f64x2.div(sum, divisors)
    v128.store(output + at, changed(b, lambdas, sum, isUsed))
    anyCopied = v128.or(anyCopied, v128.andnot(f64x2.ne(b, b), isUsed))
  }
  copied = <i32>v128.any_true(anyCopied)
}

/**
 * As addChanges, of the terms alone whose vote has the sign of the sum of all votes, or is NaN. A sum of 0 or NaN counts as positive.
 * Sets `used` where any agrees whose weights do not cancel.
 * @returns at how many elements some votes were positive and some negative
 */
export function electChanges(
  addresses: usize,
  weights: usize,
  votes: usize,
  models: i32,
  base: usize,
  used: usize,
  lambda: f64,
  how: i32,
  divisor: f64,
  zero: f64,
  count: i32,
  output: usize,
): i32 {
  const lambdas = f64x2.splat(lambda)
  const fixed = f64x2.splat(divisor)
  const zeros = f64x2.splat(zero)
  const nothing = f64x2.splat(0)
  const end = f64x2.splat(<f64>count)
  const two = f64x2.splat(2)
  let places = placesFrom(0)
  let conflicts = i64x2.splat(0)
  let anyCopied = i64x2.splat(0)
  const bytes = (<usize>count << 3)
  // Votes that are the weighted terms, of weights that are not negative, need no second look: what either sign comes to is added up
  // at once. Only NaN, which agrees with both, hides what the others are.
  const isSimple = areVotesWeights(weights, votes, models)
  for (let at: usize = 0; at < bytes; at += 16) {
    if (isSimple) {
      let all = f64x2.splat(-0.0)
      let ups = nothing
      let downs = nothing
      let upWeights = nothing
      let downWeights = nothing
      for (let model = 0; model < models; model += 1) {
        const weight = v128.load64_splat(weights + (model << 3))
        const vote = f64x2.mul(weight, v128.load(<usize>load<u32>(addresses + (model << 2)) + at))
        all = f64x2.add(all, vote)
        ups = f64x2.add(ups, f64x2.pmax(vote, nothing))
        downs = f64x2.add(downs, f64x2.pmin(vote, nothing))
        if (how == byAgreeing) {
          upWeights = f64x2.add(upWeights, v128.and(weight, f64x2.gt(vote, nothing)))
          downWeights = f64x2.add(downWeights, v128.and(weight, f64x2.lt(vote, nothing)))
        }
      }
      if (!v128.any_true(f64x2.ne(ups, ups))) {
        const isUp = f64x2.gt(ups, nothing)
        const isDown = f64x2.lt(downs, nothing)
        const negative = f64x2.lt(all, nothing)
        let sum = v128.bitselect(downs, ups, negative)
        if (how == byAgreeing) sum = f64x2.div(sum, v128.bitselect(downWeights, upWeights, negative))
        else if (how == byNumber) sum = f64x2.div(sum, fixed)
        const agreed = v128.bitselect(isDown, isUp, negative)
        const b = v128.load(base + at)
        v128.store(used + at, agreed)
        v128.store(output + at, changed(b, lambdas, sum, agreed))
        anyCopied = v128.or(anyCopied, v128.andnot(f64x2.ne(b, b), agreed))
        conflicts = i64x2.sub(conflicts, v128.and(v128.and(isUp, isDown), f64x2.lt(places, end)))
        places = f64x2.add(places, two)
        continue
      }
    }
    const negative = f64x2.lt(weightedSum(addresses, votes, models, at), nothing)
    let sum = f64x2.splat(-0.0)
    let divisors = f64x2.splat(-0.0)
    let magnitudes = nothing
    let up = i64x2.splat(0)
    let down = i64x2.splat(0)
    let agreed = i64x2.splat(0)
    for (let model = 0; model < models; model += 1) {
      const term = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      const vote = f64x2.mul(v128.load64_splat(votes + (model << 3)), term)
      const weight = v128.load64_splat(weights + (model << 3))
      const against = v128.bitselect(f64x2.ge(vote, nothing), f64x2.le(vote, nothing), negative)
      up = v128.or(up, f64x2.gt(vote, nothing))
      down = v128.or(down, f64x2.lt(vote, nothing))
      agreed = v128.or(agreed, v128.not(against))
      sum = v128.bitselect(sum, f64x2.add(sum, f64x2.mul(weight, term)), against)
      if (how == byAgreeing) {
        divisors = v128.bitselect(divisors, f64x2.add(divisors, weight), against)
        magnitudes = v128.bitselect(magnitudes, f64x2.add(magnitudes, f64x2.abs(weight)), against)
      }
    }
    if (how == byAgreeing) {
      agreed = v128.andnot(agreed, f64x2.le(f64x2.abs(divisors), f64x2.mul(zeros, magnitudes)))
      sum = f64x2.div(sum, divisors)
    } else if (how == byNumber) sum = f64x2.div(sum, fixed)
    const b = v128.load(base + at)
    v128.store(used + at, agreed)
    v128.store(output + at, changed(b, lambdas, sum, agreed))
    anyCopied = v128.or(anyCopied, v128.andnot(f64x2.ne(b, b), agreed))
    conflicts = i64x2.sub(conflicts, v128.and(v128.and(up, down), f64x2.lt(places, end)))
    places = f64x2.add(places, two)
  }
  copied = <i32>v128.any_true(anyCopied)
  return <i32>(i64x2.extract_lane(conflicts, 0) + i64x2.extract_lane(conflicts, 1))
}

/** The population variance over the models, element by element. */
export function variances(addresses: usize, models: i32, bytes: usize, output: usize): void {
  const number = f64x2.splat(<f64>models)
  for (let at: usize = 0; at < bytes; at += 16) {
    let mean = v128.load(<usize>load<u32>(addresses) + at)
    for (let model = 1; model < models; model += 1)
      mean = f64x2.add(mean, v128.load(<usize>load<u32>(addresses + (model << 2)) + at))
    mean = f64x2.div(mean, number)
    let sum = f64x2.splat(0)
    for (let model = 0; model < models; model += 1) {
      const apart = f64x2.sub(v128.load(<usize>load<u32>(addresses + (model << 2)) + at), mean)
      sum = f64x2.add(sum, f64x2.mul(apart, apart))
    }
    v128.store(output + at, f64x2.div(sum, number))
  }
}

/** The mean of the terms, each weighed by its weight times its own factor, which is `least` at least. */
export function weighedMean(
  addresses: usize,
  factors: usize,
  weights: usize,
  models: i32,
  least: f64,
  bytes: usize,
  output: usize,
): void {
  const leasts = f64x2.splat(least)
  for (let at: usize = 0; at < bytes; at += 16) {
    let sum = f64x2.splat(-0.0)
    let divisor = f64x2.splat(-0.0)
    for (let model = 0; model < models; model += 1) {
      const factor = v128.load(<usize>load<u32>(factors + (model << 2)) + at)
      const least = v128.bitselect(leasts, factor, f64x2.lt(factor, leasts))
      const c = f64x2.mul(v128.load64_splat(weights + (model << 3)), least)
      sum = f64x2.add(sum, f64x2.mul(c, v128.load(<usize>load<u32>(addresses + (model << 2)) + at)))
      divisor = f64x2.add(divisor, c)
    }
    v128.store(output + at, f64x2.div(sum, divisor))
  }
}

/** At `t` between the base and the mean of the terms; 1: that mean, whatever the base is. */
export function betweenBaseAndMean(
  addresses: usize,
  models: i32,
  base: usize,
  t: f64,
  bytes: usize,
  output: usize,
): void {
  const number = f64x2.splat(<f64>models)
  const parts = f64x2.splat(t)
  const rests = f64x2.splat(1 - t)
  const isMean = t == 1
  for (let at: usize = 0; at < bytes; at += 16) {
    let mean = v128.load(<usize>load<u32>(addresses) + at)
    for (let model = 1; model < models; model += 1)
      mean = f64x2.add(mean, v128.load(<usize>load<u32>(addresses + (model << 2)) + at))
    mean = f64x2.div(mean, number)
    if (!isMean) mean = f64x2.add(f64x2.mul(parts, mean), f64x2.mul(rests, v128.load(base + at)))
    v128.store(output + at, mean)
  }
}

/** How many keys the last call found above the upper end. */
let above: i32 = 0

export function countedAbove(): i32 {
  return above
}

/** Writes down keys from `low` to `high`, and their places as i32. @returns how many there are */
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

@inline
function even(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

@inline
function odd(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
}

/**
 * The dot products of two vectors with four others, each added up in the order of the elements: eight sums, side by side. Behind an odd
 * number of elements stands a zero.
 */
export function dotProducts(a0: usize, a1: usize, b0: usize, b1: usize, b2: usize, b3: usize, bytes: usize, output: usize): void {
  let s0 = f64x2.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let at: usize = 0; at < bytes; at += 16) {
    const v0 = v128.load(b0 + at)
    const v1 = v128.load(b1 + at)
    const v2 = v128.load(b2 + at)
    const v3 = v128.load(b3 + at)
    const now01 = even(v0, v1)
    const now23 = even(v2, v3)
    const next01 = odd(v0, v1)
    const next23 = odd(v2, v3)
    let x = v128.load64_splat(a0 + at)
    s0 = f64x2.add(s0, f64x2.mul(x, now01))
    s1 = f64x2.add(s1, f64x2.mul(x, now23))
    let y = v128.load64_splat(a1 + at)
    s2 = f64x2.add(s2, f64x2.mul(y, now01))
    s3 = f64x2.add(s3, f64x2.mul(y, now23))
    x = v128.load64_splat(a0 + at, 8)
    s0 = f64x2.add(s0, f64x2.mul(x, next01))
    s1 = f64x2.add(s1, f64x2.mul(x, next23))
    y = v128.load64_splat(a1 + at, 8)
    s2 = f64x2.add(s2, f64x2.mul(y, next01))
    s3 = f64x2.add(s3, f64x2.mul(y, next23))
  }
  v128.store(output, s0)
  v128.store(output, s1, 16)
  v128.store(output, s2, 32)
  v128.store(output, s3, 48)
}
