import { type DoubleDouble, dividedBy, exactProduct, negated, plus, times } from './double-double.ts'

/**
 * Sine and arc cosine in double-double precision, rounded once at the end. Math.sin and Math.acos differ between
 * engines, and these results decide coefficients. Nearly every result is correctly rounded.
 */

/**
 * Pi / 2 as a sum of four parts. The first three have at most 33 bits, so their products with whole numbers below 2^20
 * are exact.
 */
const halfPi = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32]

const one: DoubleDouble = { high: 1, low: 0 }

/** Terms of the series for arguments up to pi/4: the terms left out are below 2^-105. */
const seriesTerms = 14

/** Returns sin x. The absolute error grows with x beyond 10^6. */
export function sine(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN
  const { sin } = sineAndCosine(x)
  return sin.high + sin.low
}

/** Returns arccos x, from 0 to pi; NaN outside [-1, 1]. */
export function arcCosine(x: number): number {
  if (!(x >= -1 && x <= 1)) return Number.NaN
  if (x === 1) return 0
  let angle = firstGuess(x)
  // Newton's method squares the error in each step; it starts at about 1e-4.
  for (let step = 0; step < 3; step += 1) {
    const { sin, cos } = sineAndCosine(angle)
    angle += plus(cos, { high: -x, low: 0 }).high / sin.high
  }
  return angle
}

/** Returns arccos x = 2 arcsin sqrt((1 - x) / 2) by the first 10 terms of the series, mirrored for negative x. */
function firstGuess(x: number): number {
  if (x < 0) return Math.PI - firstGuess(-x)
  const z = (1 - x) / 2
  let term = 1
  let sum = 1
  for (let k = 1; k <= 10; k += 1) {
    term *= (z * (2 * k - 1)) / (2 * k)
    sum += term / (2 * k + 1)
  }
  return 2 * Math.sqrt(z) * sum
}

function sineAndCosine(x: number): { sin: DoubleDouble; cos: DoubleDouble } {
  const turns = Math.round(x / (Math.PI / 2))
  let rest: DoubleDouble = { high: x, low: 0 }
  for (const part of halfPi) rest = plus(rest, negated(exactProduct(turns, part)))
  const square = times(rest, rest)
  const sin = times(rest, series(square, 1))
  const cos = series(square, 0)
  switch (((turns % 4) + 4) % 4) {
    case 0:
      return { sin, cos }
    case 1:
      return { sin: cos, cos: negated(sin) }
    case 2:
      return { sin: negated(sin), cos: negated(cos) }
    default:
      return { sin: negated(cos), cos: sin }
  }
}

/** Returns 1 - x^2 / ((1 + s) (2 + s)) (1 - x^2 / ((3 + s) (4 + s)) (...)): cos x for s = 0, sin x / x for s = 1. */
function series(square: DoubleDouble, s: number): DoubleDouble {
  let sum = one
  for (let k = seriesTerms; k >= 1; k -= 1) {
    const term = dividedBy(times(square, sum), (2 * k - 1 + s) * (2 * k + s))
    sum = plus(one, negated(term))
  }
  return sum
}
