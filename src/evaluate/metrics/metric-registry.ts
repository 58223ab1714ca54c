import { accuracy } from './accuracy.ts'
import { allClose } from './all-close.ts'
import { balancedAccuracy } from './balanced-accuracy.ts'
import { cosine } from './cosine.ts'
import { crossEntropy } from './cross-entropy.ts'
import { macroF1 } from './macro-f1.ts'
import { mae } from './mae.ts'
import { maxAbsDifference } from './max-abs-difference.ts'
import { meanIoU } from './mean-iou.ts'
import type { Accumulator, Metric, ResamplingAccumulator } from './metric.ts'
import { mse } from './mse.ts'
import { r2 } from './r2.ts'
import { rmse } from './rmse.ts'
import { rocAuc } from './roc-auc.ts'
import { topK } from './top-k-accuracy.ts'

/** A metric of whatever parameters a request names. */
export type RegisteredMetric = Omit<Metric<unknown>, 'start'> & {
  /** Starts a set of which nothing is kept. @throws ZodError for parameters that the metric does not have */
  start(parameters: unknown): Accumulator
  /** Starts a set that can be resampled, in memory that grows with it. @throws ZodError as `start` does */
  startKeeping(parameters: unknown): ResamplingAccumulator
}

function registered<Parameters>(metric: Metric<Parameters>): RegisteredMetric {
  return {
    ...metric,
    start: parameters => metric.start(metric.parameters.parse(parameters), false),
    startKeeping: parameters => metric.start(metric.parameters.parse(parameters), true),
  }
}

/** Every metric, in the order in which they are listed. */
const all: readonly RegisteredMetric[] = [
  registered(accuracy),
  registered(topK),
  registered(crossEntropy),
  registered(macroF1),
  registered(balancedAccuracy),
  registered(rocAuc),
  registered(mse),
  registered(mae),
  registered(rmse),
  registered(r2),
  registered(meanIoU),
  registered(cosine),
  registered(maxAbsDifference),
  registered(allClose),
]

/** The metrics by name. */
export const metrics: ReadonlyMap<string, RegisteredMetric> = new Map(all.map(metric => [metric.name, metric]))
