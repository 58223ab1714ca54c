import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { modelDigest } from '../../src/models/model-digest.ts'
import { batchNormModel, randomLayers } from '../support/batch-norm-model.ts'
import { bigModel } from '../support/big-model.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { uploadInFiles } from '../support/external-client.ts'
import { externalModel } from '../support/external-model.ts'
import { type Candidate, externalScorer } from '../support/external-scorer.ts'
import {
  expectNothingIncoming,
  filesIn,
  initializerDigests,
  json,
  readProblem,
  removeContent,
  uploadModel,
} from '../support/http-client.ts'
import { cancelJob } from '../support/long-merge.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/** The bytes of candidates, which the server makes when a scorer asks for them. */
let app: Awaited<ReturnType<typeof startApp>>
let scorer: ReturnType<typeof externalScorer>
beforeAll(async () => {
  app = await startApp()
  scorer = externalScorer(app.url)
})
afterAll(() => app.close())

let versions = 0
/** Starts a search by a scorer of its own, so that no score is known. */
function start(models: readonly string[], more: object = {}): Promise<string> {
  versions += 1
  return scorer.start(models, {
    selection: { external: { name: 'tests', version: `${versions}` }, direction: 'max' },
    ...more,
  })
}

const linear = async (...factors: number[]) =>
  Promise.all(factors.map(async factor => (await uploadModel(app.url, linearModel([factor, 1, 2, 3], [0, 1]))).id))

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

async function leases(): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text()
  return Number(/^tureen_content_leases (\d+)$/m.exec(text)?.[1])
}

afterEach(() => until('all leases of content are released', async () => (await leases()) === 0))

/**
 * Downloads all candidates of a search, and lets one of them win.
 * @returns the bytes of that candidate, and those of the model that the search stored
 */
async function winning(job: string, wins: (candidate: Candidate) => boolean, query = '') {
  let candidate: Uint8Array | undefined
  const ended = await scorer.scoreAll(job, async each => {
    const bytes = await scorer.content(each.content)
    const isWinner = wins(each)
    if (isWinner) candidate = bytes
    return { score: isWinner ? 1 : 0 }
  })
  expect(ended.error).toBeUndefined()
  const { id } = ended.result?.model ?? {}
  return { candidate, stored: await scorer.content(`/v1/models/${id}/content${query}`), id, recipe: ended }
}

const isWhole = ({ models }: Candidate) => models.length === 2
const isSecond = ({ models, weights }: Candidate, second?: string) =>
  models.length === 1 && weights.length === 1 && models[0] === second

