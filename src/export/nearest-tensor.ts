import { equalDims } from './arrangement.ts'
import type { CheckpointSource, CheckpointSources } from './checkpoint-sources.ts'
import { keysNamed } from './choose-source.ts'
import type { UnmatchedWeight } from './correspondence.ts'
import { type DerivedTensor, elementsOf, valuesOf } from './derived-tensor.ts'
import type { ExportTarget } from './graph-targets.ts'
import type { KeyPrefix } from './key-prefix.ts'

/** Most tensors whose values are compared with those of a weight. */
const mostCompared = 64

/**
 * Returns the tensor of the checkpoint that is most similar to an unmatched weight, and the reason why the weight does
 * not follow from it. It is the tensor of the weight's name, or that with the same dims and the most similar values.
 */
export function nearestTensor(
  { own }: ExportTarget,
  target: DerivedTensor,
  sources: CheckpointSources,
  prefixes: readonly KeyPrefix[],
): Pick<UnmatchedWeight, 'nearest' | 'reason'> {
  const names = keysNamed(own.name, prefixes)
  const named = sources.all.find(({ key }) => names.has(key))
  if (named && named.elements !== elementsOf(target.dims)) {
    const reason = `${named.key} has the dims [${named.dims.join(', ')}], and the weight [${target.dims.join(', ')}]`
    return { nearest: named.key, reason }
  }
  const alike = sources.all.filter(({ dims }) => equalDims(dims, target.dims)).slice(0, mostCompared)
  const [best] = (named ? [named] : alike)
    .map(source => ({ source, ...difference(source, target, sources) }))
    .sort((a, b) => a.differing - b.differing || a.largest - b.largest)
  if (!best) return { nearest: null, reason: `no tensor of the checkpoint has the dims [${target.dims.join(', ')}]` }
  const { source, differing, largest } = best
  const reason =
    differing === 0
      ? `${source.key} has the same values, but equal values and integers prove nothing, and no name does`
      : `${differing} of ${source.elements} values differ from those of ${source.key}, by ${largest.toPrecision(3)} at most`
  return { nearest: source.key, reason }
}

function difference(
  source: CheckpointSource,
  target: DerivedTensor,
  sources: CheckpointSources,
): { differing: number; largest: number } {
  const ours = valuesOf(target)
  const theirs = valuesOf(sources.read(source, target.dtype))
  let [differing, largest] = [0, 0]
  for (const [index, value] of ours.entries()) {
    const other = theirs[index] ?? 0
    if (Object.is(value, other)) continue
    differing += 1
    largest = Math.max(largest, Math.abs(value - other))
  }
  return { differing, largest }
}
