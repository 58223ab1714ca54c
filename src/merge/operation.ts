import type { KeptRange } from '../tensor/sparsify.ts'
import type { WeightedSum } from '../tensor/weighted-sum.ts'

/** A method's parameters for one tensor, complete. */
export type ParameterValues = Readonly<Record<string, unknown>>

/**
 * The settings of a method for one tensor. `weights`: one for each model that takes part, in recipe order. `models`:
 * the recipe positions of these models. `hasBase`: true if the base takes part; its tensor then follows those of the
 * models.
 */
export type TensorSettings<Parameters = ParameterValues> = {
  parameters: Parameters
  weights: readonly number[]
  models: readonly number[]
  normalize: boolean
  hasBase: boolean
}

/** A weighted sum of some of a tensor's sources. `from`: their indices, in the order of the sum. */
export type SumOperation = { kind: 'sum'; from: readonly number[]; sum: WeightedSum }

/** Facts of a whole tensor, or of all tensors, that its elements are computed with. */
export type Constants = { coefficients?: readonly number[]; ranges?: readonly KeptRange[] }

/** A method, and the indices among a tensor's sources of those that it reads, in its order. */
type MethodOnSources = { from: readonly number[]; method: string; settings: TensorSettings }

/** A tensor that the kernel of a method computes element by element. */
export type ElementOperation = MethodOnSources & { kind: 'elements'; constants: Constants }

/** A tensor that a method must read as a whole before it can compute an element. */
export type UnpreparedOperation = MethodOnSources & { kind: 'unprepared' }

/** The computation of a tensor: plain data, so that it can be sent to every thread. */
export type Operation = SumOperation | ElementOperation | UnpreparedOperation

/** Facts that a method found about one tensor; null if a fact does not exist. */
export type Facts = {
  /** The cosine of the angle between two models, or the mean over pairs of several. */
  cosine?: number | null
  t?: number
  /** The factor of each model. */
  coefficients?: number[] | null
  /** The number of entries of each model that are not dropped. */
  kept?: number[]
  /** The number of elements with both positive and negative entries. */
  signConflicts?: number
}

/** Returns the sum that copies one of the sources, bit by bit. */
export function copyOf(source: number): SumOperation {
  return { kind: 'sum', from: [source], sum: { weights: [1], divisor: null, keepIdentical: true } }
}

/**
 * Returns the sum of the averaged models with these weights. `keepIdentical`: true to copy an element that is the same
 * in all of them.
 */
export function sumOf(weights: readonly number[], divisor: number | null, keepIdentical: boolean): SumOperation {
  return { kind: 'sum', from: weights.map((_, index) => index), sum: { weights, divisor, keepIdentical } }
}
