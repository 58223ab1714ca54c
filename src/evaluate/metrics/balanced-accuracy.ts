import { recallPerClass } from './classes/class-counts.ts'
import { labelShapes } from './classes/class-labels.ts'
import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { scorePredictions } from './classes/score-predictions.ts'
import type { Metric } from './metric.ts'
import { meanOf } from './running-sum.ts'

/**
 * The mean of the recalls, correct / targets of a class, over the classes that occur in the target: those without a
 * target have no recall. scikit-learn: `balanced_accuracy_score`.
 */
export const balancedAccuracy: Metric<ClassParameters> = {
  name: 'balancedAccuracy',
  description: 'The mean over the classes in the target of the share of each that is recognised; per class: that share',
  direction: 'max',
  per: 'set',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  labels: labelShapes,
  start: (parameters, keep) =>
    scorePredictions('balancedAccuracy', parameters, keep, counts => {
      const perClass = recallPerClass(counts)
      return { value: meanOf(perClass.map(({ value }) => value)), perClass }
    }),
}
