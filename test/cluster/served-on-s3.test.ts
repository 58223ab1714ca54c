import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DeleteObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { backUpStore } from '../../src/store-tools/back-up-store.ts'
import { uploadInFiles } from '../support/external-client.ts'
import { externalModel } from '../support/external-model.ts'
import { json, postJson, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, type SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { job, until } from '../support/store-client.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes. */
const patience = 240_000

let s3: S3Server
let bucket: string
let data: string
let server: SpawnedServer
let digits: { ids: string[]; val: string; test: string }

const variables = (others: Record<string, string> = {}) => ({
  ...s3.variables,
  TUREEN_CONTENT: `s3://${bucket}/here`,
  ...others,
})
beforeAll(async () => {
  s3 = await startS3()
  bucket = await s3.createBucket()
  data = await servers.data()
  server = await servers.start(data, variables())
  digits = await searchClient(server.url).addDigits()
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

/** Digests of all objects in the bucket. */
async function objects(): Promise<string[]> {
  const found: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3.client }, { Bucket: bucket }))
    for (const { Key = '' } of Contents) found.push(`sha256:${Key.split('/').at(-1)}`)
  return found.sort()
}

const keyOf = (prefix: string, digest: string) => {
  const hex = digest.replace('sha256:', '')
  return `${prefix}/content/sha256/${hex.slice(0, 2)}/${hex}`
}

/** Deletes all copies on the disk of the server: whoever reads one without a lease finds no file. */
const emptyCache = () => rm(join(data, 'cache'), { recursive: true, force: true })

const content = (id: string | undefined) => `${server.url}/v1/models/${id}/content`

test('what was uploaded is in the bucket, and comes from there whole, in ranges and by its ETag', async () => {
  const bytes = await projectFile('examples/digits/ft0.onnx')
  const record = await json<ModelRecord>(await fetch(`${server.url}/v1/models/${digits.ids[0]}`))
  expect(await objects()).toContain(record.sha256)
  for (const prepare of [async () => undefined, emptyCache]) {
    await prepare()
    const whole = await fetch(content(record.id))
    expect(whole.status).toBe(200)
    expect(sha256(new Uint8Array(await whole.arrayBuffer()))).toBe(record.sha256.replace('sha256:', ''))
    const etag = whole.headers.get('etag') ?? ''
    const part = await fetch(content(record.id), { headers: { range: 'bytes=100-199', 'if-range': etag } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe(`bytes 100-199/${bytes.length}`)
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(100, 200))
    expect((await fetch(content(record.id), { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch(content(record.id), { headers: { 'if-match': '"other"' } })).status).toBe(412)
    const head = await fetch(content(record.id), { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(bytes.length))
  }
})

test('with TUREEN_DOWNLOADS=redirect, clients download from the bucket, whole and in ranges', async () => {
  const place = await servers.data()
  const other = await servers.start(
    place,
    variables({ TUREEN_CONTENT: `s3://${bucket}/redirected`, TUREEN_DOWNLOADS: 'redirect' }),
  )
  const bytes = linearModel([7, 8], [9])
  const { id, sha256: digest } = await uploadModel(other.url, bytes, `name=${encodeURIComponent('team/größe')}`)
  const url = `${other.url}/v1/models/${id}/content`
  const answer = await fetch(url, { redirect: 'manual' })
  expect(answer.status).toBe(307)
  for (const name of ['etag', 'repr-digest', 'content-disposition', 'content-type'])
    expect(answer.headers.get(name), name).toBeNull()
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('location')).toContain(`/redirected/content/sha256/`)

  // The name and the bytes that this server would send.
  const whole = await fetch(url)
  expect(whole.url).toContain(s3.variables['AWS_ENDPOINT_URL_S3'])
  expect(Buffer.from(await whole.arrayBuffer())).toEqual(Buffer.from(bytes))
  expect(whole.headers.get('content-disposition')).toContain(`filename*=UTF-8''team_gr%C3%B6%C3%9Fe.onnx`)
  const part = await fetch(url, { headers: { range: 'bytes=3-12' } })
  expect(part.status).toBe(206)
  expect(Buffer.from(await part.arrayBuffer())).toEqual(Buffer.from(bytes).subarray(3, 13))

  const head = await fetch(url, { method: 'HEAD', redirect: 'manual' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)])
  const etag = head.headers.get('etag') ?? ''
  expect((await fetch(url, { headers: { 'if-none-match': etag }, redirect: 'manual' })).status).toBe(304)

  await s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf('redirected', digest) }))
  await readProblem(await fetch(url), 500, 'TUREEN_CONTENT_DAMAGED')
})

