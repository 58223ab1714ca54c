import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ExportResult } from '../../schemas/export.ts'
import type { JobRecord } from '../../schemas/job.ts'
import { exportedNet, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import { digits, json, postJson, uploadModel } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let models: { id: string }[]
let dataset: string
let exported: { model: string; checkpoint: string }
let made: string
beforeAll(async () => {
  app = await startApp()
  models = []
  for (const path of digits(0, 1, 2)) models.push({ id: (await uploadModel(app.url, await projectFile(path))).id })
  const uploaded = await fetch(`${app.url}/v1/datasets`, {
    method: 'POST',
    body: await projectFile('examples/digits/val.npz'),
  })
  dataset = (await json<{ id: string }>(uploaded)).id
  exported = {
    model: (await uploadModel(app.url, exportedNet(trainedNet(1)))).id,
    checkpoint: (await uploadModel(app.url, safetensorsOf(trainedNet(1)))).id,
  }
  const job = await json<{ result: ExportResult }>(await postJson(`${app.url}/v1/exports?wait=60`, exported))
  made = job.result.export.id
})
afterAll(() => app.close())

const selection = () => ({ dataset, metric: 'accuracy' })
const jobs: [name: string, path: string | (() => string), body: () => object][] = [
  ['a merge', 'merges', () => ({ models })],
  ['a merge of one model', 'merges', () => ({ models: models.slice(0, 1) })],
  ['a comparison', 'comparisons', () => ({ models })],
  ['an evaluation', 'evaluations', () => ({ model: models[0]?.id, dataset })],
  ['an evaluation whose scores are known', 'evaluations', () => ({ model: models[0]?.id, dataset })],
  ['an export', 'exports', () => exported],
  ['a conversion', () => `exports/${made}/models`, () => ({ checkpoint: exported.checkpoint })],
  ['a search', 'searches', () => ({ models, strategy: { type: 'greedy' }, selection: selection() })],
  [
    'a search that its budget ends',
    'searches',
    () => ({ models, strategy: { type: 'exhaustive' }, selection: selection(), budget: { evaluations: 3 } }),
  ],
  [
    'a search whose scores are known',
    'searches',
    () => ({ models, strategy: { type: 'greedy' }, selection: selection() }),
  ],
]

test.each(jobs)('%s that has succeeded shows finished progress in every place', async (_, path, body) => {
  const address = typeof path === 'string' ? path : path()
  const waited = await json<JobRecord>(await postJson(`${app.url}/v1/${address}?wait=60`, body()))
  expect(waited.status).toBe('succeeded')
  const read = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${waited.id}`))
  const events = await (await fetch(`${app.url}/v1/jobs/${waited.id}/events`)).text()
  const last = events.trimEnd().split('\n\n').at(-1) ?? ''
  expect(last).toContain('event: done')
  const told: JobRecord = JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? '')
  for (const { progress } of [waited, read, told]) {
    expect(progress?.total).toBeGreaterThan(0)
    expect(progress).toMatchObject({ done: progress?.total, message: expect.stringMatching(/\S/) })
  }
  if (waited.type === 'search') expect(waited.progress?.total).toBe(waited.result?.candidates.length)
})

test.each([
  ['merges', () => ({ models }), { done: 5, total: 9, message: 'bytes written' }, { done: 9, total: 9 }],
  ['merges', () => ({ models }), null, { done: 1, total: 1, message: 'finished' }],
  [
    'searches',
    () => ({ models, strategy: { type: 'exhaustive' }, selection: selection(), budget: { evaluations: 3 } }),
    { done: 2, total: 7, message: 'candidate 2 of 7' },
    { done: 3, total: 3 },
  ],
])('a job of an earlier version, whose row stayed unfinished, shows it in %s, too', async (path, body, kept, shown) => {
  const { id } = await json<JobRecord>(await postJson(`${app.url}/v1/${path}?wait=60`, body()))
  const catalog = new DatabaseSync(join(app.data, 'catalog.sqlite'), { timeout: 5000 })
  const progress = kept && JSON.stringify(kept)
  expect(catalog.prepare('update jobs set progress = ? where id = ?').run(progress, id).changes).toBe(1)
  catalog.close()
  const read = await json<JobRecord>(await fetch(`${app.url}/v1/jobs/${id}`))
  expect(read.progress).toMatchObject(shown)
})
