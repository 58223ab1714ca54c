import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  candidateDataParameter,
  candidateFilters,
  candidateLease,
  candidateOutcome,
  candidatePage,
  candidateParameter,
  externalCandidate,
  leaseHeaders,
  leaseParameter,
  leaseRenewal,
  leaseRequest,
  leaseWait,
  maximumSamples,
  renewedLease,
} from '../schemas/candidate.ts'
import { jobIdParameter } from '../schemas/job.ts'
import {
  type CandidateServices,
  candidateItem,
  outcomeOf,
  sendCandidate,
  sendCandidateErrors,
  shownCandidate,
  shownCandidateErrors,
  shownSearch,
} from '../src/http/candidate-replies.ts'
import { clientGone } from '../src/http/job-replies.ts'
import { acceptJson, jsonBodyErrors } from '../src/http/json-body.ts'
import { keepLastSlash } from '../src/http/last-slash.ts'
import { fileResponse, problemResponses, recordResponses } from '../src/http/openapi.ts'
import { checkPreconditions, preconditionErrors, recordTag, sendRecord } from '../src/http/preconditions.ts'
import { waitOf } from '../src/http/waiting.ts'
import { type CandidateLedger, type ExternalCandidate, ledgerErrors } from '../src/jobs/external/candidate-ledger.ts'
import type { LeaseWithin } from '../src/jobs/external/lease-within.ts'
import { jobErrors } from '../src/jobs/job-errors.ts'

const tags = ['candidates']

/** A scorer changes what a token of scope `read` may see. */
const reading = { auth: ['read', 'score'] } as const
const scoring = { auth: 'score' } as const

/** Most bytes of an outcome with a score for each sample, and most of its values. */
const outcomeBytes = 3 << 20
const outcomeValues = maximumSamples + 10_000

const contentResponses = {
  200: fileResponse('The file'),
  206: fileResponse('The requested range of the file'),
  304: z.null().describe('Not modified: the client already has this content'),
  307: z
    .null()
    .describe('With TUREEN_DOWNLOADS=redirect, for a model of the request: the file is at the URL in Location'),
  ...problemResponses(...sendCandidateErrors),
}

type Services = CandidateServices & { ledger: CandidateLedger; lease: LeaseWithin }

