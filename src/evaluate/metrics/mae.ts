import { valueShapes } from './elements/element-pairs.ts'
import { meanOverElements } from './elements/mean-over-elements.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'

/** The mean of |output - target|, in the target's unit. scikit-learn: `mean_absolute_error`. */
export const mae: Metric<NoParameters> = {
  name: 'mae',
  description: 'Mean absolute error over all elements',
  direction: 'min',
  per: 'sample',
  target: 'values',
  parameters: noParameters,
  shapes: valueShapes,
  start: (_, keep) => meanOverElements('mae', keep, (output, target) => Math.abs(output - target)),
}
