import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { classReader, forEachRow } from './classes/class-rows.ts'
import type { Label } from './classes/label.ts'
import { OutputReading } from './classes/output-reading.ts'
import { ResampledCurves } from './classes/resampled-curves.ts'
import { ScoreStore, type SplitScores } from './classes/score-store.ts'
import { requireCounts } from './keeping/require-counts.ts'
import type { ClassResult, Metric, MetricResult } from './metric.ts'
import { noSample, noValue } from './no-value.ts'
import { meanOf } from './running-sum.ts'

/**
 * The area under the ROC curve: the probability that a sample of the class scores higher than a sample of another class; ties count half
 * (Hanley & McNeil 1982; scikit-learn: `roc_auc_score`). For binary heads and two classes, it is the area of class 1. For more classes, it is
 * the mean over all classes, each against the rest (`multi_class='ovr'`). Logits go through a softmax first, which changes the order of
 * samples.
 *
 * This is the only metric whose memory grows with the set. It keeps 8 bytes for each sample and class, and 4 for each sample; the result
 * takes 32 more for each sample. Resampling takes at most 4 more for each sample and class.
 */
export const rocAuc: Metric<ClassParameters> = {
  name: 'rocAuc',
  description:
    'Area under the ROC curve; with more than two classes, the mean over the classes, each against the rest; per class: that area',
  direction: 'max',
  per: 'set',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  nonFinite: 'infinite scores are ordered as numbers, and rows without a target that counts have no effect',
  start(parameters, keep) {
    const { read, targets } = classReader('rocAuc', parameters)
    const reading = new OutputReading('rocAuc', parameters.from)
    const store = new ScoreStore(keep)
    const nameOf = (c: number) => targets.names?.labels[c] ?? c
    let classes = 1
    let curves: ResampledCurves | undefined
    return {
      targets,
      requireClear: () => targets.requireMost('rocAuc', false),
      add(batch) {
        const rows = read(batch)
        classes = rows.classes
        store.add(rows)
        forEachRow(rows, start => reading.see(rows.scores, start, rows.step, classes))
        curves = undefined
      },
      result() {
        if (store.rows === 0) return noValue(noSample)
        // A sigmoid keeps the order, so probabilities and logits of a binary head give the same area.
        if (classes === 1) return binaryResult(store, store.splitter(false)(0, 1), nameOf)
        const split = store.splitter(reading.logits)
        const result =
          classes === 2 ? binaryResult(store, split(1, 1), nameOf) : oneVersusRest(store, split, classes, nameOf)
        return { ...result, note: result.note ? `${reading.note}; ${result.note}` : reading.note }
      },
      get samples() {
        return keep ? store.samples : 0
      },
      resampled(counts) {
        requireCounts(counts, keep ? store.samples : 0)
        curves ??= new ResampledCurves(store, classes, classes > 1 && reading.logits)
        return curves.area(counts)
      },
    }
  },
}

type NameOf = (c: number) => Label

function binaryResult(store: ScoreStore, split: SplitScores, nameOf: NameOf): MetricResult {
  const missing = [0, 1].filter(target => store.support(target) === 0)
  if (missing.length > 0) return noValue(`no sample of class ${missing.map(nameOf).join(' or ')}`)
  return { value: areaUnderCurve(split) }
}

function oneVersusRest(
  store: ScoreStore,
  split: (column: number, positive: number) => SplitScores,
  classes: number,
  nameOf: NameOf,
): MetricResult {
  const indices = Array.from({ length: classes }, (_, c) => c)
  const hasBoth = (c: number) => store.support(c) > 0 && store.support(c) < store.rows
  const perClass = indices
    .filter(hasBoth)
    .map((c): ClassResult => ({ class: nameOf(c), value: areaUnderCurve(split(c, c)), support: store.support(c) }))
  if (perClass.length === 0) return noValue('the target has fewer than two classes')
  const value = meanOf(perClass.map(result => result.value))
  const missing = indices.filter(c => !hasBoth(c))
  if (missing.length === 0) return { value, perClass }
  return { value, perClass, note: `classes without a sample, left out of the mean: ${missing.map(nameOf).join(', ')}` }
}

/** Returns the area under the curve; NaN if a score is NaN. It counts in halves, which is exact up to 2^52 pairs. */
function areaUnderCurve({ own, others }: SplitScores): number {
  // Sorting puts NaN last.
  if (Number.isNaN(own.at(-1)) || Number.isNaN(others.at(-1))) return Number.NaN
  let halves = 0
  let below = 0
  let notAbove = 0
  for (const score of own) {
    while (below < others.length && (others[below] ?? 0) < score) below += 1
    notAbove = Math.max(notAbove, below)
    while (notAbove < others.length && (others[notAbove] ?? 0) <= score) notAbove += 1
    halves += below + notAbove
  }
  return halves / 2 / (own.length * others.length)
}