/** Routes with which scorers outside of the server lease, download and score the candidates of searches. */
export const candidateRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { ledger, lease, content, queries } = services
  const searchOf = (id: string) => shownSearch(id, queries, app.publicPath)

  app.post(
    '/v1/jobs/:id/leases',
    {
      schema: {
        operationId: 'createLease',
        summary: 'Lease candidates to score',
        description:
          'Hands out open candidates of a search with scores from outside. With ?wait, answers when there are some or the search has ended. Nobody else gets them before the lease expires. After three leases without a score a candidate is unscored.',
        tags,
        params: jobIdParameter,
        headers: leaseHeaders,
        querystring: leaseWait,
        body: leaseRequest,
        response: {
          200: candidateLease,
          ...problemResponses(...jsonBodyErrors, ...ledgerErrors.lease, ...shownCandidateErrors),
        },
      },
      config: scoring,
    },
    async (request, reply) => {
      const { id } = request.params
      const { seconds, headers } = waitOf(request)
      const gone = clientGone(reply)
      const leased = await lease(id, request.body, seconds, gone)
      if (gone.aborted) return reply.hijack()
      reply.headers(headers).header('tureen-job-status', leased.job.status)
      const { job, expiresAt } = leased
      if (leased.id === null) return { id: null, job, expiresAt, candidates: [] }
      try {
        const search = await searchOf(id)
        const candidates = []
        for (const candidate of leased.candidates) candidates.push(await shownCandidate(candidate, search, content))
        return { id: leased.id, job, expiresAt, candidates }
      } catch (error) {
        // The client does not hear of the lease.
        await ledger.giveBack(id, leased.id)
        throw error
      }
    },
  )

  app.patch(
    '/v1/jobs/:id/leases/:lease',
    {
      schema: {
        operationId: 'updateLease',
        summary: 'Renew a lease',
        description: 'The lease expires so many seconds from now, earlier or later than before.',
        tags,
        params: leaseParameter,
        body: leaseRenewal,
        response: { 200: renewedLease, ...problemResponses(...jsonBodyErrors, ...ledgerErrors.renew) },
      },
      config: scoring,
    },
    ({ params: { id, lease }, body: { seconds } }) => ledger.renew(id, lease, seconds),
  )

  app.delete(
    '/v1/jobs/:id/leases/:lease',
    {
      schema: {
        operationId: 'deleteLease',
        summary: 'Give a lease back',
        description:
          'Its candidates without an outcome go to the next scorer at once. The lease does not count as one of their three.',
        tags,
        params: leaseParameter,
        response: {
          204: z.null().describe('Lease given back'),
          ...problemResponses(...ledgerErrors.giveBack, ...jsonBodyErrors),
        },
      },
      config: scoring,
    },
    async ({ params: { id, lease } }, reply) => {
      await ledger.giveBack(id, lease)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/jobs/:id/candidates',
    {
      schema: {
        operationId: 'listCandidates',
        summary: 'List the candidates of a search with scores from outside',
        description: 'In the order in which the search asked, filtered by state.',
        tags,
        params: jobIdParameter,
        querystring: candidateFilters,
        response: { 200: candidatePage, ...problemResponses(...ledgerErrors.list, ...jobErrors.get) },
      },
      config: reading,
    },
    async ({ params: { id }, query }) => {
      const { items, nextCursor } = await ledger.list(id, query)
      const search = await searchOf(id)
      return { items: items.map(item => candidateItem(item, search)), nextCursor }
    },
  )

  app.get(
    '/v1/jobs/:id/candidates/:candidate',
    {
      schema: {
        operationId: 'getCandidate',
        summary: 'Get a candidate',
        description: 'With If-None-Match, answers 304 while the record is unchanged.',
        tags,
        params: candidateParameter,
        response: {
          200: externalCandidate,
          ...recordResponses([...ledgerErrors.get, ...shownCandidateErrors]),
        },
      },
      config: reading,
    },
    async (request, reply) => {
      const { id, candidate } = request.params
      const found = await ledger.get(id, candidate)
      return sendRecord(request, reply, await shownCandidate(found, await searchOf(id), content))
    },
  )

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/jobs/:id/candidates/:candidate/content',
    schema: {
      operationId: 'getCandidateContent',
      summary: 'Download a candidate',
      description:
        'The ONNX file that the search would store if this candidate wins, or a range of it. The server makes it at the first request. Takes Range, If-Range, If-Match and If-None-Match.',
      tags,
      params: candidateParameter,
      response: contentResponses,
    },
    config: reading,
    handler: (request, reply) => sendCandidate(request, reply, services, request.params, ''),
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/jobs/:id/candidates/:candidate/data/*',
    schema: {
      operationId: 'getCandidateData',
      summary: 'Download external data of a candidate',
      description:
        'One file that belongs beside a model file of more than 2 GB, or a range of it. The record of the candidate lists them.',
      tags,
      params: candidateDataParameter,
      response: contentResponses,
    },
    preValidation: keepLastSlash,
    config: reading,
    handler: (request, reply) => sendCandidate(request, reply, services, request.params, request.params['*']),
  })
}

/** The route with which scorers send outcomes. It takes larger bodies than others, for a score of each sample. */
export const outcomeRoutes: FastifyPluginAsyncZod<Services> = async (app, { ledger, content, queries }) => {
  acceptJson(app, { mostValues: outcomeValues })
  app.put(
    '/v1/jobs/:id/candidates/:candidate/score',
    {
      schema: {
        operationId: 'putCandidateScore',
        summary: 'Score a candidate',
        description:
          'Sends a score, scores of all samples, or the reason why there is none, with or without a lease. The same outcome again changes nothing; another one is 409. Outcomes of a search that has ended are kept for the next one. With If-Match, answers 412 if the candidate has changed.',
        tags,
        params: candidateParameter,
        body: candidateOutcome,
        response: {
          200: externalCandidate,
          ...problemResponses(...jsonBodyErrors, ...preconditionErrors, ...ledgerErrors.score, ...shownCandidateErrors),
        },
      },
      bodyLimit: outcomeBytes,
      config: scoring,
    },
    async request => {
      const { id, candidate } = request.params
      const shown = async (each: ExternalCandidate) =>
        shownCandidate(each, await shownSearch(id, queries, app.publicPath), content)
      if (request.headers['if-match'] !== undefined || request.headers['if-none-match'] !== undefined)
        checkPreconditions(request, recordTag(await shown(await ledger.get(id, candidate))))
      const scored = await ledger.score(id, candidate, outcomeOf(request.body))
      return shown(scored)
    },
  )
}
