import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { searchJob } from '../../schemas/job.ts'
import { type Candidate, externalScorer } from '../support/external-scorer.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { filesIn, killServer, serverGroup } from '../support/server-group.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

/** Most kills. A kill and the start after it take seconds of the processors. */
const kills = 6

/** The score of a soup: of its weights only, so that each run has the same ones. */
const scoreOf = ({ models, weights }: Candidate, ids: readonly string[]) =>
  models.reduce((sum, id, index) => sum + Math.sin(1 + ids.indexOf(id)) * Number(weights[index]), 0) / weights.length

test(`a search by a scorer outside that SIGKILLs interrupt comes to the end that it would have come to (TUREEN_TEST_SEED=${runSeed})`, async () => {
  const random = seededRandom(runSeed)
  const data = await servers.data()
  let server = await servers.start(data)
  const { ids } = await searchClient(server.url).addDigits()
  const request = { strategy: { type: 'greedy' }, test: {}, name: 'best' }
  const id = await externalScorer(server.url).start(ids, request)
  let left = kills
  for (;;) {
    const scorer = externalScorer(server.url)
    const lease = await scorer.lease(id, { count: 3, seconds: 600 })
    if (lease.job.status === 'succeeded') break
    expect(lease.job.status).not.toBe('failed')
    for (const candidate of lease.candidates) {
      const answered = scorer.score(id, candidate.id, { score: scoreOf(candidate, ids) })
      if (left === 0 || random.next() < 0.5) {
        expect((await answered).status).toBe(200)
        continue
      }
      // Before, while and after the score is written, and while the search starts again.
      answered.catch(() => undefined)
      await delay(random.integer(0, 60))
      await killServer(server)
      left -= 1
      server = await servers.start(data)
      const sent = await externalScorer(server.url).score(id, candidate.id, { score: scoreOf(candidate, ids) })
      expect(sent.status).toBe(200)
      break
    }
    // The others of the lease go on: their scorer asks for no new lease, and sends what it has.
    for (const candidate of lease.candidates) {
      const sent = await externalScorer(server.url).score(id, candidate.id, { score: scoreOf(candidate, ids) })
      expect(sent.status).toBe(200)
    }
  }
  expect(left).toBeLessThan(kills - 1)
  const job = searchJob.parse(await (await fetch(`${server.url}/v1/jobs/${id}`)).json())
  if (!job.result) throw new Error(JSON.stringify(job.error))
  const items = await externalScorer(server.url).candidates(id)
  expect(items.filter(({ state }) => state !== 'scored' && state !== 'open')).toEqual([])

  const calm = await servers.start(await servers.data())
  const there = await searchClient(calm.url).addDigits()
  const undisturbed = externalScorer(calm.url)
  const again = await undisturbed.start(there.ids, request)
  const { result } = await undisturbed.scoreAll(again, candidate => ({ score: scoreOf(candidate, there.ids) }))
  if (!result) throw new Error('no result')
  const renamed = JSON.parse(
    JSON.stringify(repeatable(result)).replace(/[0-9a-f-]{36}/g, each => ids[there.ids.indexOf(each)] ?? each),
  )
  expect(repeatable(job.result)).toEqual(renamed)
  expect((await filesIn(data)).incoming).toEqual([])
}, 240_000)
