import { nanIsHighest } from './classes/argmax.ts'
import { valuePerClass } from './classes/class-counts.ts'
import { labelShapes } from './classes/class-labels.ts'
import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { scorePredictions } from './classes/score-predictions.ts'
import type { Metric } from './metric.ts'
import { meanOf } from './running-sum.ts'

/**
 * The mean of F1 = 2 correct / (targets + predictions) over the classes that occur as target or prediction, without the ignored class.
 * scikit-learn: `f1_score(average='macro')`.
 */
export const macroF1: Metric<ClassParameters> = {
  name: 'macroF1',
  description:
    'Mean of F1, the harmonic mean of precision and recall, over the classes that occur as target or prediction; per class: F1',
  direction: 'max',
  per: 'set',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  labels: labelShapes,
  nonFinite: nanIsHighest,
  start: (parameters, keep) =>
    scorePredictions(
      'macroF1',
      parameters,
      keep,
      (counts, leavesOut) => {
        const perClass = valuePerClass(counts, ({ support, predicted, correct }) =>
          support + predicted > 0 ? (2 * correct) / (support + predicted) : undefined,
        ).filter(result => !leavesOut(result.class))
        return { value: meanOf(perClass.map(({ value }) => value)), perClass }
      },
      'without targets and predictions, or ignored',
    ),
}
