import { meanOf } from '../running-sum.ts'
import { ResampledCurve } from './resampled-curve.ts'
import type { ScoreStore } from './score-store.ts'

/** The curves of `rocAuc`, ready for resamples: one for class 1 of two classes, or one for each of more classes. */
export class ResampledCurves {
  readonly #samples: Int32Array
  readonly #curves: ResampledCurve[]

  constructor(store: ScoreStore, classes: number, normalize: boolean) {
    const targets = store.targets()
    const samples = store.samplesOfRows()
    const column = store.columns(normalize)
    const curve = (c: number, positive: number) => new ResampledCurve({ scores: column(c), targets, samples }, positive)
    this.#samples = samples
    this.#curves =
      classes > 2
        ? Array.from({ length: classes }, (_, c) => c)
            .filter(c => store.support(c) > 0)
            .map(c => curve(c, c))
        : [curve(classes - 1, 1)]
  }

  /** Returns the mean area over all classes that have rows, but not all rows, in the resample; NaN if there is none. */
  area(counts: Uint32Array): number {
    let total = 0
    for (const sample of this.#samples) total += counts[sample] ?? 0
    return meanOf(this.#curves.flatMap(curve => curve.area(counts, total) ?? []))
  }
}
