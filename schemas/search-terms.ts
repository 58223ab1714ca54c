import { z } from 'zod'
import { id, name, reference, resultName } from './common.ts'
import { direction, metricRequest, scoring } from './evaluation.ts'

/** Most terms of one search. */
export const maximumTerms = 8

/** A scorer outside of the server. Scores are kept by its name and version. */
export const scorerReference = z
  .strictObject({
    name: z.string().min(1).max(100).describe('Name of the scorer, such as coco-map'),
    version: z.string().min(1).max(100).describe('Version of the scorer; another version computes every score anew'),
  })
  .describe('A scorer outside of the server, which gets candidates from /v1/jobs/{id}/leases')
  .meta({ id: 'ExternalScorer' })

export type ScorerReference = z.infer<typeof scorerReference>

const datasetFields = { dataset: reference, metric: metricRequest, ...scoring }

const externalFields = {
  external: scorerReference,
  direction,
  reuse: z.boolean().default(true).describe('False to ask the scorer anew for scores that another job has kept'),
}

const comparedWith = z
  .enum(['base', 'best'])
  .describe('base: the score of the base; best: the score of the best single model by this term')

/** The worst score that a candidate may have in a term. */
export const threshold = z
  .union([
    z.number().describe('A score in the unit of the scoring metric'),
    comparedWith,
    z.strictObject({
      of: comparedWith,
      margin: z.number().min(0).describe('Amount by which a score may be worse, in the unit of the scoring metric'),
    }),
  ])
  .describe(
    'The worst score that a candidate may have in this term: a number, base or best, or one of these with a margin. Candidates with a worse score are ruled out. Where lower scores are better, it is the highest score',
  )
  .meta({ id: 'ScoreThreshold' })

export type ThresholdRequest = z.infer<typeof threshold>

const weighing = {
  weight: z.number().gt(0).max(1e6).default(1).describe('Weight of the term in the objective'),
  atLeast: threshold.optional(),
}

const datasetSelection = z
  .strictObject(datasetFields)
  .describe('A data set and the scoring metric on it')
  .meta({ id: 'DatasetSelection' })

const externalSelection = z
  .strictObject(externalFields)
  .describe('A scorer outside of the server')
  .meta({ id: 'ExternalSelection' })

const weighedTerm = z.union([
  z.strictObject({ ...datasetFields, ...weighing }).meta({ id: 'DatasetTerm' }),
  z.strictObject({ ...externalFields, ...weighing }).meta({ id: 'ExternalTerm' }),
])

/** One term of a selection: on a data set, or by a scorer outside of the server. */
export type TermRequest = z.infer<typeof datasetSelection> | z.infer<typeof externalSelection>

/** The choice of candidates: by one data set, by one scorer outside of the server, or by a weighted list of both. */
export const selection = z.union([
  datasetSelection,
  externalSelection,
  z
    .array(weighedTerm)
    .min(1)
    .max(maximumTerms)
    .describe(
      'Terms of the objective. A term is the gain over the best single model by it: (score - best) / |best|, negated where lower scores are better. The objective is the sum of the gains times their weights',
    ),
])

export type SelectionRequest = z.infer<typeof selection>

const datasetTest = z
  .strictObject(datasetFields)
  .partial({ metric: true })
  .describe('A data set; fields that are left out are as in selection')
  .meta({ id: 'DatasetTest' })

const externalTest = z
  .strictObject({
    external: scorerReference.optional().describe('The scorer on test; the scorer of selection if left out'),
  })
  .describe('With a scorer in selection: the scorer is told that the split is test')
  .meta({ id: 'ExternalTest' })

/** The test of the result, once, at the end. */
export const test = z
  .union([
    datasetTest,
    externalTest,
    z
      .array(z.union([datasetTest, externalTest]))
      .min(1)
      .max(maximumTerms)
      .describe('With a list in selection: a list of the same length, each of the kind of its term'),
  ])
  .meta({ id: 'SearchTest' })

export type TestRequest = z.infer<typeof test>

/** One test of a term: on a data set, or by a scorer outside of the server. */
export type TermTestRequest = z.infer<typeof datasetTest> | z.infer<typeof externalTest>

const score = z.number().nullable().describe('Score in the unit of the scoring metric; null if there is none')

const outcome = z
  .enum(['gained', 'lost', 'neither'])
  .describe('gained: the winner is better than the best single model by this term; lost: it is worse')

/** The winner of a search by one of its terms, beside the best single model by that term. */
export const termResult = z
  .object({
    dataset: z.object({ id, name: name.nullable() }).optional().describe('The data set; absent for a scorer'),
    metric: z.string().optional().describe('Name of the scoring metric; absent for a scorer'),
    external: scorerReference.optional(),
    direction,
    weight: z.number().describe('Weight of the term in the objective'),
    atLeast: z
      .number()
      .nullable()
      .optional()
      .describe(
        'The worst score that a candidate may have; null if its reference has no score; absent without atLeast',
      ),
    bestSingle: z
      .object({ model: id, name: resultName, score })
      .describe('The best single model by this term among those that were scored; the first one if none has a score'),
    winner: score,
    gain: z
      .number()
      .nullable()
      .describe('Gain of the winner over bestSingle, as the objective counts it; null without both scores'),
    isRelative: z
      .boolean()
      .describe('True if gains are divided by |best|; false if the best score is 0, and gains are differences'),
    outcome: outcome.nullable().describe('Outcome on selection; null without both scores'),
    base: score.optional().describe('Score of the base; absent without base in the request'),
    ignored: z.number().int().describe('Number of targets that the scores of this term leave out'),
    test: z
      .object({
        winner: score,
        bestSingle: score,
        uniform: score,
        base: score.optional().describe('Score of the base; absent without base in the request'),
        difference: score.describe('Score of the winner minus score of bestSingle'),
        interval: z
          .tuple([z.number(), z.number()])
          .nullable()
          .describe('Confidence interval of the difference, from a paired bootstrap over samples'),
        outcome: outcome
          .nullable()
          .describe('Outcome on test: neither if the interval includes 0; null without an interval'),
        samples: z
          .number()
          .int()
          .nullable()
          .describe('Number of samples; null if the scorer gave no score for each sample'),
        ignored: z.number().int().describe('Number of targets that the scores on test leave out'),
        leftOut: z.number().int().describe('Number of bootstrap replicates that the interval leaves out'),
      })
      .nullable()
      .describe('Scores of this term on test; null without test'),
  })
  .meta({ id: 'SearchTermResult' })

export type TermResult = z.infer<typeof termResult>
