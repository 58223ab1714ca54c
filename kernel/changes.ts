// Changes a base by the models' terms, element by element. Blocks as in conversions.ts, masks as in choices.ts.
// AssemblyScript.

import { placesFrom } from './lanes'

/** Returns the weighted sum of the models' terms at one place, left to right from the first product. */
@inline
function weightedSum(addresses: usize, weights: usize, models: i32, at: usize): v128 {
  let sum = f64x2.mul(v128.load64_splat(weights), v128.load(<usize>load<u32>(addresses) + at))
  for (let model = 1; model < models; model += 1) {
    const term = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
    sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(weights + (model << 3)), term))
  }
  return sum
}

/** Values of `how`, the divisor of a sum: 0 none, 1 a number, 2 the sum of the weights that agree. */
const byNumber: i32 = 1
const byAgreeing: i32 = 2

/** 1 if the last call copied any NaN of the base. */
let copied: i32 = 0

/** Returns 1 if the last call copied any NaN of the base. */
export function copiedNaN(): i32 {
  return copied
}

/** True if the votes equal the weights, and no weight is negative. */
function areVotesWeights(weights: usize, votes: usize, models: i32): bool {
  for (let model = 0; model < models; model += 1) {
    const weight = load<f64>(weights + (model << 3))
    if (!(weight >= 0) || weight != load<f64>(votes + (model << 3))) return false
  }
  return true
}

/** Returns b + lambda m where `used` is set, and b elsewhere. */
@inline
function changed(base: v128, lambda: v128, m: v128, used: v128): v128 {
  return v128.bitselect(f64x2.add(base, f64x2.mul(lambda, m)), base, used)
}

/**
 * Computes b + lambda m where `used` is set, and copies b elsewhere. m is the weighted sum of the terms, divided by
 * `divisor` if `how` is 1.
 */
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
 * Adds changes like addChanges, but only from terms whose vote agrees with the sum of all votes. A vote agrees if it
 * has the same sign or is NaN. A sum of 0 or NaN counts as positive. Sets `used` where a term agrees and the agreeing
 * weights do not cancel. Returns the number of elements with votes of both signs.
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
  // If votes equal the weighted terms and no weight is negative, one pass suffices: it adds up both signs. Only NaN
  // needs the second look, because it agrees with both signs and hides the others.
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
