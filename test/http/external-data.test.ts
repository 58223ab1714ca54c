import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeJob } from '../../schemas/job.ts'
import { type ModelRecord, model as modelSchema } from '../../schemas/model.ts'
import { digestOfFiles, externalModel, type ModelInFiles, modelForm } from '../support/external-model.ts'
import {
  expectNothingIncoming,
  filesIn,
  initializerDigests,
  postJson,
  readProblem,
  sha256,
  uploadModel,
} from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const float32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

async function uploadAll(model: ModelInFiles, name = 'external'): Promise<ModelRecord> {
  const response = await fetch(`${app.url}/v1/models?name=${name}`, { method: 'POST', body: modelForm(model) })
  const body = await response.text()
  if (!response.ok) throw new Error(body)
  return modelSchema.parse(JSON.parse(body))
}

function put(id: string, location: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(`${app.url}/v1/models/${id}/data/${location}`, { method: 'PUT', body: bytes })
}

async function bytesAt(path: string): Promise<Uint8Array> {
  const response = await fetch(`${app.url}${path}`)
  expect(response.status, path).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

async function merge(body: object) {
  const job = mergeJob.parse(await (await postJson(`${app.url}/v1/merges?wait=30`, body)).json())
  if (!job.result) throw new Error(JSON.stringify(job.error))
  return job.result
}

const a = externalModel([1, 2, 3, 4], [10, 20])
const b = externalModel([3, 4, 5, 6], [30, 40])

describe('a model whose weights are in other files', () => {
  test('is uploaded in one form, directories kept, and goes by the digest of all files', async () => {
    const record = await uploadAll(a)
    expect(record).toMatchObject({ status: 'complete', missing: [], sha256: digestOfFiles(a) })
    expect(record.bytes).toBe(a.main.byteLength + 16 + 8)
    expect(record.files.map(({ location }) => location)).toEqual(['', 'b.bin', 'weights/W.bin'])
    expect(await bytesAt(`/v1/models/${record.id}/content`)).toEqual(a.main)
    expect(await bytesAt(`/v1/models/${record.id}/data/weights/W.bin`)).toEqual(a.data['weights/W.bin'])
    const again = await fetch(`${app.url}/v1/models?name=external`, { method: 'POST', body: modelForm(a) })
    expect(again.status).toBe(200)
    expect(modelSchema.parse(await again.json()).id).toBe(record.id)
  })

  test('is completed file by file, in any order, by the location that it gives', async () => {
    const { id, status, missing } = await uploadModel(app.url, a.main, 'name=stepwise')
    expect({ status, missing }).toEqual({ status: 'incomplete', missing: ['b.bin', 'weights/W.bin'] })
    await readProblem(await postJson(`${app.url}/v1/merges`, { models: [{ id }] }), 409, 'TUREEN_MODEL_INCOMPLETE')
    const first = modelSchema.parse(
      await (await put(id, 'weights%2FW.bin', a.data['weights/W.bin'] ?? float32())).json(),
    )
    expect(first).toMatchObject({ status: 'incomplete', missing: ['b.bin'], sha256: `sha256:${sha256(a.main)}` })
    const last = modelSchema.parse(await (await put(id, 'b.bin', a.data['b.bin'] ?? float32())).json())
    expect(last).toMatchObject({ id, status: 'complete', sha256: digestOfFiles(a) })
    expect((await put(id, 'b.bin', a.data['b.bin'] ?? float32())).status).toBe(200)
    await readProblem(await put(id, 'b.bin', float32(1, 1)), 409, 'TUREEN_MODEL_COMPLETE')
    expect(await bytesAt(`/v1/models/${id}/data/b.bin`)).toEqual(a.data['b.bin'])
  })

  test('takes another file in the place of a wrong one until it is complete, and forgets that', async () => {
    const { id } = await uploadModel(app.url, a.main, 'name=replaced')
    const wrong = float32(7, 7)
    expect((await put(id, 'b.bin', wrong)).status).toBe(200)
    expect(await filesIn(app.data, 'content')).toContain(sha256(wrong))
    expect((await put(id, 'b.bin', a.data['b.bin'] ?? float32())).status).toBe(200)
    expect(await filesIn(app.data, 'content')).not.toContain(sha256(wrong))
  })

  test('refuses what does not belong to it, and keeps nothing of that', async () => {
    const { id } = await uploadModel(app.url, a.main, 'name=refusing')
    const before = await filesIn(app.data, 'content')
    const { errors } = await readProblem(await put(id, 'c.bin', float32(1, 2)), 404, 'TUREEN_NOT_FOUND')
    expect(errors[0]?.location).toBe('c.bin')
    const short = await readProblem(await put(id, 'b.bin', float32(1)), 400, 'TUREEN_MODEL_MALFORMED')
    expect(short.errors[0]).toMatchObject({ tensor: 'b' })
    const form = modelForm({ ...a, data: { ...a.data, 'c.bin': float32(1) } })
    await readProblem(await fetch(`${app.url}/v1/models`, { method: 'POST', body: form }), 404, 'TUREEN_NOT_FOUND')
    expect(await filesIn(app.data, 'content')).toEqual(before)
    await expectNothingIncoming(app.data)
  })

  test('keeps its locations as keys, wherever they point', async () => {
    for (const location of ['../../catalog.sqlite', '/etc/passwd', 'C:\\windows\\win.ini', '__proto__']) {
      const places = { W: { location }, b: { location: 'b.bin' } }
      const model = externalModel([1, 2, 3, 4], [5, 6], places)
      const data = new Map(Object.entries(model.data))
      const { id, missing } = await uploadModel(app.url, model.main)
      expect(missing).toContain(location)
      for (const [key, bytes] of data) expect((await put(id, encodeURIComponent(key), bytes)).status, key).toBe(200)
      const soup = await merge({ models: [{ id }], provenance: false })
      expect(await bytesAt(`/v1/models/${soup.model.id}/data/${encodeURIComponent(location)}`)).toEqual(
        float32(1, 2, 3, 4),
      )
    }
  })

  test('goes as a whole', async () => {
    const model = externalModel([9, 8, 7, 6], [5, 4])
    const { id, files } = await uploadAll(model, 'deleted')
    expect(await filesIn(app.data, 'content')).toEqual(expect.arrayContaining(files.map(file => file.sha256.slice(7))))
    expect((await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
    // Its own file is also that of other models, with other weights beside it.
    for (const file of files.slice(1)) expect(await filesIn(app.data, 'content')).not.toContain(file.sha256.slice(7))
  })
})

describe('its soups', () => {
  test('keep the form of the base: only the merged bytes differ', async () => {
    const [first, second] = [await uploadAll(a, 'a'), await uploadAll(b, 'b')]
    const models = [{ id: first.id }, { id: second.id, weight: 3 }]
    const { model, report } = await merge({ models, provenance: false })
    expect(report).toMatchObject({ tensors: { averaged: 2, copied: 0, nonFloat: 0 }, nonFinite: 0 })
    const soup = externalModel([2.5, 3.5, 4.5, 5.5], [25, 35])
    expect(model.sha256).toBe(digestOfFiles(soup))
    expect(await bytesAt(`/v1/models/${model.id}/content`)).toEqual(soup.main)
    for (const [location, bytes] of Object.entries(soup.data))
      expect(await bytesAt(`/v1/models/${model.id}/data/${location}`)).toEqual(bytes)
  })

  test('with itself are that model, what lies between the tensors included', async () => {
    const places = { W: { location: 'w', offset: 8, length: 16 }, b: { location: 'w', offset: 40, length: 8 } }
    const model = externalModel([1, 2, 3, 4], [5, 6], places)
    const padded = { ...model, data: { w: Uint8Array.from([...(model.data['w'] ?? []), 1, 2, 3]) } }
    padded.data.w.fill(0xaa, 24, 40)
    const { id, sha256 } = await uploadAll(padded, 'padded')
    const { model: itself } = await merge({ models: [{ id }, { id }], provenance: false })
    expect(itself.sha256).toBe(sha256)
  })

  test('with an inline model of the same architecture take the form of either', async () => {
    const inline = linearModel([3, 4, 5, 6], [30, 40])
    const [external, plain] = [await uploadAll(a, 'a'), await uploadModel(app.url, inline)]
    const models = [{ id: external.id }, { id: plain.id }]
    const asExternal = await merge({ models, provenance: false })
    const soup = externalModel([2, 3, 4, 5], [20, 30])
    expect(asExternal.model.sha256).toBe(digestOfFiles(soup))
    const asInline = await merge({ models, base: plain.id, provenance: false })
    expect(await bytesAt(`/v1/models/${asInline.model.id}/content`)).toEqual(linearModel([2, 3, 4, 5], [20, 30]))
  })

  test('in one shot are one file, like the download of a model with external=inline', async () => {
    const form = modelForm(b, modelForm(a))
    form.append('recipe', JSON.stringify({ provenance: false }))
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    expect(response.status).toBe(200)
    const expected = initializerDigests(linearModel([2, 3, 4, 5], [20, 30]))
    const soup = new Uint8Array(await response.arrayBuffer())
    expect(initializerDigests(soup)).toEqual(expected)
    const { id } = await uploadAll(externalModel([2, 3, 4, 5], [20, 30]), 'inlined')
    expect(await bytesAt(`/v1/models/${id}/content?external=inline`)).toEqual(soup)
    await expectNothingIncoming(app.data)
  })

  test('of tensors that share their bytes in one model and not in the other are refused', async () => {
    const bytes = { W: { location: 'w', offset: 0 }, b: { location: 'w', offset: 0 } }
    const tied = externalModel([5, 6, 7, 8], [5, 6], bytes)
    const [shared, apart] = [await uploadAll(tied, 'tied'), await uploadAll(b, 'b')]
    const models = [{ id: shared.id }, { id: apart.id }]
    const response = await postJson(`${app.url}/v1/merges`, { models })
    await readProblem(response, 422, 'TUREEN_MODEL_UNSUPPORTED')
    const other = await merge({ models, base: apart.id, provenance: false })
    expect(other.model.sha256).toBe(digestOfFiles(externalModel([4, 5, 6, 7], [17.5, 23])))
  })
})

test.each(['./w', 'd/../w', '/etc/passwd', '../../w'])(
  'onnxruntime runs it from memory, wherever it points: %s',
  async location => {
    const client = searchClient(app.url)
    const model = await uploadAll(externalModel([1, 2, 3, 4], [10, 20], { W: { location }, b: { location: 'b' } }))
    const { id: dataset } = await client.addDataset(
      npz({
        x: { descr: '<f4', shape: [1, 2], data: Float32Array.of(1, 1) },
        target: { descr: '<f4', shape: [1, 2], data: Float32Array.of(14, 26) },
      }),
    )
    const scoring = { inputs: { x: 'x' }, target: 'target', metrics: ['mae'] }
    const { result, error } = await client.evaluate({ model: model.id, dataset, ...scoring })
    expect(result?.metrics, JSON.stringify(error)).toEqual({ mae: 0 })
  },
)

test('onnxruntime runs it, and searches average it', async () => {
  const client = searchClient(app.url)
  const [first, second] = [await uploadAll(a, 'a'), await uploadAll(b, 'b')]
  const { id: dataset } = await client.addDataset(
    npz({
      x: { descr: '<f4', shape: [3, 2], data: Float32Array.of(1, 0, 0, 1, 1, 1) },
      // What the mean of the two answers: x [[2, 3], [4, 5]] + [20, 30].
      target: { descr: '<f4', shape: [3, 2], data: Float32Array.of(22, 33, 24, 35, 26, 38) },
    }),
  )
  const scoring = { dataset, inputs: { x: 'x' }, target: 'target' }
  const { result } = await client.evaluate({ model: first.id, ...scoring, metrics: ['mae'] })
  expect(result?.metrics).toEqual({ mae: (4 * 11 + 2 * 12) / 6 })
  const models = [{ id: first.id }, { id: second.id }]
  const search = { models, strategy: { type: 'exhaustive' }, selection: { ...scoring, metric: 'mae' }, test: scoring }
  const found = await client.find(search)
  expect(found.winner).toMatchObject({ models: [first.id, second.id], score: 0 })
  expect(found.model.sha256).not.toBe(first.sha256)
})
