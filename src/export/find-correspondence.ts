import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { CheckpointSources, type OnRead, TensorReader } from './checkpoint-sources.ts'
import { chooseSource, commonPrefixes, type SourceCandidate } from './choose-source.ts'
import { computedWeights } from './computed-weights.ts'
import type { AmbiguousWeights, Correspondence, DerivedWeight, GraphWeight, SharedWeight } from './correspondence.ts'
import { type Derivation, keysOf } from './derivation.ts'
import { affineCandidates } from './find-affine.ts'
import { FoldFinder } from './find-folds.ts'
import { gatheredCandidates } from './find-gathered.ts'
import { concatCandidates, sliceCandidates } from './find-parts.ts'
import { recurrentCandidates } from './find-recurrent.ts'
import { wholeSources } from './find-whole.ts'
import { foldableLayers } from './folded-layers.ts'
import { type ExportTarget, graphTargets, type WeightName } from './graph-targets.ts'
import type { KeyPrefix } from './key-prefix.ts'
import { nearestTensor } from './nearest-tensor.ts'
import type { IndexedFiles } from './read-tensors.ts'
import { ArrangementFinder } from './same-values.ts'
import { isConstant } from './value-counts.ts'

/**
 * Proves from values alone how the averaged weights of a model follow from the checkpoint that it was exported from.
 *
 * @param onRead called after each read with its bytes; an error that it throws ends the search
 * @throws TureenError as the readers of both files do; `TUREEN_CHECKPOINT_UNSUPPORTED` if weight_norm or spectral_norm
 * computes an unmatched weight
 */
export function findCorrespondence(
  model: IndexedFiles,
  checkpoint: IndexedFiles,
  onRead: OnRead = () => undefined,
): Correspondence {
  const { targets, readersOf } = graphTargets(model)
  const graph = new TensorReader(model, onRead)
  const sources = new CheckpointSources(checkpoint, onRead)
  const finder = new ArrangementFinder()
  const whole = new Map(targets.map(target => [target, wholeSources(target.tensor, graph, sources, finder)]))
  const prefixes = commonPrefixes(
    [...whole].flatMap(([{ own, aliases }, { keys }]) => [own, ...aliases].map(({ name }) => [name, keys] as const)),
  )
  const found = new Found()
  const open = targets.filter(target => {
    return !found.add(target, weight => whole.get(target)?.candidatesFor(weight, prefixes) ?? [], prefixes)
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
      () => sliceCandidates(values, sources, finder),
      weight => concatCandidates(values, weight, sources, finder),
      () => gatheredCandidates(values, sources),
      () => affineCandidates(values, sources, finder),
    ]
    return !searches.some(candidatesFor => found.add(target, candidatesFor, prefixes))
  })
  const numbers = left.filter(target => {
    const { tensor, isHeld } = target
    const isOwn = tensor.dims.length === 0 || (isHeld && isConstant(graph.read(tensor)))
    return isOwn && !hasOpenSource(tensor, whole.get(target)?.keys ?? [], sources, found)
  })
  const unmatched = left.filter(target => !numbers.includes(target))
  const refusal = computedWeights(unmatched, new Map(sources.all.map(({ key, elements }) => [key, elements])))
  if (refusal) throw refusal
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
  equal: readonly string[],
  sources: CheckpointSources,
  found: Found,
): boolean {
  const possible = tensor.elements === 1 ? sources.ofSize(1).map(({ key }) => key) : equal
  return possible.some(key => !found.reads(key))
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
