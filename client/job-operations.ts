import type { z } from 'zod'
import type { comparisonBody } from '../schemas/comparison.ts'
import type { evaluationRequest } from '../schemas/evaluation.ts'
import type { JobItem, JobOf, JobType, jobFilters, jobPage } from '../schemas/job.ts'
import type { mergeBody } from '../schemas/merge.ts'
import type { mistakePage, mistakeParameters } from '../schemas/mistake.ts'
import type { searchBody } from '../schemas/search.ts'
import { type Exchange, readJson, readNothing } from './exchange.ts'
import { type Filters, filterQuery } from './filters.ts'
import { type EventOptions, type JobStreamEvent, jobEvents } from './job-events.ts'
import type { CreationOptions, GuardedOptions, RequestOptions } from './settings.ts'
import { type JobWait, startJob } from './start-job.ts'

/** Operations that start jobs, and operations on jobs. */
export function jobOperations(exchange: Exchange) {
  const { send } = exchange
  const start =
    <Body, Type extends JobType>(id: 'createMerge' | 'createComparison' | 'createSearch' | 'createEvaluation') =>
    (body: Body, options?: CreationOptions & JobWait): Promise<JobOf<Type>> =>
      startJob(exchange, id, {}, body, options)

  return {
    /** Merges stored models. The body may also be a text in YAML: a recipe, or a configuration of mergekit. */
    createMerge: start<z.input<typeof mergeBody> | string, 'merge'>('createMerge'),
    createComparison: start<z.input<typeof comparisonBody>, 'comparison'>('createComparison'),
    createSearch: start<z.input<typeof searchBody>, 'search'>('createSearch'),
    createEvaluation: start<z.input<typeof evaluationRequest>, 'evaluation'>('createEvaluation'),
    /** One page of jobs without their requests and results. Without `sort`, the newest come first. */
    listJobs: (filters: Filters<typeof jobFilters> = {}, options?: RequestOptions) =>
      send('listJobs', {}, { query: filterQuery(filters), options }, readJson<z.infer<typeof jobPage>>),
    getJob: (id: string, { wait, ...options }: RequestOptions & JobWait = {}) =>
      send('getJob', { id }, { query: { wait }, options }, readJson<JobItem>),
    /** One page of the samples that the winner of a search newly gets right or wrong, in their order. */
    listMistakes: (id: string, filters: Filters<typeof mistakeParameters> = {}, options?: RequestOptions) =>
      send('listMistakes', { id }, { query: filterQuery(filters), options }, readJson<z.infer<typeof mistakePage>>),
    deleteJob: (id: string, options?: GuardedOptions) => send('deleteJob', { id }, { options }, readNothing),
    cancelJob: (id: string, options?: RequestOptions) => send('cancelJob', { id }, { options }, readJson<JobItem>),
    /** Yields the events of a job until it ends, over as many connections as that takes. */
    getJobEvents: (id: string, options?: EventOptions): AsyncGenerator<JobStreamEvent> =>
      jobEvents(exchange, id, options),
  }
}
