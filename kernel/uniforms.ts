// Random numbers computed from a counter. AssemblyScript.

/** Returns the upper halves of four products: two in `low`, two in `high`. */
@inline
function upperHalves(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
}

@inline
function lowerHalves(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
}

/** Returns two 32-bit words, each in a lane of 64 bits, as a number of 53 bits in [0, 1). */
@inline
function unit(upper: v128, lower: v128): v128 {
  const bits = v128.or(i64x2.shl(i64x2.shr_u(upper, 5), 26), i64x2.shr_u(lower, 6))
  // Converts a whole number below 2^53 in two halves. Each half is placed behind an exponent that makes it exact.
  const high = v128.or(i64x2.shr_u(bits, 32), i64x2.splat(0x4530000000000000))
  const low = v128.or(v128.and(bits, i64x2.splat(0xffffffff)), i64x2.splat(0x4330000000000000))
  const whole = f64x2.add(f64x2.sub(high, f64x2.splat(19342813118337666422669312.0)), low)
  return f64x2.mul(whole, f64x2.splat(1.1102230246251565e-16))
}

/** Returns the lower (shift 0) or upper (shift 32) words of four consecutive counters. */
@inline
function counterWords(counter: u64, shift: u64): v128 {
  let words = i32x4.splat(<i32>(counter >> shift))
  words = i32x4.replace_lane(words, 1, <i32>((counter + 1) >> shift))
  words = i32x4.replace_lane(words, 2, <i32>((counter + 2) >> shift))
  return i32x4.replace_lane(words, 3, <i32>((counter + 3) >> shift))
}

/** Writes the numbers of four counters. Each vector holds one word of the four counters. */
@inline
function storeNumbers(c0: v128, c1: v128, c2: v128, c3: v128, at: usize): void {
  const first01 = unit(i64x2.extend_low_i32x4_u(c0), i64x2.extend_low_i32x4_u(c1))
  const second01 = unit(i64x2.extend_low_i32x4_u(c2), i64x2.extend_low_i32x4_u(c3))
  const first23 = unit(i64x2.extend_high_i32x4_u(c0), i64x2.extend_high_i32x4_u(c1))
  const second23 = unit(i64x2.extend_high_i32x4_u(c2), i64x2.extend_high_i32x4_u(c3))
  v128.store(at, i8x16.shuffle(first01, second01, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23))
  v128.store(at, i8x16.shuffle(first01, second01, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 16)
  v128.store(at, i8x16.shuffle(first23, second23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 32)
  v128.store(at, i8x16.shuffle(first23, second23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 48)
}

/**
 * Computes Philox4x32-10 (Salmon et al. 2011) at `blocks` consecutive counters. Each gives two numbers of 53 bits in
 * [0, 1): from the words 0 and 1, and from 2 and 3. Eight counters are computed at a time, since each round waits for
 * the one before. So `output` needs room for up to seven more blocks.
 */
export function fillUniforms(key0: u32, key1: u32, low: u32, high: u32, blocks: i32, output: usize): void {
  const multiplier0 = i32x4.splat(0xd2511f53)
  const multiplier1 = i32x4.splat(0xcd9e8d57)
  let counter = (<u64>high << 32) | <u64>low
  for (let block = 0; block < blocks; block += 8) {
    let a0 = counterWords(counter, 0)
    let a1 = counterWords(counter, 32)
    let a2 = i32x4.splat(0)
    let a3 = i32x4.splat(0)
    let b0 = counterWords(counter + 4, 0)
    let b1 = counterWords(counter + 4, 32)
    let b2 = i32x4.splat(0)
    let b3 = i32x4.splat(0)
    let k0 = i32x4.splat(key0)
    let k1 = i32x4.splat(key1)
    for (let round = 0; round < 10; round += 1) {
      let low0 = i64x2.extmul_low_i32x4_u(a0, multiplier0)
      let high0 = i64x2.extmul_high_i32x4_u(a0, multiplier0)
      let low1 = i64x2.extmul_low_i32x4_u(a2, multiplier1)
      let high1 = i64x2.extmul_high_i32x4_u(a2, multiplier1)
      a0 = v128.xor(v128.xor(upperHalves(low1, high1), a1), k0)
      a1 = lowerHalves(low1, high1)
      a2 = v128.xor(v128.xor(upperHalves(low0, high0), a3), k1)
      a3 = lowerHalves(low0, high0)
      low0 = i64x2.extmul_low_i32x4_u(b0, multiplier0)
      high0 = i64x2.extmul_high_i32x4_u(b0, multiplier0)
      low1 = i64x2.extmul_low_i32x4_u(b2, multiplier1)
      high1 = i64x2.extmul_high_i32x4_u(b2, multiplier1)
      b0 = v128.xor(v128.xor(upperHalves(low1, high1), b1), k0)
      b1 = lowerHalves(low1, high1)
      b2 = v128.xor(v128.xor(upperHalves(low0, high0), b3), k1)
      b3 = lowerHalves(low0, high0)
      k0 = i32x4.add(k0, i32x4.splat(0x9e3779b9))
      k1 = i32x4.add(k1, i32x4.splat(0xbb67ae85))
    }
    const at = output + (<usize>block << 4)
    storeNumbers(a0, a1, a2, a3, at)
    storeNumbers(b0, b1, b2, b3, at + 64)
    counter += 8
  }
}
