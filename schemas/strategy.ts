import { z } from 'zod'
import { entriesAtMost } from './common.ts'
import { match } from './merge.ts'

/** Most models in one search. An exhaustive search takes fewer: {@link exhaustiveStrategy} has its own bound. */
export const maximumSearchModels = 128

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0)

const groups = z
  .array(match)
  .max(16)
  .default([])
  .describe(
    'Groups of tensors with weights of their own, each a glob as in the rules of a merge. A tensor belongs to the first group that matches it; all other tensors share one set of weights',
  )

const range = z.tuple([z.number(), z.number()]).describe('The smallest and the largest value')

const parameters = z
  .record(z.string(), range)
  .meta(entriesAtMost(64))
  .optional()
  .describe('Parameters of the merge method to search too, each with its range: {"density": [0.2, 1]}')

export const greedyStrategy = z
  .strictObject({
    type: z.literal('greedy'),
    accept: z
      .enum(['>=', '>'])
      .default('>=')
      .describe('Score at which a model joins the soup. >=: at least as good as before, as in the paper; >: better'),
  })
  .describe(
    'Greedy search: starts with the best model and adds the others, best first. A model stays if the soup does not get worse (Wortsman et al. 2022)',
  )

export const exhaustiveStrategy = z
  .strictObject({
    type: z.literal('exhaustive'),
    maxModels: z
      .number()
      .int()
      .min(2)
      .max(16)
      .default(12)
      .describe('Most models that the search accepts: n models make 2^n - 1 candidates'),
    emptyScore: z
      .number()
      .default(0)
      .describe('Score that the Shapley values assume for a soup of no models, in the metric’s unit'),
  })
  .describe(
    'Exhaustive search: scores all 2^n - 1 subsets of n models, and computes the exact Shapley value of each model',
  )

export const topKStrategy = z
  .strictObject({
    type: z.literal('topK'),
    k: z
      .number()
      .int()
      .min(1)
      .max(maximumSearchModels)
      .optional()
      .describe('Largest number of best models in one candidate; all models if left out'),
  })
  .describe('Top k: averages the best model, the best two, and so on up to k, such as the best 5 epochs')

export const sweepStrategy = z
  .strictObject({
    type: z.literal('sweep'),
    steps: z
      .number()
      .int()
      .min(3)
      .max(1001)
      .default(11)
      .describe('Number of points on the line between the two models, both ends included: weights 1 - alpha and alpha'),
    parameter: z
      .string()
      .optional()
      .describe('A parameter of the merge method to sweep over range instead; then every candidate merges all models'),
    range: range.optional().describe('Smallest and largest value of the parameter'),
  })
  .describe('Sweep: scores points on the line between two models, and measures the loss barrier between them')

export const pairsStrategy = z
  .strictObject({
    type: z.literal('pairs'),
    tolerance: z
      .number()
      .min(0)
      .default(0)
      .describe('Largest drop that still counts as no barrier, in the metric’s unit, such as its noise'),
  })
  .describe(
    'Pairs: scores the midpoint of every pair of models, and measures the barriers between them: which models average well with each other, and which spoil the soup',
  )

export const coordinateStrategy = z
  .strictObject({
    type: z.literal('coordinate'),
    groups,
    parameters,
    step: z.number().gt(0).max(1).default(0.5).describe('First step up or down of a weight; all weights sum to 1'),
    minimumStep: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.05)
      .describe('Least step: the step is halved when no move helps, and the search ends below this value'),
  })
  .describe('Coordinate search: moves one weight up or down at a time')

export const cmaEsStrategy = z
  .strictObject({
    type: z.literal('cmaEs'),
    groups,
    parameters,
    seed: seed.describe('Seed of the random numbers: equal seeds give equal candidates'),
    generations: z.number().int().min(1).max(1000).default(40).describe('Most generations of candidates'),
    population: z
      .number()
      .int()
      .min(4)
      .max(256)
      .optional()
      .describe('Number of candidates in a generation; 4 + 3 ln(number of weights) if left out'),
    sigma: z
      .number()
      .gt(0)
      .max(1)
      .default(0.2)
      .describe('Standard deviation of the first generation around equal weights'),
  })
  .describe('CMA-ES: finds weights with an evolution strategy')

/** The way in which a search proposes candidates. */
export const strategy = z
  .discriminatedUnion('type', [
    greedyStrategy,
    exhaustiveStrategy,
    topKStrategy,
    sweepStrategy,
    pairsStrategy,
    coordinateStrategy,
    cmaEsStrategy,
  ])
  .meta({ id: 'SearchStrategy' })

export type StrategyRequest = z.infer<typeof strategy>
export type StrategyType = StrategyRequest['type']
/** The parameters of one strategy, with all defaults filled in. */
export type StrategyParameters<Type extends StrategyType> = Extract<StrategyRequest, { type: Type }>
