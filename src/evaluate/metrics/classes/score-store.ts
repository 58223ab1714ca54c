import { type ClassRows, forEachRow } from './class-rows.ts'

/** The scores for one class, in ascending order: those of its own rows, and those of all other rows. */
export type SplitScores = { own: Float64Array; others: Float64Array }

/** Rows of one batch. `samples`: index of each row's sample, if it is kept. */
type ScoreChunk = { classes: number; scores: Float64Array; targets: Int32Array; samples: Int32Array }

/** Returns the scores of all rows for one class, in the order of the rows. */
type Column = (column: number) => Float64Array

/** Keeps rows of scores. It takes 8 bytes for each score and 4 for each row; splitting takes 32 more for each row. */
export class ScoreStore {
  readonly #keepSamples: boolean
  readonly #chunks: ScoreChunk[] = []
  readonly #support = new Map<number, number>()
  #rows = 0
  #samples = 0

  /** Creates an empty store. @param keepSamples true to keep the sample of each row, in 4 more bytes for each row */
  constructor(keepSamples: boolean) {
    this.#keepSamples = keepSamples
  }

  /** Keeps the rows that count. */
  add(rows: ClassRows): void {
    const { classes, scores, step } = rows
    const kept: number[] = []
    const targets: number[] = []
    const samples: number[] = []
    forEachRow(
      rows,
      (start, target) => {
        targets.push(target)
        if (this.#keepSamples) samples.push(this.#samples)
        this.#support.set(target, this.support(target) + 1)
        for (let c = 0; c < classes; c += 1) kept.push(scores[start + c * step] ?? 0)
      },
      () => {
        this.#samples += 1
      },
    )
    this.#rows += targets.length
    this.#chunks.push({
      classes,
      scores: Float64Array.from(kept),
      targets: Int32Array.from(targets),
      samples: Int32Array.from(samples),
    })
  }

  get rows(): number {
    return this.#rows
  }

  /** Number of added samples, including those without a row that counts. */
  get samples(): number {
    return this.#samples
  }

  /** Returns the number of rows with this target class. */
  support(target: number): number {
    return this.#support.get(target) ?? 0
  }

  /** Returns the target of each row. */
  targets(): Int32Array {
    return joined(
      this.#chunks.map(({ targets }) => targets),
      this.#rows,
    )
  }

  /** Returns the index of each row's sample. */
  samplesOfRows(): Int32Array {
    return joined(
      this.#chunks.map(({ samples }) => samples),
      this.#rows,
    )
  }

  /**
   * Returns a function that returns the scores of a class. With `normalize`, it applies a softmax to each row, relative to the maximum of
   * the row. So rows of logits that differ by a constant stay ties.
   */
  columns(normalize: boolean): Column {
    const chunks = this.#chunks.map(chunk => ({ ...chunk, ...(normalize ? softmaxTerms(chunk) : {}) }))
    return column => {
      const values = new Float64Array(this.#rows)
      let next = 0
      for (const { classes, scores, targets, maxima, sums } of chunks) {
        for (let row = 0; row < targets.length; row += 1) {
          const raw = scores[row * classes + column] ?? 0
          values[next++] = maxima && sums ? Math.exp(raw - (maxima[row] ?? 0)) / (sums[row] ?? 1) : raw
        }
      }
      return values
    }
  }

  /** Returns a function that splits {@link columns}: rows with target `positive`, and all other rows. */
  splitter(normalize: boolean): (column: number, positive: number) => SplitScores {
    const scoresOf = this.columns(normalize)
    const targets = this.targets()
    return (column, positive) => {
      const scores = scoresOf(column)
      const own = new Float64Array(this.support(positive))
      const others = new Float64Array(this.#rows - own.length)
      let nextOwn = 0
      let nextOther = 0
      for (let row = 0; row < scores.length; row += 1) {
        if (targets[row] === positive) own[nextOwn++] = scores[row] ?? 0
        else others[nextOther++] = scores[row] ?? 0
      }
      return { own: own.sort(), others: others.sort() }
    }
  }
}

function joined(parts: readonly Int32Array[], length: number): Int32Array {
  const whole = new Int32Array(length)
  let next = 0
  for (const part of parts) {
    whole.set(part, next)
    next += part.length
  }
  return whole
}

type SoftmaxTerms = { maxima?: Float64Array; sums?: Float64Array }

function softmaxTerms({ classes, scores, targets }: ScoreChunk): SoftmaxTerms {
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
