import { accuracy } from './accuracy.ts'
import { allClose } from './all-close.ts'
import { balancedAccuracy } from './balanced-accuracy.ts'
import { cosine } from './cosine.ts'
import { crossEntropy } from './cross-entropy.ts'
import { macroF1 } from './macro-f1.ts'
import { mae } from './mae.ts'
import { maxAbsDifference } from './max-abs-difference.ts'
import { meanIoU } from './mean-iou.ts'
import type { Metric } from './metric.ts'
import { mse } from './mse.ts'
import { r2 } from './r2.ts'
import { rmse } from './rmse.ts'
import { rocAuc } from './roc-auc.ts'
import { topK } from './top-k-accuracy.ts'

/** A metric with parameters of any type: `start` takes complete ones, as `chooseMetric` returns them. */
export type RegisteredMetric = Metric<Record<string, unknown>>

/** All scoring metrics, in the order of the lists. */
const all: readonly RegisteredMetric[] = [
  accuracy,
  topK,
  crossEntropy,
  macroF1,
  balancedAccuracy,
  rocAuc,
  mse,
  mae,
  rmse,
  r2,
  meanIoU,
  cosine,
  maxAbsDifference,
  allClose,
]

/** All scoring metrics by name. */
export const metrics: ReadonlyMap<string, RegisteredMetric> = new Map(all.map(metric => [metric.name, metric]))
