import { metricLoaders, type RegisteredMetric } from './metric-loaders.ts'

/** All scoring metrics by name, in the order of the lists. */
export const metrics: ReadonlyMap<string, RegisteredMetric> = new Map(
  await Promise.all([...metricLoaders].map(async ([name, load]) => [name, await load()] as const)),
)
