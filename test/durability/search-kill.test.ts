import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { searchJob } from '../../schemas/job.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { evaluating } from '../support/server.ts'
import { filesIn, killServer, serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

/** A kill and the start after it take seconds of the processors; `npm run soak` kills searches again and again. */
const kills = 4

test(`a search that ${kills} SIGKILLs interrupt comes to the end that it would have come to`, async () => {
  const data = await servers.data()
  let server = await servers.start(data, evaluating)
  const { ids, val, test: held } = await searchClient(server.url).addDigits()
  const request = {
    models: ids.slice(0, 7).map(id => ({ id })),
    strategy: { type: 'exhaustive' },
    selection: { dataset: val, metric: 'crossEntropy', batchSize: 8 },
    test: { dataset: held },
  }
  const answer = await searchClient(server.url).post('/v1/searches', request)
  const { id } = searchJob.parse(await answer.json())
  const done: number[] = []
  for (let kill = 0; kill < kills; kill += 1) {
    const before = done.at(-1) ?? 0
    await until('the search gets on', async () => {
      const job = searchJob.parse(await (await fetch(`${server.url}/v1/jobs/${id}`)).json())
      done[kill] = job.progress?.done ?? 0
      return (done[kill] ?? 0) > before || job.finishedAt !== null
    })
    // Some before and some after what has been scored is written down, which happens every 200 ms.
    await delay(74 * kill)
    await killServer(server)
    server = await servers.start(data, evaluating)
  }
  const job = searchJob.parse(await (await fetch(`${server.url}/v1/jobs/${id}?wait=60`)).json())
  expect(job, JSON.stringify(job.error)).toMatchObject({ status: 'succeeded' })
  expect(job.result?.candidates.every(({ cached }) => !cached)).toBe(true)
  expect(done.filter(count => count < 127).length, `candidates at each kill: ${done}`).toBeGreaterThanOrEqual(kills - 1)

  // Where nothing is kept and nothing interrupts.
  const calm = await servers.start(await servers.data(), evaluating)
  const there = await searchClient(calm.url).addDigits()
  const undisturbed = await searchClient(calm.url).find({
    ...request,
    models: there.ids.slice(0, 7).map(each => ({ id: each })),
    selection: { ...request.selection, dataset: there.val },
    test: { dataset: there.test },
  })
  if (!job.result) throw new Error('no result')
  const renamed = JSON.parse(
    JSON.stringify(repeatable(undisturbed)).replace(/[0-9a-f-]{36}/g, each => ids[there.ids.indexOf(each)] ?? each),
  )
  expect(repeatable(job.result)).toEqual(renamed)
  expect((await filesIn(data)).incoming).toEqual([])
}, 120_000)
