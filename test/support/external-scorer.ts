import { expect } from 'vitest'
import type { z } from 'zod'
import { candidateLease, candidatePage, externalCandidate } from '../../schemas/candidate.ts'
import { searchJob } from '../../schemas/job.ts'
import { json } from './http-client.ts'

export type Lease = z.infer<typeof candidateLease>
export type Candidate = z.infer<typeof externalCandidate>

/** The scorer that the searches of {@link externalScorer} name. */
export const scorerOfTests = { name: 'tests', version: '1' }

/** A client that starts searches with scores from outside, and scores their candidates. `token`: sent with each request. */
export function externalScorer(url: string, token?: string) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  return {
    ask,
    /** Starts a search of these models. It must be taken. @returns its id */
    async start(models: readonly string[], more: object = {}): Promise<string> {
      const selection = { external: scorerOfTests, direction: 'max' }
      const request = { models: models.map(id => ({ id })), strategy: { type: 'exhaustive' }, selection, ...more }
      const response = await ask('POST', '/v1/searches', request)
      const body = await json<{ id: string }>(response)
      expect(body, JSON.stringify(body)).toHaveProperty('id')
      return body.id
    },
    /** Leases candidates, and waits until there are some. */
    async lease(job: string, body: object = {}, wait = 20): Promise<Lease> {
      const response = await ask('POST', `/v1/jobs/${job}/leases?wait=${wait}`, body)
      const text = await response.text()
      expect({ status: response.status, text }).toMatchObject({ status: 200 })
      return candidateLease.parse(JSON.parse(text))
    },
    score: (job: string, candidate: string, body: unknown) =>
      ask('PUT', `/v1/jobs/${job}/candidates/${candidate}/score`, body),
    async candidates(job: string, query = 'limit=500') {
      return candidatePage.parse(await json(await ask('GET', `/v1/jobs/${job}/candidates?${query}`))).items
    },
    async candidate(job: string, candidate: string): Promise<Candidate> {
      return externalCandidate.parse(await json(await ask('GET', `/v1/jobs/${job}/candidates/${candidate}`)))
    },
    async content(path: string): Promise<Uint8Array<ArrayBuffer>> {
      const response = await ask('GET', path)
      expect(response.status, path).toBe(200)
      return new Uint8Array(await response.arrayBuffer())
    },
    /** Scores all candidates of a search until it has ended. @returns the ended job */
    async scoreAll(job: string, scoreOf: (candidate: Candidate) => object | Promise<object>) {
      for (;;) {
        const { candidates, job: search } = await this.lease(job, { count: 100 })
        if (['succeeded', 'failed', 'cancelled'].includes(search.status)) break
        for (const candidate of candidates) {
          const answer = await this.score(job, candidate.id, await scoreOf(candidate))
          expect({ status: answer.status, text: await answer.text() }).toMatchObject({ status: 200 })
        }
      }
      return searchJob.parse(await json(await ask('GET', `/v1/jobs/${job}`)))
    },
  }
}
