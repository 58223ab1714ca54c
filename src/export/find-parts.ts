import { arranged } from './arrangement.ts'
import { type CheckpointSources, placeSums, sourceAs } from './checkpoint-sources.ts'
import { atPlaceOf, type SourceCandidate } from './choose-source.ts'
import type { Derivation } from './derivation.ts'
import { type DerivedTensor, elementsOf } from './derived-tensor.ts'
import { sliced } from './element-moves.ts'
import type { WeightName } from './graph-targets.ts'
import { digestOf } from './multiset-digest.ts'
import type { ArrangementFinder } from './same-values.ts'
import { hasEnoughValues } from './value-counts.ts'

/** Most places of an axis along which parts are looked for. Each takes 8 bytes of memory. */
const mostPlaces = 2 ** 22

/** Returns the slices of tensors, along one axis, from which a weight follows by a rearrangement. */
export function sliceCandidates(
  target: DerivedTensor,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): SourceCandidate[] {
  if (!hasEnoughValues(target)) return []
  const { dtype } = target
  const elements = elementsOf(target.dims)
  const whole = digestOf(target)
  const found: SourceCandidate[] = []
  for (const source of sources.all) {
    for (const [axis, places] of source.dims.entries()) {
      const length = elements / (source.elements / places)
      if (!Number.isInteger(length) || length >= places || places > mostPlaces) continue
      const sums = sources.places(source, dtype, axis)
      for (let start = 0; start + length <= places; start += 1) {
        if (sums(start, start + length) !== whole) continue
        const of = sourceAs(source, dtype)
        const part = sliced(sources.read(source, dtype), axis, start, start + length)
        const slice: Derivation = { op: 'slice', of, axis, start, end: start + length }
        for (const each of finder.find(part, target)) found.push({ key: source.key, derivation: arranged(slice, each) })
      }
    }
  }
  return found
}

/** A tensor of the checkpoint in the place of a part of a weight. */
type PartCandidate = SourceCandidate & { places: number }

/** Returns the concatenations and stacks of whole tensors, along one axis, that a weight is. */
export function concatCandidates(
  target: DerivedTensor,
  weight: WeightName,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): SourceCandidate[] {
  return target.dims.flatMap((places, axis) => {
    if (places < 2 || places > mostPlaces) return []
    const parts = partsAlong(target, axis, weight, sources, finder)
    const [first] = parts ?? []
    if (!parts || !first || parts.length < 2) return []
    return [{ key: first.key, derivation: { op: 'concat', of: parts.map(({ derivation }) => derivation), axis } }]
  })
}

/** Returns the tensors that a weight consists of along an axis; undefined if there are none, or if a part could be any of several. */
function partsAlong(
  target: DerivedTensor,
  axis: number,
  weight: WeightName,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): PartCandidate[] | undefined {
  const places = target.dims[axis] ?? 1
  const inPlace = elementsOf(target.dims) / places
  const sums = placeSums(target, axis)
  const fitting = sources.all.filter(({ elements }) => elements % inPlace === 0 && elements / inPlace < places)
  const parts: PartCandidate[] = []
  for (let start = 0; start < places; ) {
    const candidates = fitting.flatMap((source): PartCandidate[] => {
      const length = source.elements / inPlace
      if (start + length > places) return []
      if (sums(start, start + length) !== sources.digest(source, target.dtype)) return []
      const part = sliced(target, axis, start, start + length)
      if (!hasEnoughValues(part)) return []
      const of = sourceAs(source, target.dtype)
      return finder.find(sources.read(source, target.dtype), part).map(each => ({
        key: source.key,
        places: length,
        derivation: arranged(of, each),
      }))
    })
    const only = onlyThere(candidates, weight)
    if (!only) return undefined
    parts.push(only)
    start += only.places
  }
  return parts
}

/** Returns the only candidate, or the only one of the module that reads the weight. */
export function onlyThere<Candidate extends SourceCandidate>(
  candidates: readonly Candidate[],
  weight: WeightName,
): Candidate | undefined {
  if (candidates.length < 2) return candidates[0]
  const isThere = atPlaceOf(weight)
  const there = isThere ? candidates.filter(({ key }) => isThere(key)) : []
  return there.length === 1 ? there[0] : undefined
}