describe('the content of a candidate is the model that the search stores', () => {
  test.each<[string, object]>([
    ['a mean', {}],
    ['of another method', { method: 'slerp', parameters: { t: 0.25 } }],
    ['of another type', { outputDtype: 'float16' }],
    ['of another type, larger', { outputDtype: 'float64' }],
  ])('%s', async (_, more) => {
    const job = await start(await linear(1, 2), more)
    const { candidate, stored } = await winning(job, isWhole)
    expect(candidate).toEqual(stored)
  })

  test('a single model as it is', async () => {
    const [first = '', second = ''] = await linear(3, 4)
    const job = await start([first, second])
    const { candidate, stored, id } = await winning(job, each => isSecond(each, second))
    expect(id).toBe(second)
    expect(candidate).toEqual(stored)
    expect(candidate).toEqual(new Uint8Array(linearModel([4, 1, 2, 3], [0, 1])))
  })

  test('a single model in another type', async () => {
    const [first = '', second = ''] = await linear(3, 4)
    const job = await start([first, second], { outputDtype: 'float16' })
    const { candidate, stored, id } = await winning(job, each => isSecond(each, second))
    expect(id).not.toBe(second)
    expect(candidate).toEqual(stored)
  })

  test('with measured batch norms', async () => {
    const x = { descr: '<f4', shape: [8, 3], data: Float32Array.from({ length: 24 }, (_, at) => Math.sin(at)) }
    const { id: dataset } = await searchClient(app.url).addDataset(npz({ x }))
    const models: string[] = []
    for (const seed of [1, 2]) models.push((await uploadModel(app.url, batchNormModel(randomLayers(2, seed)))).id)
    const job = await start(models, { recalibrate: { dataset } })
    const { candidate, stored } = await winning(job, isWhole)
    expect(candidate).toEqual(stored)
    // A single model keeps its own statistics.
    const other = await start(models, { recalibrate: { dataset } })
    const single = await winning(other, each => isSecond(each, models[1]))
    expect(single.candidate).toEqual(new Uint8Array(batchNormModel(randomLayers(2, 2))))
  })

  test('with external data in one file, a new model and a single one', async () => {
    const models: string[] = []
    for (const factor of [1, 2])
      models.push(await uploadInFiles(app.url, externalModel([factor, 2, 3, 4], [5, factor])))
    const { candidate, stored, id } = await winning(await start(models), isWhole, '?external=inline')
    expect(candidate).toEqual(stored)
    expect(Object.keys(initializerDigests(candidate ?? new Uint8Array()))).toEqual(['W', 'b'])
    const { files } = await json<{ files: unknown[] }>(await fetch(`${app.url}/v1/models/${id}`))
    expect(files).toHaveLength(3)
    const single = await winning(await start(models), each => isSecond(each, models[1]), '?external=inline')
    expect(single.id).toBe(models[1])
    expect(single.candidate).toEqual(single.stored)
  })

  test('with external data and measured batch norms in one file', async () => {
    const x = { descr: '<f4', shape: [8, 3], data: Float32Array.from({ length: 24 }, (_, at) => Math.cos(at)) }
    const { id: dataset } = await searchClient(app.url).addDataset(npz({ x }))
    const inFiles = (seed: number) => {
      const data: Record<string, Uint8Array<ArrayBuffer>> = {}
      const main = batchNormModel(randomLayers(2, seed), ({ graph }) => {
        for (const tensor of graph.initializer ?? []) {
          if (tensor.name !== 'weight0' && tensor.name !== 'mean1') continue
          data[`${tensor.name}.bin`] = new Uint8Array(tensor.rawData ?? [])
          tensor.rawData = null
          tensor.dataLocation = 1
          tensor.externalData = [{ key: 'location', value: `${tensor.name}.bin` }]
        }
      })
      return { main, data }
    }
    const models: string[] = []
    for (const seed of [3, 4]) models.push(await uploadInFiles(app.url, inFiles(seed)))
    const { candidate, stored } = await winning(
      await start(models, { recalibrate: { dataset } }),
      isWhole,
      '?external=inline',
    )
    expect(candidate).toEqual(stored)
  })

  test('and its recipe, sent to /v1/merges, makes the same bytes', async () => {
    const job = await start(await linear(5, 6))
    const { candidates } = await scorer.lease(job, { count: 100 })
    for (const { recipe, content } of candidates) {
      const merged = await scorer.ask('POST', '/v1/merges?wait=30', recipe)
      const { result } = await json<{ result: { model: { id: string } } }>(merged)
      expect(await scorer.content(`/v1/models/${result.model.id}/content`)).toEqual(await scorer.content(content))
    }
    await cancelJob(app.url, job)
  })
})

