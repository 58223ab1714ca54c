import { valueShapes } from './elements/element-pairs.ts'
import { meanOverElements } from './elements/mean-over-elements.ts'
import type { Metric } from './metric.ts'
import { type NoParameters, noParameters } from './no-parameters.ts'

/** The mean of (output - target)^2, in the square of the target's unit. scikit-learn: `mean_squared_error`. */
export const mse: Metric<NoParameters> = {
  name: 'mse',
  description: 'Mean squared error over all elements',
  direction: 'min',
  per: 'sample',
  target: 'values',
  parameters: noParameters,
  shapes: valueShapes,
  start: (_, keep) => meanOverElements('mse', keep, (output, target) => (output - target) ** 2),
}
