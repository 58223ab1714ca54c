import { z } from 'zod'
import { recallPerClass, sumOfCounts } from './classes/class-counts.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { predictionCounts } from './classes/prediction-counts.ts'
import type { Metric } from './metric.ts'
import { noSample, noValue } from './no-value.ts'

/**
 * Correct predictions / predictions, over samples or their positions; per class the recall, correct / targets of the
 * class. scikit-learn: `accuracy_score`, `recall_score(average=None)`.
 */
export const accuracy: Metric<ClassParameters> = {
  name: 'accuracy',
  description:
    'The share of samples (or positions) whose highest score is that of the target class; per class: the recall',
  direction: 'max',
  per: 'sample',
  target: 'classes',
  parameters: z.strictObject(classParameters),
  start(parameters) {
    const { add, settle } = predictionCounts('accuracy', parameters)
    return {
      add,
      result() {
        const { counts, ...note } = settle()
        if (!counts) return noValue(noSample)
        const value = sumOfCounts(counts.correct) / sumOfCounts(counts.support)
        return { value, perClass: recallPerClass(counts), ...note }
      },
    }
  },
}
