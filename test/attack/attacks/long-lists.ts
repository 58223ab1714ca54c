import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { costlyModels } from '../../support/costly-models.ts'
import { npz } from '../../support/npz.ts'
import { linearModel } from '../../support/onnx-model.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'

/** A page ends at 1 MB; its last item may still be a long one. */
const mostPage = 1_100_000
const lists = ['/v1/jobs', '/v1/models', '/v1/datasets']
const page = z.object({
  items: z.array(z.object({ id: z.string(), status: z.string().optional() })),
  nextCursor: z.string().nullable(),
})
const job = z.object({ id: z.string() })

async function readLists(target: Target, { problem, note }: Findings): Promise<void> {
  let longest = 0
  for (const list of lists) {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const text: string = await (await target.fetch(`${list}?limit=500${cursor && `&cursor=${cursor}`}`)).text()
      longest = Math.max(longest, text.length)
      if (text.length > mostPage) problem(`a page of ${list} has ${text.length} bytes`)
      cursor = page.parse(JSON.parse(text)).nextCursor
    }
  }
  // Many at a time, as pages that refresh themselves do.
  await Promise.all(Array.from({ length: 5 }, async () => (await target.fetch('/v1/jobs?limit=500')).arrayBuffer()))
  note(`the longest page has ${longest} bytes`)
}

async function untilIdle(target: Target): Promise<void> {
  const busy = async (status: string) =>
    page.parse(await (await target.fetch(`/v1/jobs?status=${status}&limit=1`)).json()).items.length
  while ((await busy('queued')) + (await busy('running')) > 0) await delay(100)
}

/** Requests that must be taken. */
async function create(
  target: Target,
  path: string,
  request: object,
  { problem }: Findings,
): Promise<string | undefined> {
  const response = await target.post(path, request)
  const text = await response.text()
  if (response.status === 202 || response.status === 200) return job.parse(JSON.parse(text)).id
  problem(`${path} answered ${response.status}: ${text.slice(0, 200)}`)
  return undefined
}

/** A result in full, which has no bound but that it may not hold the loop. */
async function readJob(target: Target, id: string | undefined, { note }: Findings): Promise<void> {
  const text = await (await target.fetch(`/v1/jobs/${id}?wait=60`)).text()
  note(`a job of ${text.length} bytes: ${z.object({ status: z.string() }).parse(JSON.parse(text)).status}`)
}

export const longLists: readonly Attack[] = [
  {
    name: 'lists-of-large-requests',
    does: 'Lists 20 jobs whose requests have 550 KB of gradients, and 70 with as many labels as may be; a page has at most 1 MB.',
    server: 'open',
    async run(target, findings) {
      const models = await Promise.all(
        [1, 2].map(async weight => ({ id: await target.upload(linearModel([weight], [1])) })),
      )
      const gradient = { gradient: Array.from({ length: 55 }, (_, index) => (index + 1) / 57) }
      const rules = Array.from({ length: 250 }, (_, index) => ({
        match: `W${'*'.repeat(index % 190)}`,
        weights: [gradient, gradient],
      }))
      for (let index = 0; index < 20; index += 1)
        await create(target, '/v1/merges', { models, rules, name: `large ${index}` }, findings)
      const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`key-${index}`, 'v'.repeat(250)]))
      for (let index = 0; index < 70; index += 1) await create(target, '/v1/merges', { models, labels }, findings)
      const refused = await target.post('/v1/merges', { models, labels: { ...labels, more: 'v' } })
      if (refused.status !== 400) findings.problem(`65 labels were answered with ${refused.status}`)
      await readLists(target, findings)
      await untilIdle(target)
      await readLists(target, findings)
    },
  },
  {
    name: 'lists-of-large-results',
    does: 'Searches 12 models exhaustively four times, compares models of 20,000 tensors, and reads lists and results; no stall, no page above 1 MB.',
    server: 'open',
    async run(target, findings) {
      const models = await Promise.all(
        Array.from({ length: 12 }, async (_, index) => ({ id: await target.upload(linearModel([index + 1], [1])) })),
      )
      const values = { descr: '<f4', shape: [1, 1], data: Float32Array.of(1) }
      const response = await target.fetch('/v1/datasets', { method: 'POST', body: npz({ x: values, t: values }) })
      const { id: dataset } = job.parse(await response.json())
      const selection = { dataset, metric: 'mse', inputs: { x: 'x' }, target: 't' }
      const search = { models, strategy: { type: 'exhaustive' }, selection }
      const first = await create(target, '/v1/searches?wait=60', search, findings)
      for (let index = 1; index < 4; index += 1) await create(target, '/v1/searches', search, findings)
      const wide = await Promise.all(
        [0, 1].map(async seed => ({
          id: await target.upload(costlyModels['a fan of tensors into one list'](20_000, seed)),
        })),
      )
      const comparison = await create(target, '/v1/comparisons?wait=60', { models: wide }, findings)
      await untilIdle(target)
      await readJob(target, first, findings)
      await readJob(target, comparison, findings)
      await readLists(target, findings)
    },
  },
]
