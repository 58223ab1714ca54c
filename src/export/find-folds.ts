import { type Arrangement, arranged, arrangementsTo } from './arrangement.ts'
import type { CheckpointSource, CheckpointSources, TensorReader } from './checkpoint-sources.ts'
import { atPlaceOf } from './choose-source.ts'
import type { Derivation, FoldArithmetic, FoldedNorm } from './derivation.ts'
import { deriveWeight, type TensorSupplier } from './derive-weight.ts'
import { type DerivedTensor, valuesOf } from './derived-tensor.ts'
import {
  type ChannelSketch,
  channelFactors,
  channelSketch,
  epsilonsFor,
  foldTolerance,
  isScaled,
} from './fold-factors.ts'
import { isNearFold } from './fold-tolerance.ts'
import type { FoldableLayer } from './folded-layers.ts'
import type { KeyPrefix } from './key-prefix.ts'
import { type NormSources, normsOf } from './norm-keys.ts'

/** The derivations of a layer's weight and bias, with the batch norm that was folded into both. */
export type FoldedLayer = {
  layer: FoldableLayer
  weightKey: string
  norm: FoldedNorm
  weight: Derivation
  bias: Derivation
}

/** A tensor of the checkpoint in the dims of a weight and in a type, by `of`. */
type ScaledSource = { key: string; of: Derivation; dtype: string }

/** The arithmetics that give an export bit for bit, most usual first. */
const replays: readonly FoldArithmetic[] = ['scale', 'rsqrt']

/** Finds the batch norms that were folded into layers. */
export class FoldFinder {
  readonly #graph: TensorReader
  readonly #sources: CheckpointSources
  readonly #norms: readonly NormSources[]
  readonly #read: TensorSupplier
  readonly #sketches = new Map<string, ChannelSketch>()

  constructor(graph: TensorReader, sources: CheckpointSources) {
    this.#graph = graph
    this.#sources = sources
    this.#norms = normsOf(sources.all)
    this.#read = key => sources.whole(key)
  }

  /**
   * Returns the folds of layers. Each is proven by a replay of the exporter's arithmetic, or else by the binary64
   * formula. Layers with several equally good sources are left out.
   */
  find(layers: readonly FoldableLayer[], prefixes: readonly KeyPrefix[]): FoldedLayer[] {
    const found = layers.map(layer => this.#foldsOf(layer))
    const count = (arithmetic: FoldArithmetic) =>
      found.filter(folds => folds.some(({ norm }) => norm.arithmetic === arithmetic)).length
    const usual = [...replays].sort((a, b) => count(b) - count(a))
    return found.flatMap(folds => {
      const best = [...usual, 'binary64' as const]
        .map(arithmetic => folds.filter(({ norm }) => norm.arithmetic === arithmetic))
        .find(some => some.length > 0)
      return onlyFold(best ?? [], prefixes)
    })
  }

  #foldsOf(layer: FoldableLayer): FoldedLayer[] {
    const norms = this.#norms.filter(({ mean }) => mean.elements === layer.channels)
    if (norms.length === 0) return []
    const exported = { weight: this.#graph.read(layer.weight.tensor), bias: this.#graph.read(layer.bias.tensor) }
    return this.#scaledSources(layer, exported.weight).flatMap(scaled => {
      const source = deriveWeight(scaled.of, this.#read)
      const factors = channelFactors(exported.weight, source, layer)
      return norms.flatMap(norm => this.#foldsBy(layer, exported, scaled, source, factors, norm))
    })
  }

  /** Returns the tensors of the checkpoint of which a weight is a multiple in each channel. */
  #scaledSources(layer: FoldableLayer, exported: DerivedTensor): ScaledSource[] {
    const { dims, elements } = layer.weight.tensor
    const tolerance = foldTolerance(exported.dtype)
    const sketch = channelSketch(exported, { before: null, axes: null, after: null }, dims, layer)
    return this.#sources.ofSize(elements).flatMap(source =>
      arrangementsTo(source.dims, dims).flatMap(arrangement =>
        [...new Set([source.dtype, exported.dtype])].flatMap((dtype): ScaledSource[] => {
          const leaf: Derivation = { op: 'tensor', key: source.key }
          const of = arranged(source.dtype === dtype ? leaf : { op: 'cast', of: leaf, dtype }, arrangement)
          return isScaled(sketch, this.#sketchOf(source, dtype, arrangement, layer), tolerance)
            ? [{ key: source.key, of, dtype }]
            : []
        }),
      ),
    )
  }

