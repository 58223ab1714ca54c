import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { type CheckpointSource, CheckpointSources, type OnRead, TensorReader } from './checkpoint-sources.ts'
import { atPlaceOf, chooseSource, commonPrefixes, keysNamed, type SourceCandidate } from './choose-source.ts'
import type { AmbiguousWeights, Correspondence, DerivedWeight, GraphWeight, SharedWeight } from './correspondence.ts'
import { type Derivation, keysOf } from './derivation.ts'
import type { DerivedTensor } from './derived-tensor.ts'
import { FoldFinder } from './find-folds.ts'
import { concatCandidates, sliceCandidates, sourceAs } from './find-parts.ts'
import { recurrentCandidates } from './find-recurrent.ts'
import { foldableLayers } from './folded-layers.ts'
import { type ExportTarget, graphTargets, modulesOf, type WeightName } from './graph-targets.ts'
import type { KeyPrefix } from './key-prefix.ts'
import { nearestTensor } from './nearest-tensor.ts'
import type { IndexedFiles } from './read-tensors.ts'
import { arranged, arrangements } from './same-values.ts'
import { isConstant, isTelling } from './value-counts.ts'

/**
 * Proves from values alone how the averaged weights of a model follow from the checkpoint that it was exported from.
 *
 * @param onRead called after each read with its bytes; an error that it throws ends the search
 * @throws TureenError as the readers of both files do
 */
export function findCorrespondence(
  model: IndexedFiles,
  checkpoint: IndexedFiles,
  onRead: OnRead = () => undefined,
): Correspondence {
  const { targets, readersOf } = graphTargets(model)
  const graph = new TensorReader(model, onRead)
  const sources = new CheckpointSources(checkpoint, onRead)
  const equal = new Map(targets.map(({ tensor }) => [tensor, equalSources(tensor, graph, sources)]))
  const prefixes = commonPrefixes(
    targets.flatMap(({ tensor, own, aliases }) => {
      const keys = (equal.get(tensor) ?? []).map(({ key }) => key)
      return [own, ...aliases].map(({ name }) => [name, keys] as const)
    }),
  )
  const found = new Found()
  const open = targets.filter(target => {
    const values = () => graph.read(target.tensor)
    return !found.add(target, wholeCandidates(equal.get(target.tensor) ?? [], values, sources, prefixes), prefixes)
  })
  for (const { layer, weight, bias } of new FoldFinder(graph, sources).find(
    foldableLayers(open, readersOf),
    prefixes,
  )) {
    found.addProven(layer.weight, weight)
    found.addProven(layer.bias, bias)
  }
  const left = open.filter(target => {
    if (found.has(target)) return false
    const values = graph.read(target.tensor)
    const searches: ((weight: WeightName) => SourceCandidate[])[] = [
      weight => recurrentCandidates(values, weight, sources),
      () => sliceCandidates(values, sources),
      weight => concatCandidates(values, weight, sources),
    ]
    return !searches.some(candidatesFor => found.add(target, candidatesFor, prefixes))
  })
  const numbers = left.filter(({ tensor, isHeld }) => {
    const isOwn = tensor.dims.length === 0 || (isHeld && isConstant(graph.read(tensor)))
    return isOwn && !hasOpenSource(tensor, equal.get(tensor) ?? [], sources, found)
  })
  const unmatched = left.filter(target => !numbers.includes(target))
  return {
    ...found.lists(targets, checkpoint),
    prefix: prefixes[0] ?? { drop: '', add: '' },
    unmatched: unmatched.map(target => ({
      ...weightOf(target),
      ...nearestTensor(target, graph.read(target.tensor), sources, prefixes),
    })),
    numbers: numbers.map(weightOf),
  }
}

/** True if a tensor that no weight reads could be the source of a constant: one of equal values, or any single number. */
function hasOpenSource(
  tensor: TensorEntry,
  equal: readonly CheckpointSource[],
  sources: CheckpointSources,
  found: Found,
): boolean {
  const possible = tensor.elements === 1 ? sources.all.filter(({ elements }) => elements === 1) : equal
  return possible.some(({ key }) => !found.reads(key))
}

/** Returns the tensors of the checkpoint that have the elements of a weight in any order, in the weight's type. */
function equalSources(
  tensor: ExportTarget['tensor'],
  graph: TensorReader,
  sources: CheckpointSources,
): CheckpointSource[] {
  const dtype = dtypeName(tensor.dataType)
  const same = sources.all.filter(({ elements }) => elements === tensor.elements)
  if (same.length === 0) return []
  const digest = graph.digest(tensor, dtype)
  return same.filter(source => sources.digest(source, dtype) === digest)
}

