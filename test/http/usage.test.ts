import { statfs } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Usage } from '../../schemas/service.ts'
import { isolationLevels } from '../../src/evaluate/isolation/choose-isolation.ts'
import { isClustered } from '../support/clustered.ts'
import { json, merge, postJson, removeContent, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_UPLOAD_BYTES: '123456789', TUREEN_JOB_TTL: '777' })
})
afterAll(() => app.close())

const usage = async () => json<Usage>(await fetch(`${app.url}/v1/usage`))

test('an empty store holds nothing', async () => {
  const { models, datasets, jobs, content, scores } = await usage()
  expect(models).toEqual({ records: 0, bytes: 0 })
  expect(datasets).toEqual({ records: 0, bytes: 0 })
  expect(content).toEqual({ files: 0, bytes: 0 })
  expect(scores).toEqual({ records: 0 })
  expect(jobs).toEqual({ queued: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 })
})

test('the isolation of models that run is shown as the start logged it', async () => {
  const logs: string[] = []
  const logging = await startApp({ TUREEN_LOG_LEVEL: 'info' }, undefined, logs)
  const { isolation } = await json<Usage>(await fetch(`${logging.url}/v1/usage`))
  await logging.close()
  const logged = logs.map(line => JSON.parse(line)).filter(line => 'isolation' in line)
  expect(logged.map(line => line.isolation)).toEqual([isolation])
  expect(isolationLevels).toContain(isolation.level)
})

test('records count each, their content once, and it is given back', async () => {
  const bytes = linearModel([1, 2], [3, 4])
  const npz = await projectFile('examples/digits/val.npz')
  const { id } = await uploadModel(app.url, bytes, 'name=a')
  const copy = await uploadModel(app.url, bytes, 'name=b')
  await fetch(`${app.url}/v1/datasets`, { method: 'POST', body: npz })
  expect(await usage()).toMatchObject({
    models: { records: 2, bytes: 2 * bytes.byteLength },
    datasets: { records: 1, bytes: npz.byteLength },
    content: { files: 2, bytes: bytes.byteLength + npz.byteLength },
  })
  for (const model of [id, copy.id]) await fetch(`${app.url}/v1/models/${model}`, { method: 'DELETE' })
  expect(await usage()).toMatchObject({
    models: { records: 0, bytes: 0 },
    content: { files: 1, bytes: npz.byteLength },
  })
})

test('jobs are counted by their state', async () => {
  const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
  await merge(app.url, { models: [{ id }] })
  const { job } = await startLongMerge(app.url)
  await untilStatus(app.url, job.id, 'running')
  expect((await usage()).jobs).toEqual({ queued: 0, running: 1, waiting: 0, succeeded: 1, failed: 0, cancelled: 0 })
  await cancelJob(app.url, job.id)
  await postJson(`${app.url}/v1/merges`, { models: [{ id: 'none' }] })
  expect((await usage()).jobs).toEqual({ queued: 0, running: 0, waiting: 0, succeeded: 1, failed: 0, cancelled: 1 })
})

test('the disk is that of the data directory, and the limits are those that were set', async () => {
  const { disk, limits } = await usage()
  const { blocks, bsize } = await statfs(app.data)
  expect(disk?.totalBytes).toBe(blocks * bsize)
  expect(disk?.freeBytes).toBeGreaterThan(0)
  expect(disk?.freeBytes).toBeLessThanOrEqual(blocks * bsize)
  expect(limits).toMatchObject({ uploadBytes: 123_456_789, jobTtl: 777, idempotencySeconds: 86_400 })
})

// Objects in S3 are counted in the catalog: a count in the bucket would take a request for each 1,000 of them.
test.skipIf(isClustered())('files are counted on the disk, and not in the catalog', async () => {
  const { id, sha256 } = await uploadModel(app.url, linearModel([5, 6], [7, 8]))
  const before = (await usage()).content?.files ?? 0
  await removeContent(app.data, sha256)
  expect((await usage()).content?.files).toBe(before - 1)
  await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
})