  /** Returns the sketch of a source in the dims of a weight, in the type of the weight if the checkpoint is cast first. */
  #sketchOf(source: CheckpointSource, dtype: string, arrangement: Arrangement, layer: FoldableLayer): ChannelSketch {
    const { dims } = layer.weight.tensor
    const id = JSON.stringify([source.key, dtype, arrangement, dims, layer.axis, layer.groups])
    const known = this.#sketches.get(id) ?? channelSketch(this.#sources.read(source, dtype), arrangement, dims, layer)
    this.#sketches.set(id, known)
    return known
  }

  #foldsBy(
    layer: FoldableLayer,
    exported: { weight: DerivedTensor; bias: DerivedTensor },
    scaled: ScaledSource,
    source: DerivedTensor,
    factors: Float64Array,
    norm: NormSources,
  ): FoldedLayer[] {
    const valuesAt = (part: CheckpointSource | null) => part && valuesOf(this.#read(part.key))
    const tolerance = foldTolerance(exported.weight.dtype)
    const values = {
      gamma: valuesAt(norm.gamma),
      beta: valuesAt(norm.beta),
      mean: valuesOf(this.#read(norm.mean.key)),
      variance: valuesOf(this.#read(norm.variance.key)),
    }
    const epsilons = epsilonsFor(values.gamma, values.variance, factors, tolerance)
    if (epsilons.length === 0) return []
    const bias = this.#biasOf(scaled.key, layer.channels)
    const make = (epsilon: number, arithmetic: FoldArithmetic) =>
      foldedLayer(layer, scaled, norm, bias, { epsilon, arithmetic, dtype: exported.weight.dtype })
    const isExact = (fold: FoldedLayer) =>
      isEqual(deriveWeight(fold.bias, this.#read), exported.bias) &&
      isEqual(deriveWeight(fold.weight, this.#read), exported.weight)
    const exact = replays.flatMap(arithmetic => {
      const [first, ...others] = epsilons.map(epsilon => make(epsilon, arithmetic)).filter(isExact)
      first?.norm.otherEpsilons.push(...others.map(each => each.norm.epsilon))
      return first ? [first] : []
    })
    if (exact.length > 0) return exact
    const parts = { axis: layer, weight: source, bias: valuesAt(bias) }
    const near = epsilons.find(epsilon => isNearFold(exported, parts, { ...values, epsilon }))
    return near === undefined ? [] : [make(near, 'binary64')]
  }

  /** Returns the bias of the module that has a weight; null if it has none. */
  #biasOf(weightKey: string, channels: number): CheckpointSource | null {
    const key = weightKey.replace(/[^./]+$/, 'bias')
    return this.#sources.all.find(source => source.key === key && source.elements === channels) ?? null
  }
}

/** Returns the only fold, or the only one whose keys have the usual prefix or the name of the layer's module. */
function onlyFold(folds: readonly FoldedLayer[], prefixes: readonly KeyPrefix[]): FoldedLayer[] {
  if (folds.length < 2) return [...folds]
  const inPrefix = folds.filter(({ weightKey, norm }) =>
    prefixes.some(({ add }) => weightKey.startsWith(add) && norm.mean.startsWith(add)),
  )
  if (inPrefix.length === 1) return inPrefix
  const isThere = folds[0] && atPlaceOf(folds[0].layer.weight.own)
  const there = isThere ? folds.filter(({ weightKey }) => isThere(weightKey)) : []
  return there.length === 1 ? there : []
}

function foldedLayer(
  layer: FoldableLayer,
  { key, of, dtype }: ScaledSource,
  { gamma, beta, mean, variance }: NormSources,
  bias: CheckpointSource | null,
  how: { epsilon: number; arithmetic: FoldArithmetic; dtype: string },
): FoldedLayer {
  const norm: FoldedNorm = {
    gamma: gamma?.key ?? null,
    beta: beta?.key ?? null,
    mean: mean.key,
    variance: variance.key,
    epsilon: how.epsilon,
    otherEpsilons: [],
    dtype,
    arithmetic: how.arithmetic,
  }
  const cast = (each: Derivation): Derivation =>
    dtype === how.dtype ? each : { op: 'cast', of: each, dtype: how.dtype }
  return {
    layer,
    weightKey: key,
    norm,
    weight: cast({ op: 'folded-weight', of, axis: layer.axis, groups: layer.groups, norm }),
    bias: cast({ op: 'folded-bias', of: bias && { op: 'tensor', key: bias.key }, norm }),
  }
}

function isEqual(a: DerivedTensor, b: DerivedTensor): boolean {
  return Buffer.compare(a.bytes, b.bytes) === 0
}
