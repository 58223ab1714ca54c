// Means, variances and dot products of blocks in binary64, two elements at a time. Blocks as in conversions.ts.
// AssemblyScript.

/**
 * Computes the population variance over the models, element by element. It is exactly 0 if all are equal, although
 * rounding may move their mean.
 */
export function variances(addresses: usize, models: i32, bytes: usize, output: usize): void {
  const number = f64x2.splat(<f64>models)
  for (let at: usize = 0; at < bytes; at += 16) {
    const first = v128.load(<usize>load<u32>(addresses) + at)
    let mean = first
    for (let model = 1; model < models; model += 1)
      mean = f64x2.add(mean, v128.load(<usize>load<u32>(addresses + (model << 2)) + at))
    mean = f64x2.div(mean, number)
    let sum = f64x2.splat(0)
    let equal = f64x2.eq(first, first)
    for (let model = 0; model < models; model += 1) {
      const element = v128.load(<usize>load<u32>(addresses + (model << 2)) + at)
      const apart = f64x2.sub(element, mean)
      sum = f64x2.add(sum, f64x2.mul(apart, apart))
      equal = v128.and(equal, f64x2.eq(element, first))
    }
    // For equal infinities the sum is NaN, and the variance stays NaN.
    v128.store(output + at, v128.andnot(f64x2.div(sum, number), v128.and(equal, f64x2.eq(sum, sum))))
  }
}

/**
 * Computes the mean of the terms. The weight of a term is its model's weight times its factor, or times `least` if the
 * factor is less.
 */
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

/** Computes the point at `t` between the base (0) and the mean of the terms (1). At 1 the base is not read. */
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

@inline
function even(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
}

@inline
function odd(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
}

/**
 * Computes the dot products of two vectors with four others, each in the order of the elements: eight sums side by
 * side. An odd number of elements is padded with a zero.
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
