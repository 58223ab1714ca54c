import type { z } from 'zod'
import type { ElementKernel } from '../../tensor/element-kernel.ts'
import type { ElementReader } from '../element-reader.ts'
import type { Constants, Facts, ParameterValues, SumOperation, TensorSettings } from '../operation.ts'

/** What a method must know of a whole tensor, or draw, before it can compute an element. */
export type Need = 'gram' | 'threshold' | 'ranks' | 'random'

/** What a method computes of a tensor, as far as it is known. */
export type PreparedStep = SumOperation | { kind: 'elements'; constants: Constants }
export type Step = PreparedStep | { kind: 'unprepared' }

/** A tensor and what a method is told of it. */
export type TensorTask<Parameters> = { settings: TensorSettings<Parameters>; reader: ElementReader }

/** Parameters by their present names; or the one that contradicts another, and how. */
export type CanonicalParameters = { parameters: ParameterValues } | { parameter: string; contradiction: string }

export type Preparation = { step: PreparedStep; facts: Facts }

/** A way to merge. One file each; adding one is adding a file and its line in the registry. */
export type Method<Parameters extends ParameterValues> = {
  name: string
  description: string
  /** What is computed, in one line: x_i the models, b the base, d_i = x_i - b, w_i the weights. */
  formula: string
  /** Where it comes from. */
  source: string
  /** A strict object in which everything that can has a default. */
  parameters: z.ZodType<Parameters>
  /** How many models are averaged, the base left out; null without a bound. */
  models: { min: number; max: number | null }
  /** Whether the base takes part in the computation, apart from being the file that the result is made from. */
  base: 'none' | 'optional' | 'required'
  /** Whether each model comes with another of its shape that says how much every element counts. */
  fisher: boolean
  /** Whether models have weights. */
  weights: boolean
  /** Whether a model of weight 0 takes part all the same, because the formula needs both ends; by default it is left out. */
  keepsZeroWeights?: boolean
  /** Whether weights are normalized unless the request says otherwise; null where that is no choice. */
  normalize: boolean | null
  needs: readonly Need[]
  /** Whether an element of the result can be finite although a model has NaN or infinity there: the method may drop entries. */
  dropsElements?: boolean
  /** Parameters that are whole numbers. */
  wholeNumbers?: readonly string[]
  /** Parameters that may be a list of one value for each model. */
  perModel?: readonly string[]
  /** Parameters as a request gives them, with those names replaced that are kept for older requests. */
  canonical?(parameters: ParameterValues): CanonicalParameters
  /** Parameters that are the same for all tensors, whatever rules say. */
  common?(parameters: Parameters): readonly string[]
  /**
   * @param field what the request calls the weights
   * @throws TureenError `TUREEN_WEIGHTS_INVALID`
   */
  check?(settings: TensorSettings<Parameters>, field: string): void
  /** Whether the formula changes elements that are equal in every source, which are otherwise copied. False if left out. */
  movesIdentical?(settings: TensorSettings<Parameters>): boolean
  /** Whether the order of changes inside an output unit decides anything. False if left out. */
  ranksUnits?(settings: TensorSettings<Parameters>): boolean
  /** What is known before any element is. Pure and instant. */
  plan(settings: TensorSettings<Parameters>): Step
  /** Looks at a whole tensor. */
  prepare?(task: TensorTask<Parameters>): Preparation
  /** Looks at all tensors of a merge together, in the order of the file. `carried`: elements of those that are the same everywhere. */
  prepareTogether?: {
    applies(parameters: Parameters): boolean
    prepare(tasks: readonly TensorTask<Parameters>[], carried: number): Preparation[]
  }
  kernel?(task: TensorTask<Parameters>, constants: Constants): ElementKernel
}

/** What needs nothing but the elements themselves. */
export const elementwise: PreparedStep = { kind: 'elements', constants: {} }
export const unprepared: Step = { kind: 'unprepared' }