test('jobs of every type and other readers lease all that they read: they work with an empty cache', async () => {
  const { ids, val, test } = digits
  const models = ids.slice(0, 3).map(id => ({ id }))
  const selection = { dataset: val, metric: 'accuracy' }
  const run = async (path: string, body: object) => {
    await emptyCache()
    const answer = await json<JobRecord>(await postJson(`${server.url}${path}?wait=60`, body))
    expect(answer, path).toMatchObject({ status: 'succeeded' })
  }
  await run('/v1/merges', { models, name: 'soup' })
  await run('/v1/comparisons', { models })
  await run('/v1/evaluations', { model: ids[0], dataset: test, metrics: ['accuracy'] })
  await run('/v1/searches', { models, strategy: { type: 'exhaustive' }, selection, test: { dataset: test } })
  await run('/v1/searches', { models: models.slice(0, 2), strategy: { type: 'greedy' }, selection, name: 'greedy' })

  const inFiles = await uploadInFiles(server.url, externalModel([1, 2, 3, 4], [5, 6]))
  await emptyCache()
  expect((await fetch(`${content(inFiles)}?external=inline`)).status).toBe(200)
  await emptyCache()
  expect((await fetch(`${server.url}/v1/models/${inFiles}/tensors`)).status).toBe(200)
  const { items } = await json<{ items: unknown[] }>(await fetch(`${server.url}/v1/models?name=soup`))
  expect(items).toHaveLength(1)
})

test('deleted content leaves the bucket; content that another record has stays', async () => {
  const bytes = linearModel([1], [2])
  const one = await uploadModel(server.url, bytes, 'name=one')
  const two = await uploadModel(server.url, bytes, 'name=two')
  for (const [{ id }, isLeft] of [
    [one, true],
    [two, false],
  ] as const) {
    expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await objects()).includes(one.sha256)).toBe(isLeft)
  }
})

test(
  'a kill between the bucket and the record leaves an object, which a sweep removes',
  async () => {
    await stopServer(server)
    const known = await objects()
    server = await servers.start(data, variables())
    const lock = new DatabaseSync(join(data, 'catalog.sqlite'), { timeout: 5000 })
    lock.exec('BEGIN IMMEDIATE')
    const bytes = linearModel([3], [4])
    const orphan = `sha256:${sha256(bytes)}`
    const uploading = uploadModel(server.url, bytes).catch(() => undefined)
    await until('the object is there', async () => (await objects()).includes(orphan))
    await killServer(server)
    await uploading
    lock.close()
    // The time of the object is in full seconds.
    await new Promise(resolve => setTimeout(resolve, 1100))
    server = await servers.start(data, variables({ TUREEN_QUARANTINE_DAYS: '0' }))
    await until('the object is gone', async () => !(await objects()).includes(orphan))
    expect(await objects()).toEqual(known)
  },
  patience,
)

test('while the S3 server is away, uploads and downloads are 503, and a job waits for it without another attempt', async () => {
  await emptyCache()
  const models = digits.ids.slice(0, 2).map(id => ({ id }))
  const evaluation = { model: digits.ids[3], dataset: digits.val, metrics: ['macroF1'] }
  await s3.stop()
  let waiting: JobRecord
  try {
    const upload = await fetch(`${server.url}/v1/models`, { method: 'POST', body: linearModel([5], [6]) })
    expect(Number(upload.headers.get('retry-after'))).toBeGreaterThan(0)
    const { errors } = await readProblem(upload, 503, 'TUREEN_CONTENT_UNAVAILABLE')
    expect(errors).toMatchObject([{ field: 'TUREEN_CONTENT' }])
    await readProblem(await fetch(content(digits.ids[0])), 503, 'TUREEN_CONTENT_UNAVAILABLE')
    await readProblem(await postJson(`${server.url}/v1/merges`, { models }), 503, 'TUREEN_CONTENT_UNAVAILABLE')
    waiting = await json<JobRecord>(await postJson(`${server.url}/v1/evaluations`, evaluation))
    await until('the job has begun', async () => (await job(server.url, waiting.id)).status === 'running')
    await new Promise(resolve => setTimeout(resolve, 2000))
    expect(await job(server.url, waiting.id)).toMatchObject({ status: 'running', attempts: 1 })
  } finally {
    await s3.start()
  }
  await until('the job has ended', async () => (await job(server.url, waiting.id)).status === 'succeeded')
  expect((await fetch(content(digits.ids[0]))).status).toBe(200)
})

test(
  'a data directory whose content is in S3 is not served without it, and one with content of its own not with it',
  async () => {
    await stopServer(server)
    const start = async (place: string, others: Record<string, string>) => {
      const failed = await servers.start(place, others).catch((error: unknown) => String(error))
      return typeof failed === 'string' ? failed : 'it started'
    }
    expect(await start(data, {})).toContain('Set TUREEN_CONTENT as before')
    await expect(backUpStore(data, join(await servers.data(), 'backup'))).rejects.toThrow('is in S3')
    const own = await servers.data()
    const embedded = await servers.start(own)
    await uploadModel(embedded.url, linearModel([1], [2]))
    await stopServer(embedded)
    expect(await start(own, variables())).toContain('Unset TUREEN_CONTENT')
  },
  patience,
)
