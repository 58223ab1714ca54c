import { type DoubleDouble, dividedBy, exactProduct, negated, plus, times } from './double-double.ts'

/**
 * Sine and arc cosine in double the precision, rounded at the end: what decides coefficients must not depend on the engine, whose
 * own differ from version to version. Nearly every result is the correctly rounded one.
 */

/** Pi in four parts of 33 bits and less, so that products with whole numbers below 2^20 are exact but for the last. */
const halfPi = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32]

const one: DoubleDouble = { high: 1, low: 0 }

/** Terms of the series at arguments up to pi/4: what is left out is below 2^-105. */
const seriesTerms = 14

/** sin x; its absolute error grows with x beyond 10^6. */
export function sine(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN
  const { sin } = sineAndCosine(x)
  return sin.high + sin.low
}

/** arccos x, from 0 to pi. NaN outside [-1, 1]. */
export function arcCosine(x: number): number {
  if (!(x >= -1 && x <= 1)) return Number.NaN
  if (x === 1) return 0
  let angle = firstGuess(x)
  // Newton's steps square the error, which is about 1e-4 at first.
  for (let step = 0; step < 3; step += 1) {
    const { sin, cos } = sineAndCosine(angle)
    angle += plus(cos, { high: -x, low: 0 }).high / sin.high
  }
  return angle
}

/** arccos x = 2 arcsin sqrt((1 - x) / 2) by the first terms of its series, mirrored for negative x. */
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

/** 1 - x^2 / ((1 + s) (2 + s)) (1 - x^2 / ((3 + s) (4 + s)) (...)): the cosine for s = 0, sin x / x for s = 1. */
function series(square: DoubleDouble, s: number): DoubleDouble {
  let sum = one
  for (let k = seriesTerms; k >= 1; k -= 1) {
    const term = dividedBy(times(square, sum), (2 * k - 1 + s) * (2 * k + s))
    sum = plus(one, negated(term))
  }
  return sum
}
