// Gives each element a probability by its rank by magnitude in its row. AssemblyScript.

/**
 * Returns the magnitude of a difference. All NaN become one NaN, whose bits as an integer are above those of infinity.
 */
@inline
function magnitudeOf(x: usize, b: usize): f64 {
  const magnitude = abs(load<f64>(x) - load<f64>(b))
  return magnitude != magnitude ? reinterpret<f64>(0x7ff8000000000000) : magnitude
}

/** Returns the probability at a rank: `largest` at the first, then falling in equal steps by `span` in total. */
@inline
function probabilityAt(place: i32, length: i32, largest: f64, span: f64): f64 {
  return max(0.0, min(1.0, largest - (span * <f64>place) / <f64>(length - 1)))
}

/**
 * Rows up to this length are ranked by comparing each pair. Rows of convolutions are as short as their kernels are
 * wide.
 */
const longest = 16
const probabilities = memory.data(longest * 8, 16)
const magnitudes = memory.data(longest * 8, 16)
const ranks = memory.data(longest * 4, 16)

/** Ranks contiguous rows of at most 16 elements. */
export function rankShortRows(x: usize, b: usize, rows: i32, length: i32, largest: f64, span: f64, output: usize): void {
  for (let place = 0; place < length; place += 1)
    store<f64>(probabilities + (<usize>place << 3), probabilityAt(place, length, largest, span))
  const bytes = <usize>length << 3
  for (let row = 0; row < rows; row += 1) {
    if (length == 3) rankThree(x, b, output)
    else rankFew(x, b, length, output)
    x += bytes
    b += bytes
    output += bytes
  }
}

@inline
function rankThree(x: usize, b: usize, output: usize): void {
  const first = reinterpret<i64>(magnitudeOf(x, b))
  const second = reinterpret<i64>(magnitudeOf(x + 8, b + 8))
  const third = reinterpret<i64>(magnitudeOf(x + 16, b + 16))
  const secondFirst = <usize>(second > first)
  const thirdFirst = <usize>(third > first)
  const thirdSecond = <usize>(third > second)
  store<f64>(output, load<f64>(probabilities + ((secondFirst + thirdFirst) << 3)))
  store<f64>(output, load<f64>(probabilities + ((1 - secondFirst + thirdSecond) << 3)), 8)
  store<f64>(output, load<f64>(probabilities + ((2 - thirdFirst - thirdSecond) << 3)), 16)
}

function rankFew(x: usize, b: usize, length: i32, output: usize): void {
  for (let j = 0; j < length; j += 1) {
    const later = reinterpret<i64>(magnitudeOf(x + (<usize>j << 3), b + (<usize>j << 3)))
    store<i64>(magnitudes + (<usize>j << 3), later)
    let place = j
    for (let i = 0; i < j; i += 1) {
      const isLarger = <i32>(later > load<i64>(magnitudes + (<usize>i << 3)))
      place -= isLarger
      const at = ranks + (<usize>i << 2)
      store<i32>(at, load<i32>(at) + isLarger)
    }
    store<i32>(ranks + (<usize>j << 2), place)
  }
  for (let j = 0; j < length; j += 1)
    store<f64>(output + (<usize>j << 3), load<f64>(probabilities + (<usize>load<i32>(ranks + (<usize>j << 2)) << 3)))
}

const digits = 256
/** Address of the digit counts: 8 tables of 256 numbers of 32 bits. */
let counts: usize = 0

/** Returns the address where a digit's value is counted. `digit` 0 is the lowest of 64 bits. */
@inline
function countAt(digit: i32, bits: u64): usize {
  return counts + (<usize>digit << 10) + ((<usize>(bits >> (<u64>digit << 3)) & 0xff) << 2)
}

@inline
function count(digit: i32, bits: u64): void {
  const at = countAt(digit, bits)
  store<u32>(at, load<u32>(at) + 1)
}

/** Replaces the counts of a digit by the places where its values begin, the lowest value first. */
function beginnings(digit: i32): void {
  let before: u32 = 0
  for (let value = 0; value < digits; value += 1) {
    const at = counts + (<usize>digit << 10) + (<usize>value << 2)
    const own = load<u32>(at)
    store<u32>(at, before)
    before += own
  }
}

