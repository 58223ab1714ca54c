import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { type Arrangement, arranged, arrangedTensor } from './arrangement.ts'
import { type CheckpointSource, type CheckpointSources, sourceAs, type TensorReader } from './checkpoint-sources.ts'
import { atPlaceOf, keysNamed, type SourceCandidate } from './choose-source.ts'
import type { DerivedTensor } from './derived-tensor.ts'
import { modulesOf, type WeightName } from './graph-targets.ts'
import type { KeyPrefix } from './key-prefix.ts'
import type { ArrangementFinder } from './same-values.ts'
import { isTelling } from './value-counts.ts'

/** The whole tensors of a checkpoint whose elements a weight has. */
export type WholeSources = {
  /** Keys of tensors with the same elements, perhaps in another order. */
  keys: readonly string[]
  /** Returns the proven candidates for a weight under one of its names. */
  candidatesFor(weight: WeightName, prefixes: readonly KeyPrefix[]): SourceCandidate[]
}

/** A tensor of the checkpoint, and rearrangements after which samples of it are those of a weight. */
type SampledSource = { source: CheckpointSource; arrangements: readonly Arrangement[] }

/** Finds the whole tensors of a checkpoint that a weight of a graph is. */
export function wholeSources(
  tensor: TensorEntry,
  graph: TensorReader,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): WholeSources {
  const { sampled, candidates } = compared(tensor, graph, sources, finder)
  if (candidates) return { keys: [...new Set(candidates.map(({ key }) => key))], candidatesFor: () => candidates }
  return {
    keys: sampled.map(({ source }) => source.key),
    candidatesFor: (weight, prefixes) =>
      evidentSources(sampled, weight, prefixes).flatMap(each => provenCandidates(each, graph.read(tensor), sources)),
  }
}

/**
 * Compares a weight with all tensors of its size. `candidates` is null if the weight's values do not tell its source. No function of the
 * result refers to the weight's elements: these would stay in memory.
 */
function compared(
  tensor: TensorEntry,
  graph: TensorReader,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): { sampled: SampledSource[]; candidates: SourceCandidate[] | null } {
  const dtype = dtypeName(tensor.dataType)
  const same = sources.ofSize(tensor.elements)
  if (same.length === 0) return { sampled: [], candidates: null }
  const target = graph.read(tensor)
  const sampled = same.flatMap((source): SampledSource[] => {
    const arrangements = finder.fitting(source.dims, sources.samples(source, dtype), target)
    return arrangements.length > 0 ? [{ source, arrangements }] : []
  })
  const candidates = isTelling(target) ? sampled.flatMap(each => provenCandidates(each, target, sources)) : null
  return { sampled, candidates }
}

/** Returns the only tensor that a name or a place shows as the source of a weight whose values do not tell it. */
function evidentSources(
  sampled: readonly SampledSource[],
  weight: WeightName,
  prefixes: readonly KeyPrefix[],
): readonly SampledSource[] {
  const named = keysNamed(weight.name, prefixes)
  const isThere = atPlaceOf(weight)
  const byName = sampled.filter(({ source }) => named.has(source.key))
  const evident = byName.length > 0 ? byName : sampled.filter(({ source }) => isThere?.(source.key))
  return evident.length === 1 && (sampled.length === 1 || modulesOf(weight).size <= 1) ? evident : []
}

function provenCandidates(
  { source, arrangements }: SampledSource,
  target: DerivedTensor,
  sources: CheckpointSources,
): SourceCandidate[] {
  const values = sources.read(source, target.dtype)
  return arrangements
    .filter(each => Buffer.compare(arrangedTensor(values, each).bytes, target.bytes) === 0)
    .map(each => ({ key: source.key, derivation: arranged(sourceAs(source, target.dtype), each) }))
}