describe('external data that protobuf cannot hold', () => {
  test('is beside the model file, of a new model and a single one', async () => {
    const models: string[] = []
    for (const factor of [7, 8])
      models.push(await uploadInFiles(app.url, externalModel([factor, 2, 3, 4], [5, factor])))
    // The record says 3 GB, which nobody wants to upload here.
    for (const id of models) {
      const { files } = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${id}`))
      const lying = files.map(file => (file.location === 'weights/W.bin' ? { ...file, bytes: 3_000_000_000 } : file))
      const bytes = `update model_files set bytes = 3000000000 where location = 'weights/W.bin' and model_id = ?`
      expect(await changeCatalog(app, bytes, [id])).toBe(1)
      const digest = 'update models set sha256 = ? where id = ?'
      expect(await changeCatalog(app, digest, [modelDigest(lying), id])).toBe(1)
    }
    const job = await start(models)
    const { candidates } = await scorer.lease(job, { count: 100 })
    const whole = candidates.find(isWhole)
    const single = candidates.find(each => isSecond(each, models[1]))
    const locations = ['b.bin', 'weights/W.bin']
    for (const each of [whole, single]) expect(each?.data.map(({ location }) => location)).toEqual(locations)
    const contentAt = async (candidate: Candidate | undefined, wanted: string) => {
      const path = candidate?.data.find(({ location }) => location === wanted)?.content ?? candidate?.content
      return scorer.content(path ?? '')
    }
    const { main, data } = externalModel([8, 2, 3, 4], [5, 8])
    expect(await contentAt(single, '')).toEqual(main)
    expect(await contentAt(single, 'b.bin')).toEqual(data['b.bin'])
    expect(new Float32Array((await contentAt(whole, 'b.bin')).buffer)).toEqual(Float32Array.of(5, 7.5))
    expect(new Float32Array((await contentAt(whole, 'weights/W.bin')).buffer)).toEqual(Float32Array.of(7.5, 2, 3, 4))
    expect(await contentAt(whole, '')).not.toEqual(main)
    const nowhere = await scorer.ask('GET', `${whole?.content.replace(/content$/, 'data/none.bin')}`)
    await readProblem(nowhere, 404, 'TUREEN_NOT_FOUND')
    await cancelJob(app.url, job)
  })

  test('is nowhere else', async () => {
    const job = await start(await linear(1, 9))
    const [candidate] = (await scorer.lease(job)).candidates
    const answer = await scorer.ask('GET', `/v1/jobs/${job}/candidates/${candidate?.id}/data/W.bin`)
    await readProblem(answer, 404, 'TUREEN_NOT_FOUND')
    await cancelJob(app.url, job)
  })
})

describe('a download of a candidate', () => {
  let job: string
  let whole: Candidate
  beforeAll(async () => {
    const models: string[] = []
    for (const change of [0, 1]) {
      const bytes = bigModel(1 << 20)
      new Float32Array(bytes.buffer, bytes.byteOffset + (1 << 12) - (bytes.byteOffset % 4), 1)[0] = change
      models.push((await uploadModel(app.url, bytes)).id)
    }
    job = await start(models)
    const found = (await scorer.lease(job, { count: 100 })).candidates.find(isWhole)
    if (!found) throw new Error('the search has no candidate of both models')
    whole = found
  })

  test('tells its digest and length to HEAD, and has them', async () => {
    const head = await scorer.ask('HEAD', whole.content)
    expect(head.status).toBe(200)
    const bytes = await scorer.content(whole.content)
    expect(head.headers.get('content-length')).toBe(String(bytes.byteLength))
    expect(head.headers.get('repr-digest')).toBe(`sha-256=:${digestOf(bytes)}:`)
    expect(head.headers.get('accept-ranges')).toBe('bytes')
    expect(head.headers.get('content-disposition')).toContain(`${whole.id}.onnx`)
  })

  test('comes in ranges, goes on after a cut, and is 304 for who has it', async () => {
    const bytes = await scorer.content(whole.content)
    const tag = (await scorer.ask('HEAD', whole.content)).headers.get('etag') ?? ''
    const range = await scorer.ask('GET', whole.content, undefined, { range: 'bytes=1000-1999', 'if-range': tag })
    expect(range.status).toBe(206)
    expect(range.headers.get('content-range')).toBe(`bytes 1000-1999/${bytes.byteLength}`)
    expect(new Uint8Array(await range.arrayBuffer())).toEqual(bytes.slice(1000, 2000))
    const rest = await scorer.ask('GET', whole.content, undefined, { range: `bytes=${bytes.byteLength - 5}-` })
    expect(new Uint8Array(await rest.arrayBuffer())).toEqual(bytes.slice(-5))
    expect((await scorer.ask('GET', whole.content, undefined, { 'if-none-match': tag })).status).toBe(304)
    const beyond = await scorer.ask('GET', whole.content, undefined, { range: `bytes=${bytes.byteLength}-` })
    await readProblem(beyond, 416, 'TUREEN_RANGE_NOT_SATISFIABLE')
    const other = await scorer.ask('GET', whole.content, undefined, { 'if-match': '"other"' })
    await readProblem(other, 412, 'TUREEN_PRECONDITION_FAILED')
  })

  test('by many at once is made once', async () => {
    const mergedBytes = async () => {
      const text = await (await fetch(`${app.url}/metrics`)).text()
      return Number(/^tureen_merge_written_bytes_total (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
    }
    const [, second] = await linear(1, 2)
    const other = await start([second ?? '', ...(await linear(11))])
    const found = (await scorer.lease(other, { count: 100 })).candidates.find(isWhole)
    const before = await mergedBytes()
    const all = await Promise.all(Array.from({ length: 8 }, () => scorer.content(found?.content ?? '')))
    expect(new Set(all.map(digestOf)).size).toBe(1)
    const after = await mergedBytes()
    expect(after - before).toBe(all[0]?.byteLength)
    await cancelJob(app.url, other)
  })

  test('that is cut off leaves nothing behind but the file, which goes with the job', async () => {
    const gone = new AbortController()
    const response = await fetch(`${app.url}${whole.content}`, { signal: gone.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    gone.abort()
    await reader?.closed.catch(() => undefined)
    expect(await filesIn(app.data, 'incoming')).not.toEqual([])
    await cancelJob(app.url, job)
    await expectNothingIncoming(app.data)
    await readProblem(await scorer.ask('GET', whole.content), 409, 'TUREEN_JOB_FINISHED')
  })
})

describe('a candidate that cannot be made', () => {
  test('because a model is damaged or gone names the model', async () => {
    const [first = '', second = ''] = await linear(21, 22)
    const { sha256 } = await json<{ sha256: string }>(await fetch(`${app.url}/v1/models/${second}`))
    const job = await start([first, second])
    const { candidates } = await scorer.lease(job, { count: 100 })
    await removeContent(app.data, sha256)
    for (const each of candidates.filter(({ models }) => models.includes(second))) {
      const { errors } = await readProblem(await scorer.ask('GET', each.content), 500, 'TUREEN_CONTENT_DAMAGED')
      // A server with its content on S3 reads the file of a single model only while it sends it.
      if (isWhole(each)) expect(errors[0]?.model).toBe(second)
    }
    expect(candidates.some(({ models }) => !models.includes(second))).toBe(true)
    await cancelJob(app.url, job)
    await expectNothingIncoming(app.data)
  })

  test('because the store is full says so, and others go on', async () => {
    const full = await startApp({ TUREEN_MAX_STORE_BYTES: '10000000' })
    try {
      const client = externalScorer(full.url)
      const ids: string[] = []
      for (const last of [1, 2]) {
        const bytes = bigModel(1 << 20)
        bytes[bytes.byteLength - 1] = last
        ids.push((await uploadModel(full.url, bytes)).id)
      }
      const job = await client.start(ids)
      const whole = (await client.lease(job, { count: 100 })).candidates.find(isWhole)
      await readProblem(await client.ask('GET', whole?.content ?? ''), 507, 'TUREEN_STORE_FULL')
      const single = (await client.candidates(job)).find(({ models }) => models.length === 1)
      // A body that nobody reads would hold the server open until it counts as stalled.
      expect((await client.content(single?.content ?? '')).byteLength).toBeGreaterThan(1 << 20)
      await expectNothingIncoming(full.data)
    } finally {
      await full.close()
    }
  })

  test('before the server closes leaves no file', async () => {
    const other = await startApp()
    const client = externalScorer(other.url)
    const ids: string[] = []
    for (const factor of [1, 2]) ids.push((await uploadModel(other.url, linearModel([factor], [0]))).id)
    const job = await client.start(ids)
    const whole = (await client.lease(job, { count: 100 })).candidates.find(isWhole)
    await client.content(whole?.content ?? '')
    expect(await filesIn(other.data, 'incoming')).toHaveLength(1)
    await other.close()
  })
})