/**
 * Ranks one row of any length. Sorts the magnitudes, rounded to float32, by digits from the lowest on, with the
 * elements' places in the lower word. The full magnitudes decide between equal ones. `x` becomes the magnitudes, then
 * the result. `b` and `spare` (8 bytes for each element) and 8,192 bytes from `table` on are overwritten.
 */
export function rankLongRow(
  x: usize,
  b: usize,
  length: i32,
  largest: f64,
  span: f64,
  spare: usize,
  table: usize,
): void {
  counts = table
  memory.fill(counts, 0, 8 * digits * 4)
  const end = <usize>length << 3
  for (let at: usize = 0; at < end; at += 8) {
    const magnitude = magnitudeOf(x + at, b + at)
    store<f64>(x + at, magnitude)
    // Inverted, so that the largest magnitude sorts first.
    const pair = (<u64>~reinterpret<u32>(<f32>magnitude) << 32) | <u64>(at >> 3)
    store<u64>(b + at, pair)
    for (let digit = 4; digit < 8; digit += 1) count(digit, pair)
  }
  let from = b
  let into = spare
  for (let digit = 4; digit < 8; digit += 1) {
    // A digit that all elements share does not change the order.
    if (load<u32>(countAt(digit, load<u64>(from))) == <u32>length) continue
    beginnings(digit)
    for (let at: usize = 0; at < end; at += 8) {
      const pair = load<u64>(from + at)
      const place = countAt(digit, pair)
      const next = load<u32>(place)
      store<u32>(place, next + 1)
      store<u64>(into + (<usize>next << 3), pair)
    }
    const sorted = into
    into = from
    from = sorted
  }
  if (!orderEqual(x, from, end)) from = sortWhole(x, from, into, length)
  for (let at: usize = 0; at < end; at += 8) {
    const index = <usize>load<u32>(from + at)
    store<f64>(x + (index << 3), probabilityAt(<i32>(at >> 3), length, largest, span))
  }
}

/** The farthest that an element may move among those equal as float32, in bytes. */
const farthest: usize = 32 << 3

@inline
function magnitudeAt(x: usize, pair: u64): u64 {
  return load<u64>(x + (<usize>(pair & 0xffffffff) << 3))
}

/** Orders elements that are equal as float32 by their magnitudes. Returns false if that takes too long. */
function orderEqual(x: usize, pairs: usize, end: usize): bool {
  for (let at: usize = 8; at < end; at += 8) {
    const pair = load<u64>(pairs + at)
    if (pair >> 32 != load<u64>(pairs + at - 8) >> 32) continue
    const magnitude = magnitudeAt(x, pair)
    let to = at
    for (; to > 0; to -= 8) {
      const before = load<u64>(pairs + to - 8)
      if (before >> 32 != pair >> 32 || magnitudeAt(x, before) >= magnitude) break
      if (at - to >= farthest) return false
      store<u64>(pairs + to, before)
    }
    store<u64>(pairs + to, pair)
  }
  return true
}

/**
 * Sorts by all bits of the magnitudes, starting from the places of the elements. Returns the address of the sorted
 * places.
 */
function sortWhole(x: usize, from: usize, into: usize, length: i32): usize {
  const end = <usize>length << 3
  memory.fill(counts, 0, 8 * digits * 4)
  for (let at: usize = 0; at < end; at += 8) {
    store<u64>(from + at, at >> 3)
    const bits = ~load<u64>(x + at)
    for (let digit = 0; digit < 8; digit += 1) count(digit, bits)
  }
  for (let digit = 0; digit < 8; digit += 1) {
    beginnings(digit)
    for (let at: usize = 0; at < end; at += 8) {
      const index = load<u64>(from + at)
      const place = countAt(digit, ~magnitudeAt(x, index))
      const next = load<u32>(place)
      store<u32>(place, next + 1)
      store<u64>(into + (<usize>next << 3), index)
    }
    const sorted = into
    into = from
    from = sorted
  }
  return from
}
