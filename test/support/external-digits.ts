import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { candidatesOf, startDigitScorer } from './scorer-process.ts'
import { repeatable, searchClient } from './search-client.ts'
import { until } from './store-client.ts'

/** Milliseconds for a search whose scorers are processes of their own. */
export const patience = 240_000

/** A search over the digits by accuracy on the server, and the same one by a scorer from outside. */
export function digitSearches(digits: { ids: string[]; val: string; test: string }, scorerName: string) {
  const search = { models: digits.ids.map(id => ({ id })), strategy: { type: 'exhaustive' } }
  return {
    internal: {
      ...search,
      selection: { dataset: digits.val, metric: 'accuracy' },
      test: { dataset: digits.test },
    },
    external: {
      ...search,
      selection: { external: { name: scorerName, version: '1' }, direction: 'max' },
      test: {},
    },
  }
}

/** Starts a search that waits for scorers. @returns the URL of its job */
export async function startExternal(url: string, request: object): Promise<string> {
  const answer = await searchClient(url).post('/v1/searches', request)
  const body = await answer.json()
  if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${JSON.stringify(body)}`)
  return `${url}/v1/jobs/${searchJob.parse(body).id}`
}

/** Returns the result of a search once it has ended. */
export async function resultOf(job: string): Promise<SearchResult> {
  const now = async () => searchJob.parse(await (await fetch(`${job}?wait=10`)).json())
  await until('the search has ended', async () => (await now()).finishedAt !== null, patience)
  const { status, result, error } = await now()
  if (!result) throw new Error(`the search ${status}: ${JSON.stringify(error)}`)
  return result
}

/** Compares winner, numbers and bytes of a search from outside with those of the server. Remarks on data sets and mistakes are its own. */
export function expectSame(external: SearchResult, internal: SearchResult): void {
  const comparable = (result: SearchResult) => {
    const { notes: _, ignored: __, mistakes: ___, test, ...rest } = repeatable(result)
    return { ...rest, test: test && { ...test, ignored: 0 } }
  }
  expect(comparable(external)).toEqual(comparable(internal))
}

/** Seconds of the leases of the scorer that is killed, and of the other one, which renews its own after a third of them. */
const [briefLease, longLease] = [20, 90]

/**
 * Has two scorers share a search, and kills one while it holds candidates.
 * @param jobs URL of the job for each scorer: the first one is killed
 * @returns ids of the candidates that the killed scorer held
 */
export async function killOneOfTwo(jobs: readonly [string, string]): Promise<string[]> {
  const killed = startDigitScorer(jobs[0], briefLease)
  const other = startDigitScorer(jobs[1], longLease)
  let held: string[] = []
  await until(
    'two scorers have scored some candidates, and the first one holds others',
    async () => {
      killed.process.kill('SIGCONT')
      await delay(300)
      killed.process.kill('SIGSTOP')
      // An outcome that was on its way has arrived.
      await delay(200)
      const candidates = await candidatesOf(jobs[0])
      const brief = Date.now() + (briefLease + 10) * 1000
      held = candidates
        .filter(({ state, expiresAt }) => state === 'leased' && Date.parse(expiresAt ?? '') < brief)
        .map(({ id }) => id)
      return held.length > 0 && candidates.filter(({ state }) => state === 'scored').length >= 8
    },
    patience,
  )
  killed.process.kill('SIGKILL')
  await killed.exited
  expect(await other.exited).toBe(0)
  return held
}
