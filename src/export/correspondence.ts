import type { Derivation } from './derivation.ts'
import type { KeyPrefix } from './key-prefix.ts'

/**
 * The proof, from values alone, of how each averaged weight of a graph follows from a checkpoint. It is plain JSON: an
 * export record keeps it, and makes the weights of other checkpoints by it.
 */
export type Correspondence = {
  /** The tensors of the checkpoint that derivations read, sorted by key. Another checkpoint must have each. */
  used: CheckpointTensor[]
  /** Keys of the checkpoint that no weight reads, sorted. */
  unused: string[]
  /** The difference between names in the graph and keys of the checkpoint, such as `module.` before each key. */
  prefix: KeyPrefix
  /** Each averaged weight that follows from the checkpoint, in the order of the file. */
  weights: DerivedWeight[]
  /** Weights that the exporter stored once for several tensors that are equal in this checkpoint. */
  shared: SharedWeight[]
  /** Weights whose source is not unique. Any choice is right for a checkpoint in which all choices are equal. */
  ambiguous: AmbiguousWeights[]
  /** Averaged weights that were found nowhere in the checkpoint. */
  unmatched: UnmatchedWeight[]
  /** Numbers of the graph's own arithmetic, such as a scale of attention or an initial state of zeros. Each model keeps them. */
  numbers: GraphWeight[]
}

export type CheckpointTensor = { key: string; dtype: string; dims: number[] }

/** An averaged weight of the graph. `path`: its place in the file, which is unique, as a layout has it. */
export type GraphWeight = { tensor: string; path: string; dtype: string; dims: number[] }

export type DerivedWeight = GraphWeight & { derivation: Derivation }

/**
 * A weight that stands for several tensors. `weights` has the derivation of the initializer itself; `others` has those
 * under the names that Identity nodes give it. In the model of another checkpoint each of these becomes an
 * initializer of its own: `output` is the output of the Identity, in the main graph.
 */
export type SharedWeight = { tensor: string; path: string; others: { output: string; derivation: Derivation }[] }

/**
 * Weights that could be any of several tensors, because these are equal in the checkpoint and no name tells them apart.
 * `weights` of the correspondence has the first choice for each. A checkpoint in which the choices differ does not fit.
 */
export type AmbiguousWeights = { weights: string[]; choices: Derivation[] }

/** A weight that was found nowhere, and the most similar tensor of the checkpoint, if any has as many elements. */
export type UnmatchedWeight = GraphWeight & { nearest: string | null; reason: string }
