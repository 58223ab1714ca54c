import type { Label } from './metrics/classes/label.ts'
import type { SamplePredictions } from './metrics/metric.ts'

/**
 * A sample that exactly one of two models gets right: its index, the class of its target, and the classes that both models predict. A
 * prediction is null if it is none of the classes.
 */
export type MistakenSample = [sample: number, target: Label, winner: Label | null, bestSingle: Label | null]

/**
 * The samples that a winner newly gets right and newly gets wrong against the best single model. `listed`: the first of them. `isTold`: false
 * if samples have several targets, or the metric predicts no classes; then there are none.
 */
export type Mistakes = {
  isTold: boolean
  samples: number
  newlyRight: number
  newlyWrong: number
  listed: MistakenSample[]
}

/** The mistakes of a winner that is the best single model. */
export const noMistakes: Mistakes = { isTold: true, samples: 0, newlyRight: 0, newlyWrong: 0, listed: [] }

/**
 * Finds the samples that exactly one of two models gets right. Targets that do not count are left out.
 * @param most most samples to list
 */
export function mistakesOf(
  winner: SamplePredictions | undefined,
  bestSingle: SamplePredictions | undefined,
  most: number,
): Mistakes {
  if (!winner || !bestSingle) return { ...noMistakes, isTold: false }
  const found: Mistakes = { ...noMistakes, samples: winner.targets.length, listed: [] }
  for (const [sample, target] of winner.targets.entries()) {
    if (target === null) continue
    const predicted = { winner: winner.predictions[sample] ?? null, bestSingle: bestSingle.predictions[sample] ?? null }
    const isRight = predicted.winner === target
    if (isRight === (predicted.bestSingle === target)) continue
    if (isRight) found.newlyRight += 1
    else found.newlyWrong += 1
    if (found.listed.length < most) found.listed.push([sample, target, predicted.winner, predicted.bestSingle])
  }
  return found
}
