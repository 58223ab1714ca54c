import type { z } from 'zod'
import { type Contribution, zeroWeights } from '../../tensor/contribution-kernel.ts'
import type { Zod } from '../../validation/zod-argument.ts'
import type { TensorSettings } from '../operation.ts'
import { requireSum } from './model-weights.ts'

/** A number for all models, or a list of one for each, in recipe order. */
export type PerModel = number | readonly number[]

/** Returns the schema of a number that may differ between models. */
export function perModel(z: Zod, one: z.ZodNumber): z.ZodUnion<[z.ZodNumber, z.ZodArray<z.ZodNumber>]> {
  return z.union([one, z.array(one).min(1)], {
    error: ({ input }) =>
      input === undefined ? 'is missing' : 'is no number, and no list of numbers, one for each model',
  })
}

/** Returns the value of one model. @throws RangeError for a model that a list lacks */
export function valueFor(value: PerModel, model: number): number {
  const own = typeof value === 'number' ? value : value[model]
  if (own === undefined) throw new RangeError(`there is no value for model ${model}`)
  return own
}

/** Parameters of several methods. */
export const density = (z: Zod) =>
  perModel(z, z.number().min(0).max(1)).describe(
    'Fraction of each model’s changes that is kept: a number, or a list of one for each model',
  )
export const lambda = (z: Zod) => z.number().default(1).describe('Factor of the merged change')
export const seed = (z: Zod) =>
  z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('Seed of the random numbers: the same seed gives the same result')
export const noParameters = (z: Zod) => z.strictObject({})

/** Returns a fraction of some elements, rounded down. */
export function partOf(fraction: number, elements: number): number {
  return Math.min(elements, Math.floor(fraction * elements))
}

/** Checks the sum that weights are normalized by. @throws TureenError `TUREEN_WEIGHTS_INVALID` if it is 0 */
export function requireDivisor({ normalize, weights }: TensorSettings<unknown>, field: string): void {
  if (normalize) requireSum(weights, field)
}

/** Returns how weighted changes are added to a base, with votes or without (see {@link Contribution}). */
export function weighted(
  { weights, normalize, parameters }: TensorSettings<{ lambda: number }>,
  elect: boolean,
): Omit<Contribution, 'sparsify'> {
  const common = { weights, lambda: parameters.lambda, zero: zeroWeights }
  if (elect) return { ...common, votes: weights, divisor: normalize ? 'agreeing' : null }
  return { ...common, votes: null, divisor: normalize ? requireSum(weights, 'weights') : null }
}
