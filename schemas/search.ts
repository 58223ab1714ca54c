import { z } from 'zod'
import { digest, id, labels, modelSelection, name, namedModel, reference, resultName, ttl } from './common.ts'
import { direction } from './evaluation.ts'
import { fisherReference, mergeSettings, ruleReport, weight, weightRules } from './merge.ts'
import { mistakeCounts } from './mistake.ts'
import { recalibration } from './recalibration.ts'
import { selection, termResult, test } from './search-terms.ts'
import { maximumSearchModels, strategy } from './strategy.ts'

export const searchRequest = z
  .strictObject({
    models: z
      .array(z.strictObject({ id: reference, fisher: fisherReference }))
      .min(1)
      .max(maximumSearchModels),
    strategy,
    selection: selection.describe(
      'Data set and scoring metric that candidates are chosen by, or a scorer outside of the server, or a list of these',
    ),
    test: test.optional().describe('Scores the result once, at the end; fields that are left out are as in selection'),
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

/** The operation that starts searches. */
export const searchOperation = {
  operationId: 'createSearch',
  summary: 'Search for the best soup',
  description:
    'A job that scores candidates and stores the best soup. With a test data set, it says if the gain holds up, and recommends the winner or the best single model.',
  tags: ['soups'],
  body: searchBody,
}

const score = z
  .number()
  .nullable()
  .describe('Score in the metric’s unit, or the objective of a list; null if it is not finite or not defined')

/** A merge of some models of the search by its merge method. A soup of one model is that model. */
export const soup = {
  models: z.array(id).describe('Ids of models of the request'),
  weights: z.array(weight).describe('One weight for each of these models'),
  rules: weightRules.optional().describe('Weights for groups of tensors'),
  parameters: z.record(z.string(), z.number()).optional().describe('Parameters of the merge method that were searched'),
}

const termScore = z.number().nullable()

/** A search by a list of terms has these in addition. */
const judged = {
  scores: z
    .array(termScore)
    .optional()
    .describe(
      'Score in each term, in the order of selection; score is the objective then. Absent if selection is no list',
    ),
  misses: z
    .array(z.number().int().min(0))
    .optional()
    .describe(
      'Indices of the terms whose atLeast this soup misses; it is ruled out if there are any. Absent if selection is no list',
    ),
}

const scoredSoup = z
  .object({
    ...soup,
    names: z.array(name.nullable()).optional().describe('The names of these models'),
    score,
    ...judged,
  })
  .meta({ id: 'ScoredSoup' })

export const candidate = z.object({
  ...soup,
  score,
  ...judged,
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

const pairFindings = z
  .object({
    barriers: z
      .array(
        z.object({
          a: id,
          b: id,
          barrier: z
            .number()
            .nullable()
            .describe(
              'Drop of the score at the midpoint of both models below the mean of their scores; negative if the midpoint is better, null if one of the three has no score',
            ),
        }),
      )
      .describe('Every pair of models, in the order of the request'),
    groups: z
      .array(z.array(id))
      .describe(
        'All models in groups; no pair within a group has a barrier above tolerance. The largest group comes first',
      ),
    spoilers: z.array(id).describe('Models that are alone in their group, while another group has several'),
  })
  .meta({ id: 'PairFindings' })

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
    terms: z
      .array(termResult)
      .optional()
      .describe('The winner by each term, in the order of selection; absent if selection is no list'),
    pareto: z
      .array(z.number().int().min(0))
      .optional()
      .describe(
        'Indices of the candidates that no other candidate beats: none is as good in all terms and better in one. Candidates that are ruled out or lack a score are left out. Absent if selection is no list',
      ),
    base: z
      .object({
        id,
        name: resultName,
        sha256: digest,
        scores: z.array(termScore).describe('Score in each term on selection, in its order'),
        test: z.array(termScore).nullable().describe('Score in each term on test; null without test'),
      })
      .optional()
      .describe('Scores of the base beside; absent if selection is no list, or without base in the request'),
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
    pairs: pairFindings.optional().describe('Pairs only: barriers between the models'),
    improved: z
      .boolean()
      .nullable()
      .describe(
        'True if the winner is better than the best single model on test: the whole interval is on the better side of 0, and the winner meets atLeast of all terms there. Null without test, without an interval, or if test has the samples of selection',
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
          .describe(
            'Confidence interval of the difference, from a paired bootstrap over samples. For a list, null if one of its terms has no score for each sample',
          ),
        direction: direction.optional().describe('Direction in which scores on test are better'),
        confidence: z.number().describe('Confidence level of the interval: 0.95'),
        replicates: z.number().int().describe('Number of bootstrap replicates'),
        samples: z
          .number()
          .int()
          .nullable()
          .describe(
            'Number of samples of the test data set; null for a list, and if the scorer gave no score for each sample',
          ),
        ignored: ignored.describe('Number of targets of test that its scores leave out'),
        leftOut: z
          .number()
          .int()
          .optional()
          .describe('Number of bootstrap replicates without a difference, which the interval leaves out'),
      })
      .nullable()
      .describe('Scores on the test data set; null without test'),
    mistakes: mistakeCounts
      .optional()
      .describe(
        'Samples that the winner newly gets right and newly gets wrong against the best single model; GET /v1/jobs/{id}/mistakes lists them. Only for a scoring metric of classes, with one target for each sample',
      ),
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
