import { mismatch } from '../mismatch.ts'
import type { OutputsFrom } from './class-parameters.ts'

/** How far from 1 the probabilities of a row may sum: float16 softmax over many classes is off by that much. */
const sumTolerance = 1e-3

/**
 * Whether a classifier's outputs are probabilities or logits. Left to `auto`, only the whole set can tell: rows that
 * are non-negative and sum to 1, and for binary heads values in [0, 1], are probabilities until one row is not. A NaN
 * says nothing either way.
 */
export class OutputReading {
  readonly #metric: string
  readonly #from: OutputsFrom
  #disproved = false
  #binary = false

  constructor(metric: string, from: OutputsFrom) {
    this.#metric = metric
    this.#from = from
  }

  /**
   * Takes one row of scores into account.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if the request calls them probabilities and they cannot be
   */
  see(scores: ArrayLike<number>, start: number, step: number, classes: number): void {
    this.#binary = classes === 1
    if (this.logits || !cannotBeProbabilities(scores, start, step, classes)) return
    if (this.#from === 'probabilities') {
      const broken = this.#binary ? 'one lies outside [0, 1]' : 'a row has a negative value or does not sum to 1'
      throw mismatch(this.#metric, 'output', `the outputs are to be read as probabilities, but ${broken}`)
    }
    this.#disproved = true
  }

  /** Whether what was seen so far is to be read as logits. */
  get logits(): boolean {
    return this.#from === 'logits' || this.#disproved
  }

  /** The reading and its reason. */
  get note(): string {
    const reading = `outputs read as ${this.logits ? 'logits' : 'probabilities'}`
    if (this.#from !== 'auto') return `${reading}, as requested`
    if (this.#binary) return `${reading}: ${this.logits ? 'some lie' : 'none lies'} outside [0, 1]`
    return `${reading}: ${this.logits ? 'some rows are' : 'no row is'} negative somewhere or not of sum 1`
  }
}

function cannotBeProbabilities(scores: ArrayLike<number>, start: number, step: number, classes: number): boolean {
  let sum = 0
  for (let c = 0; c < classes; c += 1) {
    const score = scores[start + c * step] ?? 0
    if (score < 0) return true
    sum += score
  }
  return classes === 1 ? sum > 1 : Math.abs(sum - 1) > sumTolerance
}
