import type { Batch, SamplePredictions } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { type ClassCounts, neverPredictedNote } from './class-counts.ts'
import { unnamedTexts } from './class-labels.ts'
import { ClassTally } from './class-tally.ts'
import type { Label } from './label.ts'
import { type LabelCounts, labelPairs } from './label-pairs.ts'
import { sampleLabels } from './sample-labels.ts'
import type { TargetClasses } from './target-classes.ts'

/** Most different labels of one set. More are identifiers or measurements, not classes. */
const mostLabels = 65_536

/** Counts predictions of outputs that are class labels, which are any integers or texts, and stand for themselves. */
export class LabelTally implements LabelCounts {
  readonly #metric: string
  readonly #targets: TargetClasses
  readonly #tally: ClassTally
  /** Index of each label in the counts, in the order of first occurrence. */
  readonly #places = new Map<Label, number>()
  #order: { labels: Label[]; places: number[] } | undefined
  #samples = 0
  #areTexts = false

  constructor(metric: string, targets: TargetClasses, keep: boolean) {
    this.#metric = metric
    this.#targets = targets
    this.#tally = new ClassTally(mostLabels, keep)
  }

  /**
   * Counts the labels of a batch.
   * @throws TureenError `TUREEN_METRIC_MISMATCH` if output and target differ in kind or shape, or a value is no label
   */
  add(batch: Batch): void {
    this.#requireOneKind(batch)
    this.#samples += labelPairs(
      this.#metric,
      batch,
      (predicted, wanted, sample) => {
        if (!this.#targets.counts(wanted)) return
        const place = () => `sample ${this.#samples + sample}`
        this.#tally.add(this.#placeOf(wanted, 'target', place), this.#placeOf(predicted, 'output', place))
      },
      () => this.#tally.endSample(),
    )
  }

  get samples(): number {
    return this.#tally.samples
  }

  get counts(): ClassCounts {
    return this.#sorted(this.#tally.counts)
  }

  /** Returns the counts of a resample, as {@link ClassTally.resampled} does. */
  resampled(counts: Uint32Array): ClassCounts {
    return this.#sorted(this.#tally.resampled(counts))
  }

  predictions(): SamplePredictions | undefined {
    return sampleLabels(this.#tally.ofSamples, [...this.#places.keys()])
  }

  /** Says how the outputs were read, and warns of labels of the targets that the outputs do not contain. */
  get note(): string {
    const reading = `outputs read as class labels: they are ${this.#areTexts ? 'texts' : 'integers, one for each target'}`
    const { support, predicted } = this.#tally.counts
    const isStrange = support.some(count => count > 0) && support.every((count, c) => count === 0 || predicted[c] === 0)
    if (isStrange) return `${reading}; no label of the targets is among them: are both numbered alike?`
    const missing = neverPredictedNote(this.counts)
    return missing === undefined ? reading : `${reading}; ${missing}`
  }

  #requireOneKind({ output, target }: Batch): void {
    this.#areTexts = output.texts !== undefined
    if (this.#areTexts === (target.texts !== undefined)) return
    if (target.texts) throw unnamedTexts(this.#metric)
    const message =
      'the output holds labels that are texts, and the target holds numbers; name the texts as classes, in the order of the class indices'
    throw mismatch(this.#metric, 'target', message, { expected: 'texts', actual: 'numbers' })
  }

  #placeOf(label: Label, field: 'target' | 'output', sample: () => string): number {
    const known = this.#places.get(label)
    if (known !== undefined) return known
    if (typeof label === 'number' && !Number.isSafeInteger(label)) {
      const message = `the ${field} of ${sample()} is ${label}; labels are integers of at most 53 bits`
      throw mismatch(this.#metric, field, message, { expected: 'integers of at most 53 bits', actual: `${label}` })
    }
    const place = this.#places.size
    if (place === mostLabels) {
      const message = `there are more than ${mostLabels} different labels: these are no classes`
      throw mismatch(this.#metric, field, message, { expected: `${mostLabels} different labels at most` })
    }
    this.#places.set(label, place)
    this.#order = undefined
    return place
  }

  /** Returns the counts in the order of the labels, so that a mean over classes does not depend on the order of samples. */
  #sorted({ support, predicted, correct }: ClassCounts): ClassCounts {
    const { labels, places } = this.#inOrder()
    const inOrder = (counts: Float64Array) => Float64Array.from(places, place => counts[place] ?? 0)
    return { labels, support: inOrder(support), predicted: inOrder(predicted), correct: inOrder(correct) }
  }

  #inOrder(): { labels: Label[]; places: number[] } {
    if (this.#order) return this.#order
    const entries = [...this.#places].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#order = { labels: entries.map(([label]) => label), places: entries.map(([, place]) => place) }
    return this.#order
  }
}
