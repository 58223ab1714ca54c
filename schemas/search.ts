import { z } from 'zod'
import {
  digest,
  entriesAtMost,
  id,
  labels,
  modelSelection,
  name,
  namedModel,
  reference,
  resultName,
  ttl,
  waitSeconds,
} from './common.ts'
import { direction, metricRequest, scoring } from './evaluation.ts'
import { fisherReference, match, mergeSettings, ruleReport, weight, weightRules } from './merge.ts'
import { recalibration } from './recalibration.ts'

/** Models in one search. Those of an exhaustive search are bounded by {@link exhaustiveStrategy} besides. */
export const maximumSearchModels = 128

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0)

const groups = z
  .array(match)
  .max(16)
  .default([])
  .describe(
    'Globs as in the rules of a merge: each group of tensors has weights of its own, a tensor is of the first group that matches it, all others have common weights',
  )

const range = z.tuple([z.number(), z.number()]).describe('From, to')

const parameters = z
  .record(z.string(), range)
  .meta(entriesAtMost(64))
  .optional()
  .describe('Parameters of the method that are searched besides, each with its range: {"density": [0.2, 1]}')

export const greedyStrategy = z
  .strictObject({
    type: z.literal('greedy'),
    accept: z
      .enum(['>=', '>'])
      .default('>=')
      .describe('Score at which a model joins the soup: at least as good as before (the paper), or better'),
  })
  .describe(
    'Starts with the best model and adds the others from the best down. A model stays if the soup does not get worse (Wortsman et al. 2022)',
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
      .describe('More models than this are refused: n models make 2^n - 1 candidates'),
    emptyScore: z
      .number()
      .default(0)
      .describe('Score of the soup of no model in the Shapley values, in the metric’s unit'),
  })
  .describe('Scores all 2^n - 1 subsets of n models, and derives the exact Shapley value of each model from them')

export const topKStrategy = z
  .strictObject({
    type: z.literal('topK'),
    k: z
      .number()
      .int()
      .min(1)
      .max(maximumSearchModels)
      .optional()
      .describe('The best 1 to k are averaged; all if left out'),
  })
  .describe('Averages the best model, the best two, and so on: "the best 3 or 5 epochs"')

export const sweepStrategy = z
  .strictObject({
    type: z.literal('sweep'),
    steps: z
      .number()
      .int()
      .min(3)
      .max(1001)
      .default(11)
      .describe('Points on the line between the two models, both ends included: weights 1 - alpha and alpha'),
    parameter: z
      .string()
      .optional()
      .describe('A parameter of the method that is swept over range instead, all models being merged'),
    range: range.optional().describe('Smallest and largest value of the parameter'),
  })
  .describe('Scores points on the line between two models, and measures the loss barrier between them')

export const coordinateStrategy = z
  .strictObject({
    type: z.literal('coordinate'),
    groups,
    parameters,
    step: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe('First step by which a weight moves up and down; all weights sum to 1'),
    minimumStep: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.05)
      .describe('Halved when no move helps, the search ends below this'),
  })
  .describe('Moves one weight up or down at a time')

export const cmaEsStrategy = z
  .strictObject({
    type: z.literal('cmaEs'),
    groups,
    parameters,
    seed: seed.describe('Repeats a search'),
    generations: z.number().int().min(1).max(1000).default(40),
    population: z
      .number()
      .int()
      .min(4)
      .max(256)
      .optional()
      .describe('Candidates in a generation; 4 + 3 ln(number of weights) if left out'),
    sigma: z
      .number()
      .gt(0)
      .max(1)
      .default(0.2)
      .describe('Standard deviation of the first generation around equal weights'),
  })
  .describe('Finds weights with CMA-ES, an evolution strategy')

/** How candidates are chosen. */
export const strategy = z
  .discriminatedUnion('type', [
    greedyStrategy,
    exhaustiveStrategy,
    topKStrategy,
    sweepStrategy,
    coordinateStrategy,
    cmaEsStrategy,
  ])
  .meta({ id: 'SearchStrategy' })

export type StrategyRequest = z.infer<typeof strategy>
export type StrategyType = StrategyRequest['type']
/** The parameters of one strategy, complete. */
export type StrategyParameters<Type extends StrategyType> = Extract<StrategyRequest, { type: Type }>

const selection = z.strictObject({ dataset: reference, metric: metricRequest, ...scoring })

const test = selection
  .partial({ metric: true })
  .describe('Scored once, at the end. What is left out is as in selection')

