import { type RandomStream, randomStream } from '../tensor/random.ts'
import { exponential, naturalLogarithm } from '../tensor/transcendental.ts'
import { cholesky, lowerProduct } from './cholesky.ts'

/**
 * In more dimensions only variances are learned (Ros & Hansen 2008, doi:10.1007/978-3-540-87700-4_30): a full
 * covariance takes too many generations.
 */
const fullDimensions = 64

/**
 * The search distribution of CMA-ES, N(m, sigma^2 C), with the constants and updates of Hansen 2016 (arXiv:1604.00772,
 * table 1 without negative weights). Points are m + sigma A z, where A is the Cholesky factor of C.
 */
export class Distribution {
  readonly #population: number
  readonly #random: RandomStream
  readonly #weights: number[]
  readonly #muEff: number
  readonly #cSigma: number
  readonly #dSigma: number
  readonly #cC: number
  readonly #c1: number
  readonly #cMu: number
  readonly #chi: number
  readonly #blocks: number[]
  #mean: number[]
  #sigma: number
  /**
   * Square blocks along the diagonal: one block of all dimensions, or one for each dimension if only variances are
   * learned.
   */
  #covariance: number[][][]
  #factor: number[][][]
  #pathSigma: number[]
  #pathC: number[]
  /** (1 - cSigma)^(2 (generation + 1)) */
  #fading = 1
  #steps: { z: number[]; y: number[] }[] = []

  /** @param population points of a generation, at least 4 */
  constructor(mean: readonly number[], sigma: number, population: number, seed: number) {
    const n = mean.length
    const parents = Math.floor(population / 2)
    const raw = Array.from(
      { length: parents },
      (_, index) => naturalLogarithm((population + 1) / 2) - naturalLogarithm(index + 1),
    )
    const sum = raw.reduce((total, weight) => total + weight, 0)
    this.#weights = raw.map(weight => weight / sum)
    const muEff = 1 / this.#weights.reduce((total, weight) => total + weight * weight, 0)
    this.#muEff = muEff
    this.#cSigma = (muEff + 2) / (n + muEff + 5)
    this.#dSigma = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + this.#cSigma
    this.#cC = (4 + muEff / n) / (n + 4 + (2 * muEff) / n)
    const diagonal = n > fullDimensions
    this.#blocks = diagonal ? Array.from({ length: n }, () => 1) : [n]
    const speed = diagonal ? (n + 2) / 3 : 1
    this.#c1 = Math.min(1, (speed * 2) / ((n + 1.3) * (n + 1.3) + muEff))
    this.#cMu = Math.min(1 - this.#c1, (speed * 2 * (muEff - 2 + 1 / muEff)) / ((n + 2) * (n + 2) + muEff))
    this.#chi = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    this.#population = population
    this.#random = randomStream(seed)
    this.#mean = [...mean]
    this.#sigma = sigma
    this.#covariance = this.#blocks.map(identity)
    this.#factor = this.#blocks.map(identity)
    this.#pathSigma = zeros(n)
    this.#pathC = zeros(n)
  }

  /** Samples the points of the next generation. */
  sample(): number[][] {
    this.#steps = Array.from({ length: this.#population }, () => {
      const z = this.#mean.map(() => normal(this.#random))
      return { z, y: blockProduct(this.#factor, z) }
    })
    return this.#steps.map(({ y }) => this.#mean.map((value, i) => value + this.#sigma * (y[i] ?? 0)))
  }

  /**
   * Learns from the points that were sampled last.
   * @param order indices of the points, the best first
   * @param repair moves the new mean back to where points can lie
   */
  update(order: readonly number[], repair: (mean: readonly number[]) => number[]): void {
    const best = this.#weights.map((weight, rank) => ({ weight, step: this.#steps[order[rank] ?? 0] }))
    const weighted = (pick: 'z' | 'y') =>
      this.#mean.map((_, i) => best.reduce((sum, { weight, step }) => sum + weight * (step?.[pick][i] ?? 0), 0))
    const y = weighted('y')
    const z = weighted('z')
    this.#mean = repair(this.#mean.map((value, i) => value + this.#sigma * (y[i] ?? 0)))

    const cSigma = this.#cSigma
    const keepSigma = Math.sqrt(cSigma * (2 - cSigma) * this.#muEff)
    this.#pathSigma = this.#pathSigma.map((value, i) => (1 - cSigma) * value + keepSigma * (z[i] ?? 0))
    const length = Math.sqrt(this.#pathSigma.reduce((sum, value) => sum + value * value, 0))
    this.#fading *= (1 - cSigma) * (1 - cSigma)
    const n = this.#mean.length
    const stalled = length / Math.sqrt(1 - this.#fading) >= (1.4 + 2 / (n + 1)) * this.#chi
    const keepC = stalled ? 0 : Math.sqrt(this.#cC * (2 - this.#cC) * this.#muEff)
    this.#pathC = this.#pathC.map((value, i) => (1 - this.#cC) * value + keepC * (y[i] ?? 0))
    this.#adaptCovariance(best, stalled)
    // With a sigma above 1, every point would lie at the border of the simplex.
    this.#sigma = Math.min(1, this.#sigma * exponential((cSigma / this.#dSigma) * (length / this.#chi - 1)))
  }

  #adaptCovariance(best: readonly { weight: number; step: { y: number[] } | undefined }[], stalled: boolean): void {
    const c1 = this.#c1
    const cMu = this.#cMu
    const kept = 1 - c1 - cMu + (stalled ? c1 * this.#cC * (2 - this.#cC) : 0)
    const learned = (value: number, i: number, j: number) => {
      const rankOne = (this.#pathC[i] ?? 0) * (this.#pathC[j] ?? 0)
      const rankMu = best.reduce((sum, { weight, step }) => sum + weight * (step?.y[i] ?? 0) * (step?.y[j] ?? 0), 0)
      return kept * value + c1 * rankOne + cMu * rankMu
    }
    let from = 0
    this.#covariance = this.#covariance.map(block => {
      const first = from
      from += block.length
      return block.map((row, i) => row.map((value, j) => learned(value, first + i, first + j)))
    })
    const factor = this.#covariance.map(cholesky)
    const definite = factor.every(block => block !== undefined)
    // After many generations, rounding can leave a covariance that is not positive definite. Then it is learned anew.
    this.#covariance = definite ? this.#covariance : this.#blocks.map(identity)
    this.#factor = definite ? factor : this.#blocks.map(identity)
  }
}

/** Returns A z for an A of lower triangular blocks along the diagonal. */
function blockProduct(blocks: readonly (readonly (readonly number[])[])[], z: readonly number[]): number[] {
  let from = 0
  return blocks.flatMap(block => {
    const first = from
    from += block.length
    return lowerProduct(block, z.slice(first, from))
  })
}

function zeros(n: number): number[] {
  return Array.from({ length: n }, () => 0)
}

function identity(n: number): number[][] {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)))
}

/** Returns a standard normal number, by the polar method (Marsaglia & Bray 1964, doi:10.1137/1006063). */
function normal(random: RandomStream): number {
  for (;;) {
    const u = 2 * random.unit() - 1
    const v = 2 * random.unit() - 1
    const square = u * u + v * v
    if (square > 0 && square < 1) return u * Math.sqrt((-2 * naturalLogarithm(square)) / square)
  }
}
