import { shapeMismatch } from './batch-dims.ts'
import { isAbove } from './classes/argmax.ts'
import { oneScoreASample, scorePerClassShapes } from './classes/class-layout.ts'
import { ignoredClass, type TargetParameters, targetParameters } from './classes/class-parameters.ts'
import { classReader, forEachRow } from './classes/class-rows.ts'
import { accumulateMean } from './keeping/accumulate-mean.ts'
import type { Metric } from './metric.ts'

type Parameters = TargetParameters & { k: number }

/**
 * The share of samples (or positions) in which fewer than k classes score higher than the target class. Among equal scores the lower class
 * comes first, so that k = 1 is accuracy; in scikit-learn's `top_k_accuracy_score` the higher class comes first.
 */
export const topK: Metric<Parameters> = {
  name: 'topK',
  description: 'Share of samples (or positions) whose target class is among the k highest scores',
  direction: 'max',
  per: 'sample',
  target: 'classes',
  parameters: z =>
    z.strictObject({
      k: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(5)
        .describe('Number of highest scores among which the target class counts as found'),
      ...targetParameters(z, ignoredClass),
    }),
  shapes: scorePerClassShapes,
  nonFinite: 'NaN is taken as the highest score',
  start({ k, ...parameters }, keep) {
    const { read, targets } = classReader('topK', { ...parameters, from: 'auto' })
    let trivial = false
    const mean = accumulateMean(keep, (batch, tally) => {
      const rows = read(batch)
      const { classes, scores, step } = rows
      if (classes === 1) throw shapeMismatch('topK', batch, oneScoreASample)
      trivial = k >= classes
      forEachRow(
        rows,
        (start, target) => tally.add(scoresBefore(target, scores, start, step, classes) < k ? 1 : 0),
        () => tally.endSample(),
      )
    })
    return {
      targets,
      requireClear: () => targets.requireMost('topK', false),
      add: mean.add,
      result() {
        const result = mean.result()
        const note = `k is ${k} and the output has no more classes: every sample counts`
        return trivial && result.note === undefined ? { ...result, note } : result
      },
      get samples() {
        return mean.samples
      },
      resampled: mean.resampled,
    }
  },
}

function scoresBefore(target: number, scores: ArrayLike<number>, start: number, step: number, classes: number): number {
  const own = scores[start + target * step] ?? 0
  let before = 0
  for (let c = 0; c < classes; c += 1) {
    const score = scores[start + c * step] ?? 0
    const comesFirst = c < target ? !isAbove(own, score) : isAbove(score, own)
    if (comesFirst) before += 1
  }
  return before
}
