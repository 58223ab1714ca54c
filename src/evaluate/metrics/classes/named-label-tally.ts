import type { Batch, SamplePredictions } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import type { ClassCounts } from './class-counts.ts'
import type { ClassNames } from './class-names.ts'
import type { Label } from './label.ts'
import { type LabelCounts, labelPairs } from './label-pairs.ts'
import { NamedPredictions } from './named-predictions.ts'
import { sampleLabels } from './sample-labels.ts'
import { ignored, type TargetClasses } from './target-classes.ts'

/** Counts predictions of outputs that are class labels, where the request names the classes. */
export class NamedLabelTally implements LabelCounts {
  readonly #metric: string
  readonly #targets: TargetClasses
  readonly #names: ClassNames
  readonly #predictions: NamedPredictions
  #samples = 0

  constructor(metric: string, targets: TargetClasses, names: ClassNames, keep: boolean) {
    this.#metric = metric
    this.#targets = targets
    this.#names = names
    this.#predictions = new NamedPredictions(names, keep)
  }

  /** @throws TureenError `TUREEN_METRIC_MISMATCH` if a target or an output is none of the classes */
  add(batch: Batch): void {
    this.#samples += labelPairs(
      this.#metric,
      batch,
      (predicted, wanted, sample) => this.#count(predicted, wanted, this.#samples + sample),
      () => this.#predictions.endSample(),
    )
  }

  get samples(): number {
    return this.#predictions.tally.samples
  }

  get counts(): ClassCounts {
    return this.#predictions.tally.counts
  }

  resampled(counts: Uint32Array): ClassCounts {
    return this.#predictions.tally.resampled(counts)
  }

  predictions(): SamplePredictions | undefined {
    return sampleLabels(this.#predictions.tally.ofSamples, this.#names.labels)
  }

  get note(): string {
    return `outputs read as class labels: they are ${this.#predictions.note}`
  }

  #count(predicted: Label, wanted: Label, sample: number): void {
    const target = this.#targets.ofLabel(wanted, this.#names.size)
    if (target === undefined) throw this.#refusal('target', wanted, sample)
    if (target !== ignored && !this.#predictions.add(target, predicted))
      throw this.#refusal('output', predicted, sample)
  }

  #refusal(field: 'target' | 'output', label: Label, sample: number) {
    const list = `the classes of the request, ${this.#names}`
    const way = field === 'output' ? `, and not all outputs are class indices from 0 to ${this.#names.size - 1}` : ''
    const message = `the ${field} of sample ${sample} is ${JSON.stringify(label)}, which is not among ${list}${way}`
    return mismatch(this.#metric, field, message, { expected: `${this.#names}`, actual: `${label}` })
  }
}
