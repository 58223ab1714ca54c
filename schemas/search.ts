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
} from './common.ts'
import { direction, metricRequest, scoring } from './evaluation.ts'
import { fisherReference, match, mergeSettings, ruleReport, weight, weightRules } from './merge.ts'
import { recalibration } from './recalibration.ts'

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
    coordinateStrategy,
    cmaEsStrategy,
  ])
  .meta({ id: 'SearchStrategy' })

export type StrategyRequest = z.infer<typeof strategy>
export type StrategyType = StrategyRequest['type']
/** The parameters of one strategy, with all defaults filled in. */
export type StrategyParameters<Type extends StrategyType> = Extract<StrategyRequest, { type: Type }>

const selection = z.strictObject({ dataset: reference, metric: metricRequest, ...scoring })

const test = selection
  .partial({ metric: true })
  .describe('Data set that scores the result once, at the end; fields that are left out are as in selection')

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
        'The model whose file, names and interface every soup has; the first model of each soup if left out. Methods that merge changes compute them against the base',
      ),
    nonFloat: mergeSettings.nonFloat,
    outputDtype: mergeSettings.outputDtype,
    onNonFinite: mergeSettings.onNonFinite,
    recalibrate: recalibration
      .optional()
      .describe(
        'Data to measure the batch norms of every soup on before it is scored: one run for each level of batch norms',
      ),
    budget: z
      .strictObject({
        evaluations: z.number().int().min(1).optional().describe('Most candidates to score'),
        seconds: z.number().gt(0).max(1_000_000).optional().describe('Seconds after which the search ends'),
      })
      .default({})
      .describe('Limits that end the search early, with the best candidate so far'),
    guard: z
      .boolean()
      .optional()
      .describe(
        'True to get the recommended model as the result: the best single model if the winner scores worse than it on test. Needs test',
      ),
    name: name.optional(),
    labels: labels.default({}),
    ttl: ttl.optional().describe('Seconds from the end of the job until its record and the new model expire'),
  })
  .meta({ id: 'ResolvedSearchRequest' })

export type SearchRequest = z.infer<typeof searchRequest>

/** A search request as clients send it: a label may select its models. */
export const searchBody = searchRequest
  .extend({ models: z.union([searchRequest.shape.models, modelSelection]) })
  .meta({ id: 'SearchRequest' })

export type SearchBody = z.infer<typeof searchBody>

const score = z.number().nullable().describe('Score in the metric’s unit; null if it is not finite or not defined')

/** A merge of some models of the search by its merge method. A soup of one model is that model. */
const soup = {
  models: z.array(id).describe('Ids of models of the request'),
  weights: z.array(weight).describe('One weight for each of these models'),
  rules: weightRules.optional().describe('Weights for groups of tensors'),
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

/** The model to deploy. Results of earlier versions have none. */
export const recommended = z
  .object({
    choice: z
      .enum(['winner', 'bestSingle'])
      .describe('winner, unless it scores worse on test than the best single model'),
    ...modelOrSoup.shape,
    reason: z.string().describe('Reason in one sentence, with the scores on test and the interval of their difference'),
  })
  .meta({ id: 'RecommendedModel' })

/** Results of earlier versions have none. */
const ignored = z.number().int().optional()

export const searchResult = z
  .object({
    recommended: recommended.optional().describe('The model to deploy; absent in results of earlier versions'),
    model: modelOrSoup.describe(
      'The winner, or the recommended model with guard: a new model, or a model of the request if it is the winner',
    ),
    models: z.array(namedModel).optional().describe('The models of the request, in its order'),
    winner: scoredSoup.describe('The candidate with the best score'),
    bestSingle: scoredSoup.describe(
      'The single model with the best score on selection, as it is: with its own batch norms, in outputDtype. The first one if none has a score',
    ),
    uniform: scoredSoup
      .nullable()
      .describe('The mean of all models; null if the budget was spent before it was scored'),
    candidates: z.array(candidate).describe('All candidates, in the order of the strategy'),
    contributions: z
      .array(
        z.object({
          model: id,
          name: resultName,
          shapley: z
            .number()
            .describe(
              'Exact Shapley value in the metric’s unit; the values of all models sum to uniform minus emptyScore',
            ),
          marginal: z
            .number()
            .describe(
              'Mean change of the score when the model joins a soup of at least one model, weighted as in shapley',
            ),
          spoils: z
            .boolean()
            .describe('True if marginal is a change for the worse: soups are better without this model'),
        }),
      )
      .optional()
      .describe('Exhaustive search only: contribution of each model'),
    emptyScore: z
      .number()
      .optional()
      .describe('Exhaustive search only: score that shapley assumes for a soup of no models'),
    barrier: z
      .object({ value: z.number(), alpha: z.number() })
      .optional()
      .describe('Sweep only: the largest drop below linear interpolation between the two end scores, and its alpha'),
    improved: z
      .boolean()
      .nullable()
      .describe(
        'True if the winner is better than the best single model on test: the whole interval is on the better side of 0. Null without test, or if test has the samples of selection',
      ),
    test: z
      .object({
        winner: score,
        bestSingle: score,
        uniform: score,
        difference: score.describe('Score of the winner minus score of the best single model'),
        interval: z
          .tuple([z.number(), z.number()])
          .nullable()
          .describe('Confidence interval of the difference, from a paired bootstrap over samples'),
        direction: direction.optional().describe('Direction in which scores on test are better'),
        confidence: z.number().describe('Confidence level of the interval: 0.95'),
        replicates: z.number().int().describe('Number of bootstrap replicates'),
        samples: z.number().int().describe('Number of samples of the test data set'),
        ignored: ignored.describe('Number of targets of test that its scores leave out'),
        leftOut: z
          .number()
          .int()
          .optional()
          .describe('Number of bootstrap replicates without a difference, which the interval leaves out'),
      })
      .nullable()
      .describe('Scores on the test data set; null without test'),
    ignored: ignored.describe('Number of targets of selection that the scores leave out'),
    direction,
    stopped: z
      .enum(['evaluations', 'seconds'])
      .nullable()
      .describe('The budget that ended the search early; null if it came to its end'),
    evaluations: z.number().int().describe('Number of different soups with a score, new or kept from an earlier job'),
    seconds: z.number().describe('Seconds that the search ran; time while the server was stopped is left out'),
    groups: z
      .array(ruleReport)
      .optional()
      .describe('Tensors and elements that each group matched, in order; absent without groups'),
    notes: z.array(z.string()).describe('Remarks on the result; a winner that does not hold up on test comes first'),
  })
  .meta({ id: 'SearchResult' })

export type SearchResult = z.infer<typeof searchResult>
