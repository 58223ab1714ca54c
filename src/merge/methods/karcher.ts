import type { Gram } from '../../tensor/gram.ts'
import { arcCosine, sine } from '../../tensor/trigonometry.ts'
import { sumOf } from '../operation.ts'
import { prepareByGram } from './gram-preparation.ts'
import { type Method, unprepared } from './method.ts'
import { normalized, requireNonNegative } from './model-weights.ts'
import { quadraticForm, shortest } from './sphere.ts'

/** Squared length below which the mean of unit vectors has no direction. */
const cancelled = 1e-12
/** Below this sine, two directions are equal or opposite. */
const smallestSine = 1e-6

type Parameters = { maxIter: number; tol: number }

/** The mean of the models' directions on the sphere, with the mean length of the models. */
export const karcher: Method<Parameters> = {
  name: 'karcher',
  description: 'The Riemannian (Karcher) mean of the directions of the models, with the weighted mean of their lengths',
  formula: 'L m, m the mean of x_i / norm(x_i) on the sphere, L = sum(w_i norm(x_i)) / sum(w_i)',
  source: 'Karcher 1977, doi:10.1002/cpa.3160300502',
  parameters: z =>
    z.strictObject({
      maxIter: z.number().int().min(1).max(1000).default(10).describe('Largest number of steps'),
      tol: z.number().gt(0).default(1e-5).describe('Length in radians: a shorter step is the last one'),
    }),
  models: { min: 2, max: null },
  base: 'none',
  fisher: false,
  weights: true,
  normalize: null,
  needs: ['gram'],
  wholeNumbers: ['maxIter'],
  check: ({ weights }, field) => void requireNonNegative(weights, field),
  plan: () => unprepared,
  prepare: task =>
    prepareByGram(task, false, gram => {
      const { weights, parameters } = task.settings
      const coefficients = [...coefficientsOf(gram, normalized(weights), parameters)]
      return { step: sumOf(coefficients, null, false), facts: { coefficients } }
    }),
}

function coefficientsOf(gram: Gram, weights: readonly number[], parameters: Parameters): readonly number[] {
  if (!gram.isFinite) return weights
  const length = weights.reduce((sum, weight, i) => sum + weight * gram.norm(i), 0)
  const inside = weights.flatMap((weight, i) => (gram.norm(i) < shortest || weight === 0 ? [] : [i]))
  const cosine = (i: number, j: number) => (i === j ? 1 : gram.cosine(inside[i] ?? 0, inside[j] ?? 0))
  const pulls = inside.map(i => weights[i] ?? 0)
  if (inside.length === 0 || !(quadraticForm(pulls, cosine) > cancelled)) return weights
  const mean = meanDirection(pulls, cosine, parameters)
  const coefficients = weights.map(() => 0)
  for (const [place, i] of inside.entries()) coefficients[i] = (length * (mean[place] ?? 0)) / gram.norm(i)
  return coefficients
}

/**
 * Returns the mean of unit vectors as a combination of them. Uses gradient descent on the sphere, computed from their
 * cosines alone.
 */
function meanDirection(
  pulls: readonly number[],
  cosine: (i: number, j: number) => number,
  { maxIter, tol }: Parameters,
): number[] {
  const unit = (a: readonly number[]) => {
    const length = Math.sqrt(quadraticForm(a, cosine))
    return a.map(each => each / length)
  }
  let a = unit(pulls)
  for (let step = 0; step < maxIter; step += 1) {
    const e = pulls.map((_, i) => clamp(a.reduce((sum, each, j) => sum + each * cosine(i, j), 0)))
    const f = e.map((each, i) => (pulls[i] ?? 0) * stretch(each))
    const along = f.reduce((sum, each, i) => sum + each * (e[i] ?? 0), 0)
    const tangent = f.map((each, i) => each - along * (a[i] ?? 0))
    const angle = Math.sqrt(Math.max(quadraticForm(tangent, cosine), 0))
    if (angle === 0) break
    const half = sine(angle / 2)
    const [back, forth] = [1 - 2 * half * half, sine(angle) / angle]
    a = unit(a.map((each, i) => back * each + forth * (tangent[i] ?? 0)))
    if (angle < tol) break
  }
  return a
}

/**
 * Returns the angle to a direction with this cosine, divided by its sine. The opposite direction does not pull, because
 * it can be reached on any side.
 */
function stretch(cosine: number): number {
  const sin = Math.sqrt((1 - cosine) * (1 + cosine))
  if (sin >= smallestSine) return arcCosine(cosine) / sin
  return cosine > 0 ? 1 : 0
}

function clamp(cosine: number): number {
  return Math.max(-1, Math.min(1, cosine))
}
