import { z } from 'zod'
import {
  createdParameters,
  digest,
  expiresAt,
  id,
  idempotencyHeaders,
  labelParameters,
  labels,
  name,
  page,
  pageParameters,
  timestamp,
  unreadable,
  waitSeconds,
} from './common.ts'
import { comparisonRequest, comparisonResult } from './comparison.ts'
import { conversionRequest, conversionResult } from './conversion.ts'
import { evaluationRequest, evaluationResult } from './evaluation.ts'
import { exportRequest, exportResult } from './export.ts'
import { mergeRequest, mergeResult } from './merge.ts'
import { problem } from './problem.ts'
import { recommended, searchRequest, searchResult } from './search.ts'

export const jobType = z.enum(['merge', 'evaluation', 'search', 'comparison', 'export', 'conversion'])
export const jobStatus = z.enum(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'])

export type JobType = z.infer<typeof jobType>
export type JobStatus = z.infer<typeof jobStatus>

export const jobProgress = z
  .object({
    done: z.number().describe('Amount of work done, in the unit of total'),
    total: z.number().describe('Amount of work in all: bytes, samples or candidates, as message says'),
    message: z.string().describe('Present step of the job, in words'),
    best: z.number().nullable().optional().describe('Search only: the best score so far'),
    seconds: z.number().optional().describe('Search only: seconds elapsed'),
    secondsLeft: z
      .number()
      .nullable()
      .optional()
      .describe('Search only: estimated seconds left; null at the beginning'),
  })
  .meta({ id: 'JobProgress' })

export type JobProgress = z.infer<typeof jobProgress>

export const attempts = z
  .number()
  .int()
  .min(0)
  .describe(
    'Starts since the job was created or last kept a new score, without those that a clean stop of the server ended. The job fails if the server dies during the third',
  )

export const lastFailure = z
  .object({
    startedAt: timestamp.nullable().describe('Time of the start that failed'),
    foundAt: timestamp.describe('Time at which a server found that it had failed'),
    message: z.string().describe('Cause, such as the death of the server'),
  })
  .describe('Last start that ended before the job did, without those that a clean stop of the server ended')
  .meta({ id: 'FailedStart' })

/** A start of a job that ended before the job did. */
export type FailedStart = z.infer<typeof lastFailure>

function jobOf<Type extends JobType, Request extends z.ZodType, Result extends z.ZodType>(
  type: Type,
  request: Request,
  result: Result,
) {
  return z.object({
    id,
    type: z.literal(type),
    status: jobStatus,
    progress: jobProgress.nullable(),
    labels,
    createdAt: timestamp,
    startedAt: timestamp.nullable(),
    finishedAt: timestamp.nullable(),
    expiresAt,
    attempts,
    lastFailure: lastFailure.optional(),
    request,
    result: result.optional().describe('Result, if the job succeeded'),
    error: problem.optional().describe('Reason, if the job failed or was cancelled'),
  })
}

export const mergeJob = jobOf('merge', mergeRequest, mergeResult).meta({ id: 'MergeJob' })
export const evaluationJob = jobOf('evaluation', evaluationRequest, evaluationResult).meta({ id: 'EvaluationJob' })

export const searchJob = jobOf('search', searchRequest, searchResult).meta({ id: 'SearchJob' })

export const comparisonJob = jobOf('comparison', comparisonRequest, comparisonResult).meta({ id: 'ComparisonJob' })

export const exportJob = jobOf('export', exportRequest, exportResult).meta({ id: 'ExportJob' })

export const conversionJob = jobOf('conversion', conversionRequest, conversionResult).meta({ id: 'ConversionJob' })

export const job = z
  .discriminatedUnion('type', [mergeJob, evaluationJob, searchJob, comparisonJob, exportJob, conversionJob])
  .meta({ id: 'Job' })

export type JobRecord = z.infer<typeof job>

/** The record of a job of one type. */
export type JobOf<Type extends JobType> = Extract<JobRecord, { type: Type }>

/** A job type together with a request of that type. */
export type JobRequest = { [Type in JobType]: { type: Type; request: JobOf<Type>['request'] } }[JobType]

/** The summary of a search that has succeeded, as lists show it. */
export const searchSummary = z.object({
  recommended: recommended.optional().describe('The model to deploy; absent for searches of earlier versions'),
  score: z.number().nullable().describe('Score of the model winner on selection; null if it is not finite'),
  candidates: z.number().int().describe('Number of candidates that were scored'),
  winner: z
    .object({ id, name: name.nullable().optional(), sha256: digest })
    .describe('The result: a new model, or a model of the request; with guard the recommended model'),
})

export type SearchSummary = z.infer<typeof searchSummary>

/** A job as lists show it: without its request and its result, which GET /v1/jobs/{id} answers. */
export const jobSummary = z
  .object({
    id,
    type: jobType,
    status: jobStatus,
    progress: jobProgress.nullable(),
    name: name.nullable().describe('Name of the model or export that the job makes; null if the request gives none'),
    labels,
    createdAt: timestamp,
    startedAt: timestamp.nullable(),
    finishedAt: timestamp.nullable(),
    expiresAt,
    attempts,
    search: searchSummary.optional().describe('Summary, if a search succeeded'),
    error: problem.optional().describe('Reason, if the job failed or was cancelled'),
  })
  .describe('A job without its request and result; GET /v1/jobs/{id} answers with them')
  .meta({ id: 'JobSummary' })

export type JobSummary = z.infer<typeof jobSummary>

/** The readable fields of a job whose record is damaged on disk. */
export const unreadableJob = z
  .object({
    id,
    type: jobType.nullable().describe('Job type; null if it cannot be read'),
    status: jobStatus.describe('Status of the job; failed if it cannot be read'),
    progress: z.null(),
    labels,
    createdAt: timestamp.nullable(),
    startedAt: timestamp.nullable(),
    finishedAt: timestamp.nullable(),
    expiresAt,
    attempts,
    error: problem.optional(),
    unreadable,
  })
  .meta({ id: 'UnreadableJob' })

export type UnreadableJob = z.infer<typeof unreadableJob>

export const jobItem = z.union([job, unreadableJob])

export type JobItem = z.infer<typeof jobItem>

export const jobListItem = z.union([jobSummary, unreadableJob])

export type JobListItem = z.infer<typeof jobListItem>

export const jobPage = page(jobListItem).meta({ id: 'JobPage' })

/** Orders of the list of jobs. */
export const jobOrder = z.enum(['-created', 'created'])

export type JobOrder = z.infer<typeof jobOrder>

export const jobFilters = z.strictObject({
  ...pageParameters,
  sort: jobOrder.default('-created').describe('Order of the list: newest first, or with created oldest first'),
  type: jobType.optional(),
  status: jobStatus.optional(),
  name: name.optional().describe('Only jobs whose request gives this name to the model or export that they make'),
  label: labelParameters,
  ...createdParameters,
})

/** The id of a job in a path. */
export const jobIdParameter = z.object({ id: z.string().min(1).max(200).describe('The id of a job') })

/** Query parameters of the requests that start or get one job. */
export const jobParameters = z.strictObject({
  wait: waitSeconds,
  fail: z
    .enum(['http'])
    .optional()
    .describe(
      'http: the answer for a failed or cancelled job is its error, with the status of that error instead of 200, as curl -f needs it',
    ),
})

export type JobParameters = z.infer<typeof jobParameters>

const prefer = z
  .string()
  .optional()
  .describe(
    'Preferences (RFC 7240). wait=SECONDS is taken like the query parameter wait, which comes first; the header Preference-Applied of the answer repeats the seconds',
  )

/** Headers of the requests that get one job. */
export const jobHeaders = z.looseObject({ prefer })

/** Headers of the requests that start a job. */
export const jobStartHeaders = idempotencyHeaders.extend({ prefer })
