import { type ClassRows, forEachRow } from './class-rows.ts'

/** The scores of one class: those of its own samples, and those of all others, each in ascending order. */
export type SplitScores = { own: Float64Array; others: Float64Array }

type Chunk = { classes: number; scores: Float64Array; targets: Int32Array }

/** Rows of scores, kept: 8 bytes for each score and 4 for each row; splitting takes 24 more for each row. */
export class ScoreStore {
  readonly #chunks: Chunk[] = []
  readonly #support = new Map<number, number>()

  /** Keeps the rows that count. */
  add(rows: ClassRows): void {
    const { classes, scores, step } = rows
    const kept: number[] = []
    const targets: number[] = []
    forEachRow(rows, (start, target) => {
      targets.push(target)
      this.#support.set(target, this.support(target) + 1)
      for (let c = 0; c < classes; c += 1) kept.push(scores[start + c * step] ?? 0)
    })
    this.#chunks.push({ classes, scores: Float64Array.from(kept), targets: Int32Array.from(targets) })
  }

  get rows(): number {
    return this.#chunks.reduce((sum, { targets }) => sum + targets.length, 0)
  }

  /** How many of the rows have this class as their target. */
  support(target: number): number {
    return this.#support.get(target) ?? 0
  }

  /**
   * A function that splits column `column` by whether class `positive` is the target. With `normalize`, rows go through
   * softmax first, relative to their maximum, so that rows of logits that differ by a constant stay ties.
   */
  splitter(normalize: boolean): (column: number, positive: number) => SplitScores {
    const chunks = this.#chunks.map(chunk => ({ ...chunk, ...(normalize ? softmaxTerms(chunk) : {}) }))
    return (column, positive) => {
      const own = new Float64Array(this.support(positive))
      const others = new Float64Array(this.rows - own.length)
      let nextOwn = 0
      let nextOther = 0
      for (const { classes, scores, targets, maxima, sums } of chunks) {
        for (let row = 0; row < targets.length; row += 1) {
          const raw = scores[row * classes + column] ?? 0
          const score = maxima && sums ? Math.exp(raw - (maxima[row] ?? 0)) / (sums[row] ?? 1) : raw
          if (targets[row] === positive) own[nextOwn++] = score
          else others[nextOther++] = score
        }
      }
      return { own: own.sort(), others: others.sort() }
    }
  }
}

type SoftmaxTerms = { maxima?: Float64Array; sums?: Float64Array }

function softmaxTerms({ classes, scores, targets }: Chunk): SoftmaxTerms {
  const maxima = new Float64Array(targets.length)
  const sums = new Float64Array(targets.length)
  for (let row = 0; row < targets.length; row += 1) {
    const start = row * classes
    let maximum = scores[start] ?? 0
    for (let c = 1; c < classes; c += 1) maximum = Math.max(maximum, scores[start + c] ?? 0)
    let sum = 0
    for (let c = 0; c < classes; c += 1) sum += Math.exp((scores[start + c] ?? 0) - maximum)
    maxima[row] = maximum
    sums[row] = sum
  }
  return { maxima, sums }
}
