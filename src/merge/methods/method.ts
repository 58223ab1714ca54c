import type { z } from 'zod'
import type { ElementKernel } from '../../tensor/element-kernel.ts'
import type { Zod } from '../../validation/zod-argument.ts'
import type { ElementReader } from '../element-reader.ts'
import type { Constants, Facts, ParameterValues, SumOperation, TensorSettings } from '../operation.ts'

/** Needs of a method before it can compute an element: facts of a whole tensor, or random numbers. */
export type Need = 'gram' | 'threshold' | 'ranks' | 'random'

/** The computation of a tensor, as far as it is known. */
export type PreparedStep = SumOperation | { kind: 'elements'; constants: Constants }
export type Step = PreparedStep | { kind: 'unprepared' }

/** A tensor with the settings of its method. */
export type TensorTask<Parameters> = { settings: TensorSettings<Parameters>; reader: ElementReader }

/** Parameters by their present names; or the parameter that contradicts another, and how. */
export type CanonicalParameters = { parameters: ParameterValues } | { parameter: string; contradiction: string }

export type Preparation = { step: PreparedStep; facts: Facts }

/** A merge method. Each has its own file; a new one needs a file and a line in the registry. */
export type Method<Parameters extends ParameterValues> = {
  name: string
  description: string
  /** The formula in one line: x_i the models, b the base, d_i = x_i - b, w_i the weights. */
  formula: string
  /** The publication or program that the method comes from. */
  source: string
  /** Declares a strict object with defaults wherever possible. */
  parameters(zod: Zod): z.ZodType<Parameters>
  /** The number of averaged models, without the base; null without a limit. */
  models: { min: number; max: number | null }
  /** The role of the base in the computation. In any case the result is made from its file. */
  base: 'none' | 'optional' | 'required'
  /** True if each model needs another of its shape with the importance of each element. */
  fisher: boolean
  /** True if models have weights. */
  weights: boolean
  /** True if a model of weight 0 takes part, because the formula needs both ends. By default it is left out. */
  keepsZeroWeights?: boolean
  /** True if weights are normalized by default; null if that is not a choice. */
  normalize: boolean | null
  needs: readonly Need[]
  /**
   * True if an element of the result can be finite although a model has NaN or infinity there, because the method may
   * drop entries.
   */
  dropsElements?: boolean
  /** Parameters that are whole numbers. */
  wholeNumbers?: readonly string[]
  /** Parameters that may be a list of one value for each model. */
  perModel?: readonly string[]
  /** Renames parameters that older requests have under other names. */
  canonical?(parameters: ParameterValues): CanonicalParameters
  /** Returns the parameters that rules may not change. */
  common?(parameters: Parameters): readonly string[]
  /**
   * Checks the weights.
   * @param field the name of the weights in the request
   * @throws TureenError `TUREEN_WEIGHTS_INVALID`
   */
  check?(settings: TensorSettings<Parameters>, field: string): void
  /**
   * True if the formula changes elements that are equal in every source; otherwise these are copied. Defaults to false.
   */
  movesIdentical?(settings: TensorSettings<Parameters>): boolean
  /** True if the order of changes inside an output unit has any effect. Defaults to false. */
  ranksUnits?(settings: TensorSettings<Parameters>): boolean
  /** Returns the computation as far as it is known before any element is read. Pure and instant. */
  plan(settings: TensorSettings<Parameters>): Step
  /** Reads a whole tensor. */
  prepare?(task: TensorTask<Parameters>): Preparation
  /**
   * Reads all tensors of a merge together, in the order of the file. `carried`: the number of elements of tensors that
   * are the same in every model.
   */
  prepareTogether?: {
    applies(parameters: Parameters): boolean
    prepare(tasks: readonly TensorTask<Parameters>[], carried: number): Preparation[]
  }
  kernel?(task: TensorTask<Parameters>, constants: Constants): ElementKernel
}

/** A computation that needs nothing but the elements themselves. */
export const elementwise: PreparedStep = { kind: 'elements', constants: {} }
export const unprepared: Step = { kind: 'unprepared' }