export const searchRequest = z
  .strictObject({
    models: z
      .array(z.strictObject({ id: reference, fisher: fisherReference }))
      .min(1)
      .max(maximumSearchModels),
    strategy,
    selection: selection.describe('Data set and scoring metric that candidates are chosen by'),
    test: test.optional(),
    method: mergeSettings.method,
    parameters: mergeSettings.parameters,
    base: reference
      .optional()
      .describe(
        'The model whose file soups are made from (if left out, the first of each soup), and whose changes a method for changes merges',
      ),
    nonFloat: mergeSettings.nonFloat,
    outputDtype: mergeSettings.outputDtype,
    onNonFinite: mergeSettings.onNonFinite,
    recalibrate: recalibration
      .optional()
      .describe(
        'Measure the batch norms of every soup before it is scored: as many runs over this data set as they are deep',
      ),
    budget: z
      .strictObject({
        evaluations: z.number().int().min(1).optional().describe('Candidates that are scored at most'),
        seconds: z.number().gt(0).max(1_000_000).optional().describe('Seconds after which the search ends'),
      })
      .default({})
      .describe('Ends a search early, with the best so far'),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds after its end that the job expires, and the model that it makes with it'),
  })
  .meta({ id: 'ResolvedSearchRequest' })

export type SearchRequest = z.infer<typeof searchRequest>

/** A search request as it is sent: its models may be selected by label. */
export const searchBody = searchRequest
  .extend({ models: z.union([searchRequest.shape.models, modelSelection]) })
  .meta({ id: 'SearchRequest' })

export type SearchBody = z.infer<typeof searchBody>

const score = z.number().nullable().describe('Score in the metric’s unit; null if it is not finite or does not exist')

/** A merge of some of the search's models by its method; a model by itself is that model. */
const soup = {
  models: z.array(id).describe('Ids of models of the request'),
  weights: z.array(weight).describe('One for each of these models'),
  rules: weightRules.optional().describe('Other weights for groups of tensors'),
  parameters: z.record(z.string(), z.number()).optional().describe('Parameters of the merge method that were searched'),
}

const scoredSoup = z.object({
  ...soup,
  names: z.array(name.nullable()).optional().describe('The names of these models'),
  score,
})

export const candidate = z.object({
  ...soup,
  score,
  seconds: z.number().describe('Seconds spent running and scoring this candidate, possibly in an earlier job'),
  cached: z.boolean().describe('True if an earlier job had computed the score'),
})

const modelOrSoup = z.object({ id, name: resultName, sha256: digest })

export const searchResult = z
  .object({
    model: modelOrSoup.describe('The winner: a new model, or the model of the request that no soup was better than'),
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    winner: scoredSoup,
    bestSingle: scoredSoup.describe('The best of the models by themselves'),
    uniform: scoredSoup.nullable().describe('The mean of all models; null if the budget was spent before'),
    candidates: z.array(candidate).describe('All candidates, in the order of the strategy'),
    contributions: z
      .array(
        z.object({
          model: id,
          name: resultName,
          shapley: z
            .number()
            .describe('The exact Shapley value, in the metric’s unit; all sum to uniform minus emptyScore'),
          marginal: z
            .number()
            .describe(
              'Mean change of the score when the model joins a soup of at least one model, weighted as in shapley',
            ),
          spoils: z.boolean().describe('True if marginal says that soups are worse with this model'),
        }),
      )
      .optional()
      .describe('Exhaustive search only: contribution of each model'),
    emptyScore: z.number().optional().describe('Score of the soup of no model in shapley'),
    barrier: z
      .object({ value: z.number(), alpha: z.number() })
      .optional()
      .describe('Sweep only: the largest drop below linear interpolation between the two end scores, and its alpha'),
    improved: z
      .boolean()
      .nullable()
      .describe(
        'True if the winner is better than the best single model on test: the interval lies wholly above 0. Null without test, and if test and selection are one data set',
      ),
    test: z
      .object({
        winner: score,
        bestSingle: score,
        uniform: score,
        difference: score.describe('Winner minus best single'),
        interval: z
          .tuple([z.number(), z.number()])
          .nullable()
          .describe('95 % interval of the difference: paired bootstrap over samples'),
        confidence: z.number(),
        replicates: z.number().int(),
        samples: z.number().int(),
      })
      .nullable(),
    direction,
    stopped: z.enum(['evaluations', 'seconds']).nullable().describe('The budget that ended the search early'),
    evaluations: z.number().int().describe('Different soups that were scored, or whose score was known'),
    seconds: z.number().describe('Seconds that the search has run, without the time between restarts of the server'),
    groups: z
      .array(ruleReport)
      .optional()
      .describe('Tensors and elements that each group matched, in order; absent without groups'),
    notes: z.array(z.string()),
  })
  .meta({ id: 'SearchResult' })

export type SearchResult = z.infer<typeof searchResult>

export const searchParameters = z.strictObject({ wait: waitSeconds })
