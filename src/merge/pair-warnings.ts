import type { Leaf, Network } from '../onnx/graph/network.ts'
import type { Warning } from './match-warnings.ts'

/**
 * A median cosine below this means that two networks were trained apart. Measured over real pairs: at most 0.04 for networks trained
 * from different starts, at least 0.78 for fine-tunes of one network, checkpoints of one run and different trainings from one start.
 */
const apartCosine = 0.2
/** A cosine of fewer elements says nothing: by chance alone it is about 1 / sqrt(elements). */
const fewestElements = 64
/** All matrices together must have so many, for the same reason. */
const fewestInAll = 256
/** Matrices that the warning names. */
const namedMatrices = 3
/** Networks of so few operators are equal by chance. */
const fewestOperators = 2

/** A weight matrix that differs between two models, and the cosine of the angle between its two versions. */
export type LearnedMatrix = { tensor: string; elements: number; cosine: number }

/** Measurements of a pair of models: a comparison makes them in full, a merge from samples. */
export type PairFacts = {
  /** Matrices (see {@link isMatrix}) that are not identical in both. Constants, such as the base of a Fourier transform, are. */
  matrices: readonly LearnedMatrix[]
  /** Whether the base's tensor of this name differs between the two. */
  differs(tensor: string): boolean
}

/** Whether weights form a matrix: at least two dims above 1. Biases and norms of [n] or [1, n] begin alike in every network. */
export function isMatrix(dims: readonly number[]): boolean {
  return dims.filter(dim => dim > 1).length >= 2
}

/** Warnings about averaging two models that a merge accepts. */
export function pairWarnings({ matrices, differs }: PairFacts, network: Network): Warning[] {
  const warnings: Warning[] = []
  const apart = trainedApart(matrices)
  if (apart !== null) warnings.push({ kind: 'independent', message: apart })
  const statistics = batchStatistics(network).filter(({ name }) => differs(name))
  if (statistics.length > 0) {
    warnings.push({
      kind: 'batch normalisation',
      message: `${statistics.length} running means and variances of batch normalisation differ and would be averaged: they are no linear function of the weights, so measure the soup, or have them measured anew on data ("recalibrate")`,
    })
  }
  if (network.operators.length < fewestOperators) {
    const message = 'a network of one operator is equal to many: a match does not show that the two are related'
    warnings.push({ kind: 'tiny', message })
  }
  return warnings
}

/** Running means and variances of batch normalisation. */
export function batchStatistics({ operators }: Network): Leaf[] {
  return operators
    .filter(({ domain, opType }) => domain === '' && opType === 'BatchNormalization')
    .flatMap(({ operands }) => [operands[3]?.value, operands[4]?.value])
    .filter((value): value is Leaf => value?.kind === 'leaf' && value.isWeight)
}

/** A warning and the pair that it is about. */
export type PairWarning = Warning & { pair: string }

/** Warnings of several pairs as sentences, one for each kind. `pairs`: how many were looked at. */
export function sentencesOf(warnings: readonly PairWarning[], pairs: number): string[] {
  return [...Map.groupBy(warnings, ({ kind }) => kind).values()].map(alike => {
    const [first] = alike
    const several = new Set(alike.map(({ pair }) => pair)).size
    const whose = several === 1 ? first?.pair : `${several} of ${pairs} pairs, ${first?.pair} for one`
    return `${whose}: ${first?.message}`
  })
}

/**
 * The warning that two networks look independently trained; null if they do not. The median decides: one cosine over all tensors would
 * be that of the few with the largest norms.
 */
function trainedApart(matrices: readonly LearnedMatrix[]): string | null {
  const sorted = matrices.filter(({ elements }) => elements >= fewestElements).sort((a, b) => a.cosine - b.cosine)
  if (sorted.reduce((sum, { elements }) => sum + elements, 0) < fewestInAll) return null
  const cosineAt = (index: number) => sorted[index]?.cosine ?? 0
  const median = (cosineAt((sorted.length - 1) >> 1) + cosineAt(sorted.length >> 1)) / 2
  if (median >= apartCosine) return null
  const lowest = sorted.slice(0, namedMatrices).map(({ tensor, cosine }) => `${tensor} ${cosine.toFixed(3)}`)
  const which = sorted.length === 1 ? 'the one weight matrix' : `the ${sorted.length} weight matrices`
  return `these look independently trained (the median cosine of ${which} that differ is ${median.toFixed(3)}; lowest: ${lowest.join(', ')}): their neurons do not correspond, and a soup of them will be garbage`
}
