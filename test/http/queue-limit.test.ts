import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_JOBS: '1', TUREEN_MAX_QUEUED_JOBS: '1' })
})
afterAll(() => app.close())

test('beyond TUREEN_MAX_QUEUED_JOBS, a job is 429 and is not created; TUREEN_JOBS run at a time', async () => {
  const { id } = await uploadModel(app.url, await projectFile('examples/digits/ft0.onnx'))
  const { job } = await startLongMerge(app.url)
  await untilStatus(app.url, job.id, 'running')
  const another = () => postJson(`${app.url}/v1/merges`, { models: [{ id }] })
  const queued = await another()
  const { id: waiting, status } = await json<JobRecord>(queued)
  expect({ code: queued.status, status }).toEqual({ code: 202, status: 'queued' })
  const refused = await another()
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  await readProblem(refused, 429, 'TUREEN_QUEUE_FULL')
  const { items } = await json<{ items: { id: string }[] }>(await fetch(`${app.url}/v1/jobs`))
  expect(items.map(each => each.id)).toEqual([waiting, job.id])
  await cancelJob(app.url, job.id)
  await untilStatus(app.url, waiting, 'succeeded')
  expect((await another()).status).toBe(202)
})

test('as many searches may wait for scores from outside, which take no place in the queue', async () => {
  const models: string[] = []
  for (const index of [0, 1])
    models.push((await uploadModel(app.url, await projectFile(`examples/digits/ft${index}.onnx`))).id)
  const search = () =>
    postJson(`${app.url}/v1/searches`, {
      models: models.map(id => ({ id })),
      strategy: { type: 'greedy' },
      selection: { external: { name: 'judge', version: '1' }, direction: 'max' },
    })
  const { id } = await json<JobRecord>(await search())
  await untilStatus(app.url, id, 'waiting')
  const { detail } = await readProblem(await search(), 429, 'TUREEN_QUEUE_FULL')
  expect(detail).toContain('wait for scores from outside')
  const merged = await json<JobRecord>(await postJson(`${app.url}/v1/merges?wait=30`, { models: [{ id: models[0] }] }))
  expect(merged.status).toBe('succeeded')
  await cancelJob(app.url, id)
  expect((await search()).status).toBe(202)
})
