import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startWatched, type WatchedServer } from '../support/watched-server.ts'

/** Each waits for turns of its own. What many still have in common is that their bytes are received and sent. */
const mostTimes = 10

let server: WatchedServer
let models: { id: string }[]
let largeJob: string
beforeAll(async () => {
  server = await startWatched()
  models = []
  for (const weight of [1, 2]) models.push({ id: (await uploadModel(server.url, linearModel([weight], [1]))).id })
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 'v'.repeat(256)]))
  for (let each = 0; each < 70; each += 1) await create({ models: models.slice(0, 1), labels })
  largeJob = await create(largeMerge())
})
afterAll(() => server.stop())

async function create(request: object): Promise<string> {
  const response = await postJson(`${server.url}/v1/merges`, request)
  const job = await json<JobRecord>(response)
  if (!response.ok) throw new Error(JSON.stringify(job))
  return job.id
}

/** A request of some 600 KB, which is taken. */
function largeMerge(): object {
  const gradient = { gradient: Array.from({ length: 55 }, (_, index) => (index + 1) / 57) }
  const rules = Array.from({ length: 250 }, (_, index) => ({
    match: `W${'*'.repeat(index % 190)}`,
    weights: [gradient, gradient],
  }))
  return { models, rules }
}

const get = (path: string) => () => fetch(`${server.url}${path}`)
const requests: Record<string, () => Promise<Response>> = {
  'lists of jobs of 1 MB': get('/v1/jobs?limit=500'),
  'records of 600 KB': () => get(`/v1/jobs/${largeJob}`)(),
  'pages of metrics': get('/metrics'),
  'bodies of 600 KB that are taken': () => postJson(`${server.url}/v1/merges`, largeMerge()),
  'bodies of 600 KB that are refused': () => postJson(`${server.url}/v1/merges`, { ...largeMerge(), unknown: 1 }),
}

async function send(request: () => Promise<Response>, count: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: count }, request))
  for (const answer of answers) await answer.arrayBuffer()
}

test.each(Object.entries(requests))(
  '40 %s at once hold the event loop for less than ten times as long as one',
  async (_, request) => {
    const inTurn = async () => {
      for (let each = 0; each < 10; each += 1) await send(request, 1)
    }
    // What is compiled while it runs for the first time is no cost of a request.
    await inTurn()
    const longestAlone = await server.longestStall(inTurn)
    expect(await server.longestStall(() => send(request, 40))).toBeLessThan(mostTimes * longestAlone)
  },
)
