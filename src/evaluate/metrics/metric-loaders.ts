import type { Metric } from './metric.ts'

/** A metric with parameters of any type: `start` takes complete ones, as `chooseMetric` returns them. */
export type RegisteredMetric = Metric<Record<string, unknown>>

/** Loads each scoring metric, by name and in the order of the lists. An evaluator loads no more than its task needs. */
export const metricLoaders: ReadonlyMap<string, () => Promise<RegisteredMetric>> = new Map<
  string,
  () => Promise<RegisteredMetric>
>([
  ['accuracy', async () => (await import('./accuracy.ts')).accuracy],
  ['topK', async () => (await import('./top-k-accuracy.ts')).topK],
  ['crossEntropy', async () => (await import('./cross-entropy.ts')).crossEntropy],
  ['macroF1', async () => (await import('./macro-f1.ts')).macroF1],
  ['balancedAccuracy', async () => (await import('./balanced-accuracy.ts')).balancedAccuracy],
  ['rocAuc', async () => (await import('./roc-auc.ts')).rocAuc],
  ['mse', async () => (await import('./mse.ts')).mse],
  ['mae', async () => (await import('./mae.ts')).mae],
  ['rmse', async () => (await import('./rmse.ts')).rmse],
  ['r2', async () => (await import('./r2.ts')).r2],
  ['meanIoU', async () => (await import('./mean-iou.ts')).meanIoU],
  ['cosine', async () => (await import('./cosine.ts')).cosine],
  ['maxAbsDifference', async () => (await import('./max-abs-difference.ts')).maxAbsDifference],
  ['allClose', async () => (await import('./all-close.ts')).allClose],
])
