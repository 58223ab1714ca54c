/**
 * A number of about 106 bits, as the unevaluated sum of two binary64 numbers. `low` is at most half a unit in the last
 * place of `high` (Dekker 1971, doi:10.1007/BF01397083).
 */
export type DoubleDouble = { high: number; low: number }

const splitter = 2 ** 27 + 1

/** Returns a + b exactly. */
export function exactSum(a: number, b: number): DoubleDouble {
  const high = a + b
  const rest = high - a
  return { high, low: a - (high - rest) + (b - rest) }
}

/** Returns a * b exactly, for numbers far from the ends of the range. */
export function exactProduct(a: number, b: number): DoubleDouble {
  const high = a * b
  const aHigh = splitter * a - (splitter * a - a)
  const bHigh = splitter * b - (splitter * b - b)
  const aLow = a - aHigh
  const bLow = b - bHigh
  return { high, low: aHigh * bHigh - high + aHigh * bLow + aLow * bHigh + aLow * bLow }
}

/** Returns a + b to about 106 bits. */
export function plus(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const sum = exactSum(a.high, b.high)
  return exactSum(sum.high, sum.low + (a.low + b.low))
}

/** Returns a * b to about 106 bits. */
export function times(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const product = exactProduct(a.high, b.high)
  return exactSum(product.high, product.low + (a.high * b.low + a.low * b.high))
}

/** Returns a / divisor to about 106 bits. */
export function dividedBy(a: DoubleDouble, divisor: number): DoubleDouble {
  const quotient = a.high / divisor
  const back = exactProduct(quotient, divisor)
  return exactSum(quotient, (a.high - back.high - back.low + a.low) / divisor)
}

/** Returns the negated number, exactly. */
export function negated({ high, low }: DoubleDouble): DoubleDouble {
  return { high: -high, low: -low }
}