/** Returns a function that returns the whole tensors from which a weight can follow under one of its names. */
function wholeCandidates(
  equal: readonly CheckpointSource[],
  values: () => DerivedTensor,
  sources: CheckpointSources,
  prefixes: readonly KeyPrefix[],
): (weight: WeightName) => SourceCandidate[] {
  const known = new Map<string, SourceCandidate[]>()
  const candidatesOf = (source: CheckpointSource): SourceCandidate[] => {
    const candidates = known.get(source.key) ?? rearrangements(source, values(), sources)
    known.set(source.key, candidates)
    return candidates
  }
  return weight => {
    if (equal.length === 0) return []
    if (isTelling(values())) return equal.flatMap(candidatesOf)
    const named = keysNamed(weight.name, prefixes)
    const isThere = atPlaceOf(weight)
    const byName = equal.filter(({ key }) => named.has(key))
    const evident = byName.length > 0 ? byName : equal.filter(({ key }) => isThere?.(key))
    return evident.length === 1 && (equal.length === 1 || modulesOf(weight).size <= 1)
      ? evident.flatMap(candidatesOf)
      : []
  }
}

function rearrangements(
  source: CheckpointSource,
  target: DerivedTensor,
  sources: CheckpointSources,
): SourceCandidate[] {
  const leaf = sourceAs(source, target.dtype)
  const found = arrangements(sources.read(source, target.dtype), target)
  return found.map(arrangement => ({ key: source.key, derivation: arranged(leaf, arrangement) }))
}

function weightOf({ tensor: { name, path, dataType, dims } }: ExportTarget): GraphWeight {
  return { tensor: name, path, dtype: dtypeName(dataType), dims }
}

/** The derivations that were found so far. */
class Found {
  readonly #weights = new Map<string, DerivedWeight>()
  readonly #shared: SharedWeight[] = []
  readonly #ambiguous = new Map<string, AmbiguousWeights>()
  readonly #keys = new Set<string>()

  /** Adds a weight with all its names, unless one of them has no candidate. Returns true if the weight was added. */
  add(
    target: ExportTarget,
    candidatesFor: (weight: WeightName) => readonly SourceCandidate[],
    prefixes: readonly KeyPrefix[],
  ): boolean {
    const names = [target.own, ...target.aliases]
    const choices = names.map(weight => ({ weight, choice: chooseSource(weight, candidatesFor(weight), prefixes) }))
    const own = choices[0]?.choice
    if (!own || choices.some(({ choice }) => !choice)) return false
    this.#weights.set(target.tensor.path, { ...weightOf(target), derivation: own.derivation })
    const others = choices.slice(1).flatMap(({ weight, choice }) => {
      const derivation = choice?.derivation ?? own.derivation
      return areEqual(derivation, own.derivation) ? [] : [{ output: weight.name, derivation }]
    })
    if (others.length > 0) this.#shared.push({ tensor: target.own.name, path: target.tensor.path, others })
    for (const { weight, choice } of choices) {
      if (choice) this.#note(weight.name, choice.derivation, choice.choices)
    }
    return true
  }

  /** Adds a weight whose only derivation was proven. */
  addProven(target: ExportTarget, derivation: Derivation): void {
    this.#weights.set(target.tensor.path, { ...weightOf(target), derivation })
    this.#note(target.own.name, derivation, null)
  }

  has({ tensor }: ExportTarget): boolean {
    return this.#weights.has(tensor.path)
  }

  #note(name: string, derivation: Derivation, choices: Derivation[] | null): void {
    for (const each of [derivation, ...(choices ?? [])]) for (const key of keysOf(each)) this.#keys.add(key)
    if (!choices) return
    const id = JSON.stringify(choices)
    const known = this.#ambiguous.get(id)
    if (known) known.weights.push(name)
    else this.#ambiguous.set(id, { weights: [name], choices })
  }

  reads(key: string): boolean {
    return this.#keys.has(key)
  }

  lists(
    targets: readonly ExportTarget[],
    { layout }: Pick<IndexedFiles, 'layout'>,
  ): Pick<Correspondence, 'used' | 'unused' | 'weights' | 'shared' | 'ambiguous'> {
    const tensors = [...layout.tensors].sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      used: tensors
        .filter(({ name }) => this.#keys.has(name))
        .map(({ name, dataType, dims }) => ({ key: name, dtype: dtypeName(dataType), dims })),
      unused: tensors.flatMap(({ name }) => (this.#keys.has(name) ? [] : [name])),
      weights: targets.flatMap(({ tensor }) => this.#weights.get(tensor.path) ?? []),
      shared: this.#shared,
      ambiguous: [...this.#ambiguous.values()],
    }
  }
}

function areEqual(a: Derivation, b: Derivation): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
