import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OutcomeBody, ShownCandidate, ShownCandidateItem } from '../../schemas/candidate.ts'
import { recipe } from '../../schemas/merge.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { hasEnded } from '../jobs/end-job.ts'
import { type CandidateContent, candidateContentErrors, jobFinished } from '../jobs/external/candidate-content.ts'
import {
  type CandidateLedger,
  type CandidateOutcome,
  type ExternalCandidate,
  ledgerErrors,
} from '../jobs/external/candidate-ledger.ts'
import { jobErrors } from '../jobs/job-errors.ts'
import type { JobQueries } from '../jobs/job-queries.ts'
import { requireReadable } from '../storage/unreadable.ts'
import { clientGone } from './job-replies.ts'
import { contentErrors, sendContent } from './send-content.ts'

/** The services that show candidates. */
export type CandidateServices = {
  ledger: Pick<CandidateLedger, 'get' | 'heard'>
  content: CandidateContent
  queries: Pick<JobQueries, 'get'>
}

/** A search whose candidates are shown. `publicPath`: prefix of the paths that clients see. */
export type ShownSearch = { id: string; request: SearchRequest; isOver: boolean; publicPath: string }

/** Returns the search of candidates. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE` */
export async function shownSearch(
  id: string,
  { get }: Pick<JobQueries, 'get'>,
  publicPath: string,
): Promise<ShownSearch> {
  const job = requireReadable({ job: id }, (await get(id)).job)
  // The ledger has candidates of searches alone.
  if (job.type !== 'search') throw new RangeError(`the job ${id} is a ${job.type} and has candidates`)
  return { id: job.id, request: job.request, isOver: hasEnded(job.status), publicPath }
}

/** Returns a candidate as lists show it. */
export function candidateItem(
  { soup: { members, weights, rules, parameters }, ...candidate }: ExternalCandidate,
  { id, request, publicPath }: ShownSearch,
): ShownCandidateItem {
  return {
    ...candidate,
    models: members.map(member => request.models[member]?.id ?? ''),
    weights: [...weights],
    ...(rules.length > 0 ? { rules: rules.map(rule => ({ ...rule, weights: [...rule.weights] })) } : {}),
    ...(parameters ? { parameters } : {}),
    content: `${publicPath}/v1/jobs/${id}/candidates/${candidate.id}/content`,
  }
}

/** Returns a candidate with its recipe and its external data. */
export async function shownCandidate(
  candidate: ExternalCandidate,
  search: ShownSearch,
  content: CandidateContent,
): Promise<ShownCandidate> {
  const item = candidateItem(candidate, search)
  try {
    const described = await content.describe({ ...candidate, jobId: search.id, request: search.request })
    return {
      ...item,
      recipe: recipe.parse(described.recipe),
      data: described.locations.map(location => ({
        location,
        content: item.content.replace(/content$/, `data/${encodeURIComponent(location)}`),
      })),
    }
  } catch (error) {
    // The scores of an ended search stay when clients delete its models.
    if (search.isOver) return { ...item, recipe: null, data: [] }
    throw error
  }
}

/** Returns the outcome in a valid body. */
export function outcomeOf({ score, scores, error, details }: OutcomeBody): CandidateOutcome {
  if (error !== undefined) return { error, details }
  if (scores !== undefined) return { scores, details }
  if (score !== undefined) return { score, details }
  throw new RangeError('an outcome without a score')
}

/** Error codes of {@link shownCandidate}. */
export const shownCandidateErrors = [
  ...jobErrors.get,
  ...candidateContentErrors,
] as const satisfies readonly ErrorCode[]

/** Error codes of {@link sendCandidate}. */
export const sendCandidateErrors = [
  ...ledgerErrors.get,
  ...ledgerErrors.heard,
  ...jobErrors.get,
  ...candidateContentErrors,
  ...contentErrors,
] as const satisfies readonly ErrorCode[]

/**
 * Sends a file of a candidate, or the requested range of it.
 * @param location empty for the model file
 */
export async function sendCandidate(
  request: FastifyRequest,
  reply: FastifyReply,
  { ledger, content, queries }: CandidateServices,
  { id, candidate: candidateId }: { id: string; candidate: string },
  location: string,
): Promise<FastifyReply> {
  const candidate = await ledger.get(id, candidateId)
  const search = await shownSearch(id, queries, request.server.publicPath)
  if (search.isOver) throw jobFinished(id)
  await ledger.heard(id)
  const filename = location === '' ? `${candidate.id}.onnx` : location.split(/[\\/]/).at(-1) || 'data'
  const gone = clientGone(reply)
  try {
    return await content.using({ ...candidate, jobId: search.id, request: search.request }, location, gone, file =>
      sendContent(request, reply, { ...file, filename }),
    )
  } catch (error) {
    // Nobody reads the answer.
    if (gone.aborted) return reply.hijack()
    throw error
  }
}
