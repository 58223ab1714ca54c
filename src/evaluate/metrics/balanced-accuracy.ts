import { nanIsHighest } from './classes/argmax.ts'
import { recallPerClass } from './classes/class-counts.ts'
import { labelShapes } from './classes/class-labels.ts'
import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { scorePredictions } from './classes/score-predictions.ts'
import type { Metric } from './metric.ts'
import { meanOf } from './running-sum.ts'

/**
 * The mean of the recalls of all classes that occur in the target: correct predictions divided by targets of the class. A class without
 * targets has no recall. scikit-learn: `balanced_accuracy_score`.
 */
export const balancedAccuracy: Metric<ClassParameters> = {
  name: 'balancedAccuracy',
  description: 'Mean of the recalls of all classes that occur in the target; per class: the recall',
  direction: 'max',
  per: 'set',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  labels: labelShapes,
  nonFinite: nanIsHighest,
  start: (parameters, keep) =>
    scorePredictions(
      'balancedAccuracy',
      parameters,
      keep,
      counts => {
        const perClass = recallPerClass(counts)
        return { value: meanOf(perClass.map(({ value }) => value)), perClass }
      },
      'without targets',
    ),
}
