import { equalDims } from './arrangement.ts'
import type { CheckpointSource, CheckpointSources } from './checkpoint-sources.ts'
import { keysNamed } from './choose-source.ts'
import type { UnmatchedWeight } from './correspondence.ts'
import { type DerivedTensor, elementsOf, valuesOf } from './derived-tensor.ts'
import type { ExportTarget } from './graph-targets.ts'
import type { KeyPrefix } from './key-prefix.ts'
import { samplesOf } from './same-values.ts'

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
  const best = named ?? mostSimilar(target, sources)
  if (!best) return { nearest: null, reason: `no tensor of the checkpoint has the dims [${target.dims.join(', ')}]` }
  const { differing, largest } = difference(valuesOf(target), valuesOf(sources.read(best, target.dtype)))
  const reason =
    differing === 0
      ? `${best.key} has the same values, but equal values and integers prove nothing, and no name does`
      : `${differing} of ${best.elements} values differ from those of ${best.key}, by ${largest.toPrecision(3)} at most`
  return { nearest: best.key, reason }
}

/** Returns the tensor with the same dims whose samples are most similar to those of a weight. */
function mostSimilar(target: DerivedTensor, sources: CheckpointSources): CheckpointSource | undefined {
  const samples = valuesOf(samplesOf(target))
  return sources
    .ofSize(elementsOf(target.dims))
    .filter(({ dims }) => equalDims(dims, target.dims))
    .map(source => ({ source, ...difference(samples, valuesOf(sources.samples(source, target.dtype))) }))
    .sort((a, b) => a.differing - b.differing || a.largest - b.largest)[0]?.source
}

function difference(ours: Float64Array, theirs: Float64Array): { differing: number; largest: number } {
  let [differing, largest] = [0, 0]
  for (const [index, value] of ours.entries()) {
    const other = theirs[index] ?? 0
    if (Object.is(value, other)) continue
    differing += 1
    largest = Math.max(largest, Math.abs(value - other))
  }
  return { differing, largest }
}
