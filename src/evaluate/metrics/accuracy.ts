import { nanIsHighest } from './classes/argmax.ts'
import { recallPerClass, sumOfCounts } from './classes/class-counts.ts'
import { labelShapes } from './classes/class-labels.ts'
import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { scorePredictions } from './classes/score-predictions.ts'
import type { Metric } from './metric.ts'

/**
 * Correct predictions divided by all predictions, over samples or their positions. Per class: the recall, correct predictions divided by
 * targets of the class. scikit-learn: `accuracy_score`, `recall_score(average=None)`.
 */
export const accuracy: Metric<ClassParameters> = {
  name: 'accuracy',
  description:
    'Share of samples (or positions) whose predicted class, by highest score or by label, is the target class; per class: the recall',
  direction: 'max',
  per: 'sample',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  labels: labelShapes,
  nonFinite: nanIsHighest,
  start: (parameters, keep) =>
    scorePredictions('accuracy', parameters, keep, counts => ({
      value: sumOfCounts(counts.correct) / sumOfCounts(counts.support),
      perClass: recallPerClass(counts),
    })),
}
