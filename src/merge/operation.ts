import type { KeptRange } from '../tensor/sparsify.ts'
import type { WeightedSum } from '../tensor/weighted-sum.ts'

/** A method's parameters for one tensor, complete. */
export type ParameterValues = Readonly<Record<string, unknown>>

/**
 * What a method is told of one tensor. `weights`: one for each model that takes part, in recipe order. `models`: the positions of
 * these models in the recipe. `hasBase`: whether the base takes part, whose tensor then stands behind those of the models.
 */
export type TensorSettings<Parameters = ParameterValues> = {
  parameters: Parameters
  weights: readonly number[]
  models: readonly number[]
  normalize: boolean
  hasBase: boolean
}

/** A weighted sum of some of a tensor's sources. `from`: their places, in the order of the sum. */
export type SumOperation = { kind: 'sum'; from: readonly number[]; sum: WeightedSum }

/** What has been found out of a whole tensor, or of all of them, that its elements are computed with. */
export type Constants = { coefficients?: readonly number[]; ranges?: readonly KeptRange[] }

/** A method, and the places among a tensor's sources of those that it reads, in its order. */
type MethodOnSources = { from: readonly number[]; method: string; settings: TensorSettings }

/** A tensor that the kernel of a method computes element by element. */
export type ElementOperation = MethodOnSources & { kind: 'elements'; constants: Constants }

/** A tensor that a method must read as a whole before it can compute an element. */
export type UnpreparedOperation = MethodOnSources & { kind: 'unprepared' }

/** What is computed of a tensor: plain data, so that every thread can be given it. */
export type Operation = SumOperation | ElementOperation | UnpreparedOperation

/** What a method has to say of one tensor; null where something does not exist. */
export type Facts = {
  /** Of the angle between two models, or the mean of those of several. */
  cosine?: number | null
  t?: number
  /** What each model is multiplied with. */
  coefficients?: number[] | null
  /** Of each model the entries that are not dropped. */
  kept?: number[]
  /** Elements of which some entries were positive and others negative. */
  signConflicts?: number
}

/** The sum that is one of the sources, bit by bit. */
export function copyOf(source: number): SumOperation {
  return { kind: 'sum', from: [source], sum: { weights: [1], divisor: null, keepIdentical: true } }
}

/** The sum of the averaged models with these coefficients. `keepIdentical`: whether an element that is the same in all of them is copied. */
export function sumOf(weights: readonly number[], divisor: number | null, keepIdentical: boolean): SumOperation {
  return { kind: 'sum', from: weights.map((_, index) => index), sum: { weights, divisor, keepIdentical } }
}
