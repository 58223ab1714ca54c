import { mismatch } from '../mismatch.ts'
import type { OutputsFrom } from './class-parameters.ts'

/** Largest distance from 1 of the sum of a row's probabilities. A float16 softmax over many classes is off by that much. */
const sumTolerance = 1e-3

/**
 * Finds out whether a classifier's outputs are probabilities or logits. With `auto`, they are probabilities while every row is non-negative
 * and sums to 1 (of a binary head: while every value is in [0, 1]). So only the whole set decides. NaN does not count.
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
   * Looks at one row of scores.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if the request calls the outputs probabilities, but this row cannot be probabilities
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

  /** True if the rows so far are logits. */
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
