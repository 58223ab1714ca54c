import { showDims, squeezed } from '../batch-dims.ts'
import type { Batch, Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { type ClassCounts, firstLabels } from './class-counts.ts'
import { ClassNames } from './class-names.ts'
import type { Label } from './label.ts'

/** Finds out whether outputs that are read as labels may be scores: integers [n, C] with one-hot rows [n, C]. */
export class OneHotTargets {
  #rows = 0
  #areAll = true
  #dims: readonly number[] = []

  /** Looks at a batch of labels. */
  see({ output, target }: Batch): void {
    const axes = squeezed(target.dims.slice(1))
    const [classes = 1] = axes
    if (axes.length !== 1 || !output.integers || target.texts) this.#areAll = false
    if (!this.#areAll) return
    this.#dims = output.dims
    for (let start = 0; start < target.data.length && this.#areAll; start += classes) {
      this.#rows += 1
      this.#areAll = isOneHot(target, start, classes)
    }
  }

  /** @throws TureenError `TUREEN_METRIC_MISMATCH` if all targets of the set are one-hot rows */
  requireLabels(metric: string): void {
    if (!this.#areAll || this.#rows === 0) return
    const message = `the output ${showDims(this.#dims)} holds integers, and every row of the target is one-hot; say "from": "logits" if the integers are scores, or flatten the positions into samples if they are labels`
    throw mismatch(metric, 'output', message, { expected: '"from": "logits"' })
  }
}

function isOneHot({ data }: Values, start: number, classes: number): boolean {
  let ones = 0
  for (let c = start; c < start + classes; c += 1) {
    if (data[c] === 1) ones += 1
    else if (data[c] !== 0) return false
  }
  return ones === 1
}

/** Finds out whether the numbers of a binary head may be class labels of a float type: whole numbers, some of them above 1. */
export class WholeScores {
  #areAll = true
  #highest = 0

  see(score: number): void {
    if (!Number.isInteger(score) || score < 0) this.#areAll = false
    if (score > this.#highest) this.#highest = score
  }

  /** @throws TureenError `TUREEN_METRIC_MISMATCH` if all numbers may be labels, and are no probabilities */
  requireScores(metric: string): void {
    if (!this.#areAll || this.#highest <= 1) return
    const message = `the outputs are whole numbers from 0 to ${this.#highest}, as class labels are, but floats; add a Cast to int64 at the output to compare labels, or say "from": "logits" if they are the scores of class 1`
    throw mismatch(metric, 'output', message, { expected: 'integers, or "from": "logits"' })
  }
}

/**
 * Refuses labels of outputs that look like class indices, while the targets are numbered otherwise: from 1, or as two values such as 0 and
 * 255. Compared as they are, they would agree by chance only.
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` with the `classes` to name
 */
export function requireAlike(metric: string, { support, predicted, labels }: ClassCounts): void {
  const present = (counts: Float64Array) =>
    Array.from(counts, (count, c) => (count > 0 ? [labels?.[c] ?? c] : [])).flat()
  const wanted = present(support).filter(label => typeof label === 'number')
  const found = present(predicted)
  const areIndices = found.every(label => typeof label === 'number' && label >= 0 && label < wanted.length)
  const known = new Set<Label>(wanted)
  if (!areIndices || found.every(label => known.has(label))) return
  const sorted = wanted.sort((a, b) => a - b)
  // A single label, as in a short set, does not show how the targets are numbered.
  if (sorted.length < 2) return
  if (sorted.length !== 2 && !sorted.every((label, index) => label === index + 1)) return
  const [list, own] = [`${new ClassNames(sorted)}`, firstLabels(found)]
  const message = `the labels of the output are ${own}, and those of the target ${firstLabels(sorted)}; if the output has class indices, say "classes": ${list}, otherwise name all labels as classes`
  throw mismatch(metric, 'target', message, { expected: `labels as in the output: ${own}`, actual: list })
}
