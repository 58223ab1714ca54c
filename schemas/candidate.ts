import { z } from 'zod'
import { entriesAtMost, id, page, pageParameters, timestamp, waitSeconds } from './common.ts'
import { jobHeaders, jobIdParameter, jobStatus } from './job.ts'
import { recipe } from './merge.ts'
import { soup } from './search.ts'
import { scorerReference } from './search-terms.ts'

// Candidates of searches whose scores come from outside, and their leases.

const candidateState = z
  .enum(['open', 'leased', 'scored', 'unscored'])
  .describe(
    'open: waits for a scorer; leased: a scorer has it; scored; unscored: it has no score and ranks last, by an error or after three leases without a score',
  )

const candidateId = z.string().describe('Id of the candidate; opaque')

const leaseId = z.string().describe('Id of the lease; opaque')

/** Most bytes of the details of a score, as JSON without spaces. */
const maximumDetails = 16 << 10

const details = z.record(z.string(), z.unknown())

/** A candidate as lists show it. */
export const externalCandidateItem = z
  .object({
    id: candidateId,
    place: z.number().int().describe('Place in the order in which the search asked, from 0 on'),
    ...soup,
    models: soup.models.describe('Ids of models of the request; none if the candidate is its base'),
    split: z
      .enum(['selection', 'test'])
      .describe('Data that the scorer must use: selection chooses the winner, test compares it at the end'),
    scorer: scorerReference,
    state: candidateState,
    attempts: z.number().int().describe('Leases of the candidate so far, without those that were given back'),
    lease: leaseId
      .nullable()
      .describe('Id of the present lease, with which it can be given back; null if there is none'),
    expiresAt: timestamp.nullable().describe('End of the present lease; null if there is none'),
    score: z.number().nullable().describe('The score, or the mean of the scores of the samples; null if there is none'),
    samples: z
      .number()
      .int()
      .nullable()
      .describe('Number of samples that were scored; null if the scorer sent one number, and without a score'),
    error: z.string().nullable().describe('Reason why there is no score; null in every state but unscored'),
    details: details.nullable().describe('Details that the scorer sent with the outcome; null if there are none'),
    createdAt: timestamp,
    settledAt: timestamp.nullable().describe('Time of the outcome; null before'),
    content: z
      .string()
      .describe('Path of the model file, on this server. The server makes the file when it is asked for'),
  })
  .meta({ id: 'ExternalCandidateItem' })

export const externalCandidate = externalCandidateItem
  .extend({
    recipe: recipe
      .nullable()
      .describe(
        'The merge request that makes the same model; null if the search has ended and one of its records was deleted',
      ),
    data: z
      .array(z.object({ location: z.string(), content: z.string().describe('Path of the file, on this server') }))
      .describe(
        'External data that belongs beside the model file. Empty if the model file has everything inside, as all below 2 GB have',
      ),
  })
  .meta({ id: 'ExternalCandidate' })

export type ShownCandidateItem = z.infer<typeof externalCandidateItem>

export type ShownCandidate = z.infer<typeof externalCandidate>

export const candidatePage = page(externalCandidateItem).meta({ id: 'CandidatePage' })

export const candidateFilters = z.strictObject({ ...pageParameters, state: candidateState.optional() })

export const candidateParameter = jobIdParameter.extend({
  candidate: z.string().min(1).max(200).describe('The id of a candidate'),
})

export const candidateDataParameter = candidateParameter.extend({ '*': z.string().min(1).max(4096) })

export const leaseParameter = jobIdParameter.extend({ lease: z.string().min(1).max(200).describe('The id of a lease') })

const leaseSeconds = z
  .number()
  .int()
  .min(1)
  .max(86_400)
  .describe('Seconds until the lease expires, unless it is renewed')

export const leaseRequest = z
  .strictObject({
    count: z.number().int().min(1).max(100).default(1).describe('Most candidates to lease'),
    seconds: leaseSeconds.default(600),
    scorer: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('Name of the scorer, if the search has several; candidates of any scorer without it'),
  })
  .meta({ id: 'LeaseRequest' })

/** The wait of a request for candidates. */
export const leaseWait = z.strictObject({
  wait: waitSeconds.describe(
    'Seconds that the server holds the answer back, unless there are candidates or the search ends earlier; at most 45',
  ),
})

export { jobHeaders as leaseHeaders }

export const candidateLease = z
  .object({
    id: leaseId.nullable().describe('Id of the lease; null if there is no candidate to lease now'),
    job: z
      .object({ id, status: jobStatus })
      .describe('The search. Nothing more comes once it has succeeded, failed or was cancelled'),
    expiresAt: timestamp
      .nullable()
      .describe('Time at which the candidates go to the next scorer; null without a lease'),
    candidates: z.array(externalCandidate).describe('Leased candidates, in the order in which the search asked'),
  })
  .meta({ id: 'CandidateLease' })

export const leaseRenewal = z.strictObject({ seconds: leaseSeconds }).meta({ id: 'LeaseRenewal' })

export const renewedLease = z.object({ id: leaseId, expiresAt: timestamp }).meta({ id: 'RenewedLease' })

/** Most scores of samples in one outcome. */
export const maximumSamples = 100_000

/** The outcome of a candidate, as scorers send it. */
export const candidateOutcome = z
  .strictObject({
    score: z.number().optional().describe('The score'),
    scores: z
      .array(z.number())
      .min(1)
      .max(maximumSamples)
      .optional()
      .describe(
        'A score for each sample, in an order that is the same for all candidates; their mean is the score. Searches with test compare them in pairs',
      ),
    error: z.string().min(1).max(2000).optional().describe('Reason why there is no score'),
    details: details
      .refine(value => Buffer.byteLength(JSON.stringify(value)) <= maximumDetails, {
        error: ({ input }) =>
          `has ${Buffer.byteLength(JSON.stringify(input)).toLocaleString('en')} bytes as JSON, and may have ${maximumDetails.toLocaleString('en')}; send a summary`,
      })
      .meta(entriesAtMost(2000))
      .describe('Anything that helps to understand the outcome, such as scores of each class: at most 16 KiB as JSON')
      .optional(),
  })
  .superRefine((outcome, context) => {
    const given = (['score', 'scores', 'error'] as const).filter(name => outcome[name] !== undefined)
    if (given.length === 1) return
    const found = given.length === 0 ? 'has none of them' : `has ${given.join(' and ')}`
    context.addIssue({
      code: 'custom',
      path: [given[1] ?? 'score'],
      message: `an outcome has exactly one of score, scores and error, and this ${found}`,
    })
  })
  .meta({ id: 'CandidateOutcome' })

export type OutcomeBody = z.infer<typeof candidateOutcome>
