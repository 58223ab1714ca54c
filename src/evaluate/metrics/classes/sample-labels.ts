import type { SamplePredictions } from '../metric.ts'
import { noClass } from './class-counts.ts'
import type { SampleClasses } from './class-tally.ts'
import type { Label } from './label.ts'

/** Returns the classes of samples by their labels. @param labels label of each class; left out: the classes are called by their indices */
export function sampleLabels(
  classes: SampleClasses | undefined,
  labels?: readonly Label[],
): SamplePredictions | undefined {
  const labelOf = (c: number): Label | null => (c === noClass ? null : labels ? (labels[c] ?? null) : c)
  return (
    classes && { targets: Array.from(classes.targets, labelOf), predictions: Array.from(classes.predictions, labelOf) }
  )
}
