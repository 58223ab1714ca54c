import type { CheckpointSource } from './checkpoint-sources.ts'

/** The tensors of a batch norm in a checkpoint, one element for each channel. */
export type NormSources = {
  gamma: CheckpointSource | null
  beta: CheckpointSource | null
  mean: CheckpointSource
  variance: CheckpointSource
}

/** The last parts of a batch norm's keys in PyTorch, Keras and Flax. */
const endings = [
  { mean: 'running_mean', variance: 'running_var', gamma: 'weight', beta: 'bias' },
  { mean: 'moving_mean', variance: 'moving_variance', gamma: 'gamma', beta: 'beta' },
  { mean: 'mean', variance: 'var', gamma: 'scale', beta: 'bias' },
] as const

/** Returns the batch norms of a checkpoint, by their keys. */
export function normsOf(sources: readonly CheckpointSource[]): NormSources[] {
  const byKey = new Map(sources.map(source => [source.key, source]))
  return sources.flatMap(mean => {
    const ending = endings.find(each => mean.key === each.mean || /[./]/.test(beforeEnding(mean.key, each.mean)))
    if (!ending) return []
    const base = mean.key.slice(0, mean.key.length - ending.mean.length)
    const find = (part: 'variance' | 'gamma' | 'beta') => {
      const source = byKey.get(base + ending[part])
      return source?.elements === mean.elements ? source : undefined
    }
    const variance = find('variance')
    return variance ? [{ mean, variance, gamma: find('gamma') ?? null, beta: find('beta') ?? null }] : []
  })
}

/** Returns the character before an ending of a key; empty if the key does not end so. */
function beforeEnding(key: string, ending: string): string {
  return key.endsWith(ending) ? (key.at(-1 - ending.length) ?? '') : ''
}
