import type { Network } from '../onnx/graph/network.ts'
import type { Layout } from '../onnx/layout.ts'
import type { Warning } from './match-warnings.ts'

/**
 * Networks with a median cosine below this count as independently trained. Real pairs had at most 0.04 if they were
 * trained from different starts. Fine-tunes of one network, checkpoints of one run, and different trainings from one
 * start had at least 0.78.
 */
const apartCosine = 0.2
/** The fewest elements of a matrix whose cosine counts: by chance alone it is about 1 / sqrt(elements). */
const fewestElements = 64
/** The fewest elements of all matrices together, for the same reason. */
const fewestInAll = 256
/** The number of matrices that the warning names. */
const namedMatrices = 3
/** Networks of fewer operators can be equal by chance. */
const fewestOperators = 2

/** A weight matrix that differs between two models, with the cosine of the angle between its two versions. */
export type LearnedMatrix = { tensor: string; elements: number; cosine: number }

/** Measurements of a pair of models. A comparison measures in full, a merge from samples. */
export type PairFacts = {
  /**
   * Matrices (see {@link isMatrix}) that differ between the models. So constants, such as the base of a Fourier
   * transform, are left out.
   */
  matrices: readonly LearnedMatrix[]
  /** Returns true if the base's tensor of this name differs between the two. */
  differs(tensor: string): boolean
}

/**
 * True if weights form a matrix: at least two dims above 1. Biases and norms of [n] or [1, n] have the same initial
 * values in every network.
 */
export function isMatrix(dims: readonly number[]): boolean {
  return dims.filter(dim => dim > 1).length >= 2
}

/** Facts about a network for warnings about its weights. They are small, so threads can send them without the network. */
export type NetworkFacts = {
  /** Null for a checkpoint, which has no graph. */
  operators: number | null
  /** Names of the running means and variances of batch normalisation. */
  statistics: readonly string[]
}

/** Returns warnings about averaging two models that a merge accepts. */
export function pairWarnings({ matrices, differs }: PairFacts, network: NetworkFacts): Warning[] {
  const warnings: Warning[] = []
  const apart = trainedApart(matrices)
  if (apart !== null) warnings.push({ kind: 'independent', message: apart })
  const statistics = network.statistics.filter(differs)
  if (statistics.length > 0) {
    warnings.push({
      kind: 'batch normalisation',
      message: `${statistics.length} running means and variances of batch normalisation differ and are averaged, although they are not linear in the weights: ${network.operators === null ? 'measure them again on data before you use the soup (torch.optim.swa_utils.update_bn)' : 'score the soup, or have them measured again on data ("recalibrate")'}`,
    })
  }
  if (network.operators !== null && network.operators < fewestOperators) {
    const message = 'the network has one operator, so unrelated models match it as well: check that the two are related'
    warnings.push({ kind: 'tiny', message })
  }
  return warnings
}

/** The names that PyTorch gives the statistics of a batch norm. */
const statisticNames = /(^|\.)running_(mean|var)$/

/** Returns the facts about a network that {@link pairWarnings} needs. @param layout of the same model */
export function networkFacts({ operators }: Network, { checkpoint, tensors }: Layout): NetworkFacts {
  if (checkpoint)
    return { operators: null, statistics: tensors.flatMap(({ name }) => (statisticNames.test(name) ? [name] : [])) }
  const statistics = operators
    .filter(({ domain, opType }) => domain === '' && opType === 'BatchNormalization')
    .flatMap(({ operands }) => [operands[3]?.value, operands[4]?.value])
    .flatMap(value => (value?.kind === 'leaf' && value.isWeight ? [value.name] : []))
  return { operators: operators.length, statistics }
}

/** A warning with the pair that it is about. */
export type PairWarning = Warning & { pair: string }

/** Returns warnings of several pairs as sentences, one for each kind. `pairs`: the number of pairs examined. */
export function sentencesOf(warnings: readonly PairWarning[], pairs: number): string[] {
  return [...Map.groupBy(warnings, ({ kind }) => kind).values()].map(alike => {
    const [first] = alike
    const several = new Set(alike.map(({ pair }) => pair)).size
    const whose = several === 1 ? first?.pair : `${several} of ${pairs} pairs, such as ${first?.pair}`
    return `${whose}: ${first?.message}`
  })
}

/**
 * Returns the warning that two networks look independently trained; null if they do not. The median decides, because a
 * single cosine over all tensors would be dominated by the few tensors with the largest norms.
 */
function trainedApart(matrices: readonly LearnedMatrix[]): string | null {
  const sorted = matrices.filter(({ elements }) => elements >= fewestElements).sort((a, b) => a.cosine - b.cosine)
  if (sorted.reduce((sum, { elements }) => sum + elements, 0) < fewestInAll) return null
  const cosineAt = (index: number) => sorted[index]?.cosine ?? 0
  const median = (cosineAt((sorted.length - 1) >> 1) + cosineAt(sorted.length >> 1)) / 2
  if (median >= apartCosine) return null
  const lowest = sorted.slice(0, namedMatrices).map(({ tensor, cosine }) => `${tensor} ${cosine.toFixed(3)}`)
  const which = sorted.length === 1 ? 'the one weight matrix' : `the ${sorted.length} weight matrices`
  return `these look independently trained (the median cosine of ${which} that differ is ${median.toFixed(3)}; lowest: ${lowest.join(', ')}): their neurons do not correspond, so a soup of them will not work. Merge models that were fine-tuned from one model`
}
