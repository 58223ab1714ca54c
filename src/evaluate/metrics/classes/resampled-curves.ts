import { meanOf } from '../running-sum.ts'
import { ResampledCurve } from './resampled-curve.ts'
import type { ScoreStore } from './score-store.ts'

/** The curves that `rocAuc` is made of, ready for resamples: that of class 1 of two, or that of each of more classes. */
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

  /** The mean over the classes that a resample tells apart from others; NaN if there is none. */
  area(counts: Uint32Array): number {
    let total = 0
    for (const sample of this.#samples) total += counts[sample] ?? 0
    return meanOf(this.#curves.flatMap(curve => curve.area(counts, total) ?? []))
  }
}
