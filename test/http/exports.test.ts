import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportPage, exportRecord } from '../../schemas/export.ts'
import { conversionJob, exportJob } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { exportedNet, meanState, type StateDict, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import {
  expectTypedCauses,
  json,
  merge,
  metadataOf,
  postJson,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let now = Date.now()
let app: Awaited<ReturnType<typeof startApp>>
let model: ModelRecord
let reference: ModelRecord
const epochs = [1, 2, 3].map(trainedNet)
const [first = {}, second = {}] = epochs
beforeAll(async () => {
  app = await startApp({ TUREEN_SWEEP_SECONDS: '1' }, () => now)
  model = await uploadModel(app.url, exportedNet(first), 'name=exported')
  reference = await uploadModel(app.url, safetensorsOf(first), 'name=epoch1')
})
afterAll(() => app.close())

const upload = (state: StateDict, query = '') => uploadModel(app.url, safetensorsOf(state), query)

async function contentOf(id: string, query = ''): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`${app.url}/v1/models/${id}/content${query}`)
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

/** Posts an export, and waits for its end. */
async function exportOf(body: object) {
  return exportJob.parse(await json(await postJson(`${app.url}/v1/exports?wait=30`, body)))
}

async function madeExport(body: object = { model: model.id, checkpoint: reference.id }) {
  const { result, error } = await exportOf(body)
  if (!result) throw new Error(JSON.stringify(error))
  return result.export
}

/** Posts a conversion, and waits for its end. */
async function conversionOf(id: string, body: object) {
  return conversionJob.parse(await json(await postJson(`${app.url}/v1/exports/${id}/models?wait=30`, body)))
}

async function converted(id: string, body: object) {
  const { result, error } = await conversionOf(id, body)
  if (!result) throw new Error(JSON.stringify(error))
  return result
}

const weights = ['fc1.bias', 'fc2.bias', 'onnx::MatMul_9', 'onnx::MatMul_10']
const tensorsOf = (bytes: Uint8Array) => weights.map(name => rawInitializer(bytes, name))

describe('an export', () => {
  test('says how each weight follows from the checkpoint', async () => {
    const made = await madeExport({
      model: model.id,
      checkpoint: reference.id,
      name: 'net',
      labels: { run: '7' },
      ttl: 600,
    })
    expect(made).toMatchObject({
      name: 'net',
      labels: { run: '7' },
      model: { id: model.id, name: 'exported', sha256: model.sha256 },
      checkpoint: { id: reference.id, name: 'epoch1', sha256: reference.sha256 },
      counts: { weights: 4, unmatched: 0, ambiguous: 0, shared: 0, numbers: 0, unused: 0 },
      warnings: [],
    })
    expect(made.expiresAt).not.toBeNull()
    const record = exportRecord.parse(await json(await fetch(`${app.url}/v1/exports/${made.id}`)))
    expect(record).toMatchObject(made)
    expect(record.weights).toEqual([
      { tensor: 'fc1.bias', dtype: 'float32', dims: [5], keys: ['fc1.bias'], derivation: 'fc1.bias' },
      { tensor: 'fc2.bias', dtype: 'float32', dims: [2], keys: ['fc2.bias'], derivation: 'fc2.bias' },
      {
        tensor: 'onnx::MatMul_9',
        dtype: 'float32',
        dims: [3, 5],
        keys: ['fc1.weight'],
        derivation: 'transpose(fc1.weight, [1, 0])',
      },
      {
        tensor: 'onnx::MatMul_10',
        dtype: 'float32',
        dims: [5, 2],
        keys: ['fc2.weight'],
        derivation: 'transpose(fc2.weight, [1, 0])',
      },
    ])
    expect((await fetch(`${app.url}/v1/exports/${made.sha256}`)).status).toBe(200)
  })

  test('is listed by name, label and digest, without its lists', async () => {
    const made = await madeExport({ model: model.id, checkpoint: reference.id, name: 'listed', labels: { a: 'b' } })
    const listed = async (query: string) =>
      exportPage.parse(await json(await fetch(`${app.url}/v1/exports?${query}`))).items
    expect(await listed('name=listed')).toEqual([made])
    expect(await listed('label=a:b')).toEqual([made])
    expect((await listed(`sha256=${made.sha256}`)).map(({ id }) => id)).toContain(made.id)
    expect(await listed('name=nobody')).toEqual([])
    expect((await listed('sort=name&limit=500')).length).toBe((await listed('sort=-created&limit=500')).length)
    await readProblem(await fetch(`${app.url}/v1/exports?sort=bytes`), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('lists the keys that no weight takes', async () => {
    const grown = { ...first, 'optimizer.step': { dims: [1], values: [0.125] } }
    const made = await madeExport({ model: model.id, checkpoint: (await upload(grown)).id })
    const record = exportRecord.parse(await json(await fetch(`${app.url}/v1/exports/${made.id}`)))
    expect(record.unused).toEqual(['optimizer.step'])
  })

  test('of weights that follow from no tensor fails, and names them', async () => {
    const other = { ...first, 'fc2.weight': second['fc2.weight'] ?? { dims: [], values: [] } }
    const { id } = await upload(other)
    const { status, error } = await exportOf({ model: model.id, checkpoint: id })
    expect(status).toBe('failed')
    if (!error) throw new Error('the job has no error')
    expect(error.status).toBe(422)
    expectTypedCauses({ code: 'TUREEN_EXPORT_UNMATCHED', errors: error.errors })
    expect(error.code).toBe('TUREEN_EXPORT_UNMATCHED')
    expect(error.errors).toMatchObject([{ model: model.id, tensor: 'onnx::MatMul_10' }])
    expect(error.detail).toContain('onnx::MatMul_10')
  })

  test('keeps such weights where the request says so, with a warning', async () => {
    const other = { ...first, 'fc2.weight': second['fc2.weight'] ?? { dims: [], values: [] } }
    const { id } = await upload(other)
    const made = await madeExport({ model: model.id, checkpoint: id, unmatched: 'keep' })
    expect(made.counts).toMatchObject({ weights: 3, unmatched: 1 })
    expect(made.warnings).toEqual([expect.stringContaining('onnx::MatMul_10')])
    const { model: soup, report } = await converted(made.id, { checkpoint: (await upload(second)).id })
    expect(report).toMatchObject({ weights: 3, kept: 1, warnings: [expect.stringContaining('onnx::MatMul_10')] })
    const bytes = await contentOf(soup.id)
    expect(rawInitializer(bytes, 'onnx::MatMul_10')).toEqual(rawInitializer(exportedNet(first), 'onnx::MatMul_10'))
    expect(rawInitializer(bytes, 'onnx::MatMul_9')).toEqual(rawInitializer(exportedNet(second), 'onnx::MatMul_9'))
  })

  test('keeps its model and its checkpoint from being deleted, and can be deleted itself', async () => {
    const own = await uploadModel(app.url, exportedNet(first), 'name=kept')
    const trained = await upload(first, 'name=kept-too')
    const { id } = await madeExport({ model: own.id, checkpoint: trained.id })
    const remove = (path: string, headers = {}) => fetch(`${app.url}/v1/${path}`, { method: 'DELETE', headers })
    for (const each of [own.id, trained.id]) {
      const { errors, detail } = await readProblem(await remove(`models/${each}`), 409, 'TUREEN_IN_USE')
      expect(errors).toMatchObject([{ model: each, export: id }])
      expect(detail).toContain(`is used by the export ${id}. Delete it first.`)
    }
    const read = await fetch(`${app.url}/v1/exports/${id}`)
    const tag = read.headers.get('etag') ?? ''
    const again = await fetch(`${app.url}/v1/exports/${id}`, { headers: { 'if-none-match': tag } })
    expect(again.status).toBe(304)
    await readProblem(await remove(`exports/${id}`, { 'if-match': '"other"' }), 412, 'TUREEN_PRECONDITION_FAILED')
    expect((await remove(`exports/${id}`, { 'if-match': tag })).status).toBe(204)
    await readProblem(await fetch(`${app.url}/v1/exports/${id}`), 404, 'TUREEN_NOT_FOUND')
    for (const each of [own.id, trained.id]) expect((await remove(`models/${each}`)).status).toBe(204)
  })

  test('whose correspondence is damaged cannot be used, and can be deleted', async () => {
    const made = await madeExport()
    const change =
      "update exports set correspondence = replace(correspondence, 'fc2.weight', 'fc1.weight') where id = ?"
    expect(await changeCatalog(app, change, [made.id])).toBe(1)
    const read = await json(await fetch(`${app.url}/v1/exports/${made.id}`))
    expect(read).toMatchObject({ id: made.id, unreadable: expect.stringContaining('its sha256 is not the digest') })
    const { error } = await conversionOf(made.id, { checkpoint: reference.id })
    expect(error).toMatchObject({ code: 'TUREEN_RECORD_UNREADABLE', errors: [{ export: made.id }] })
    expect((await fetch(`${app.url}/v1/exports/${made.id}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('whose description is damaged is an unreadable item of the list', async () => {
    const made = await madeExport()
    expect(await changeCatalog(app, "update exports set description = '{' where id = ?", [made.id])).toBe(1)
    const { items } = exportPage.parse(await json(await fetch(`${app.url}/v1/exports`)))
    const unreadable = expect.stringContaining('its description cannot be read')
    expect(items.find(({ id }) => id === made.id)).toMatchObject({ sha256: made.sha256, unreadable })
    expect(await json(await fetch(`${app.url}/v1/exports/${made.id}`))).toMatchObject({ unreadable })
    expect((await fetch(`${app.url}/v1/exports/${made.id}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('expires, and only then do its model and its checkpoint', async () => {
    const own = await uploadModel(app.url, exportedNet(first), 'name=short&ttl=60')
    const trained = await upload(first, 'name=short&ttl=60')
    const made = await madeExport({ model: own.id, checkpoint: trained.id, ttl: 600 })
    const statusOf = async (path: string) => (await fetch(`${app.url}/v1/${path}`)).status
    now = Date.now() + 120_000
    await new Promise(resolve => setTimeout(resolve, 2500))
    expect(await statusOf(`models/${own.id}`)).toBe(200)
    now = Date.now() + 700_000
    await until('the export and its models are gone', async () => (await statusOf(`models/${own.id}`)) === 404)
    expect(await statusOf(`exports/${made.id}`)).toBe(404)
    now = Date.now()
  })

  test.each<[string, () => object, number, string, string]>([
    ['an unknown model', () => ({ model: 'none', checkpoint: reference.id }), 404, 'TUREEN_NOT_FOUND', 'model'],
    ['an unknown checkpoint', () => ({ model: model.id, checkpoint: 'none' }), 404, 'TUREEN_NOT_FOUND', 'checkpoint'],
    [
      'a checkpoint as the model',
      () => ({ model: reference.id, checkpoint: reference.id }),
      422,
      'TUREEN_CHECKPOINT_UNSUITABLE',
      'model',
    ],
    [
      'a model as the checkpoint',
      () => ({ model: model.id, checkpoint: model.id }),
      400,
      'TUREEN_REQUEST_INVALID',
      'checkpoint',
    ],
    ['no checkpoint', () => ({ model: model.id }), 400, 'TUREEN_REQUEST_INVALID', 'checkpoint'],
    [
      'another treatment',
      () => ({ model: model.id, checkpoint: reference.id, unmatched: 'drop' }),
      400,
      'TUREEN_REQUEST_INVALID',
      'unmatched',
    ],
  ])('of %s is refused, and no job is made', async (_, body, status, code, field) => {
    const { errors } = await readProblem(await postJson(`${app.url}/v1/exports`, body()), status, code)
    expect(errors).toMatchObject([{ field }])
  })
})

describe('the model of a checkpoint', () => {
  test('is the file that an exporter makes of this checkpoint, byte for byte without its recipe', async () => {
    const { id } = await madeExport()
    for (const state of epochs) {
      const trained = await upload(state)
      const { model } = await converted(id, { checkpoint: trained.id, provenance: false })
      expect(Buffer.from(await contentOf(model.id)).equals(exportedNet(state))).toBe(true)
    }
  })

  test('tells in its record, its recipe and its metadata from what it was made', async () => {
    const made = await madeExport()
    const trained = await upload(second, 'name=epoch2')
    const result = await converted(made.id, { checkpoint: trained.id, name: 'second', labels: { epoch: '2' } })
    expect(result).toMatchObject({
      model: { name: 'second' },
      export: { id: made.id, sha256: made.sha256 },
      checkpoint: { id: trained.id, name: 'epoch2', sha256: trained.sha256 },
      report: { weights: 4, kept: 0, warnings: [] },
    })
    const record = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${result.model.id}`))
    expect(record).toMatchObject({
      kind: 'model',
      name: 'second',
      labels: { epoch: '2' },
      sha256: result.model.sha256,
      fingerprint: model.fingerprint,
      lineage: { method: 'export', base: model.sha256, inputs: [{ sha256: trained.sha256 }] },
    })
    const recipe = await json(await fetch(`${app.url}/v1/models/${result.model.id}/recipe`))
    expect(recipe).toMatchObject({
      method: 'export',
      export: made.sha256,
      base: model.sha256,
      models: [{ id: trained.sha256, weight: 1 }],
    })
    const bytes = await contentOf(result.model.id)
    expect(tensorsOf(bytes)).toEqual(tensorsOf(exportedNet(second)))
    const [told] = metadataOf(bytes)
    expect(told?.key).toBe('tureen.recipe')
    expect(JSON.parse(told?.value ?? '')).toEqual(recipe)
  })

  test('of a soup of checkpoints is the export of their mean', async () => {
    const { id } = await madeExport()
    const ids = []
    for (const state of epochs) ids.push((await upload(state)).id)
    const soup = await merge(app.url, { models: ids.map(id => ({ id })) })
    const checkpoint = soup.result?.model.id ?? ''
    const { model } = await converted(id, { checkpoint, provenance: false })
    const mean = meanState(epochs)
    expect(Buffer.from(await contentOf(model.id)).equals(exportedNet(mean))).toBe(true)
    expect(Buffer.from(await contentOf(checkpoint, '?format=safetensors')).equals(safetensorsOf(mean))).toBe(true)
  })

  test('of a checkpoint with a prefix before all keys is made', async () => {
    const { id } = await madeExport()
    const renamed = Object.fromEntries(Object.entries(second).map(([key, tensor]) => [`module.${key}`, tensor]))
    const { model } = await converted(id, { checkpoint: (await upload(renamed)).id, provenance: false })
    expect(Buffer.from(await contentOf(model.id)).equals(exportedNet(second))).toBe(true)
  })

  test('of a checkpoint with NaN has a warning that names the weight', async () => {
    const { id } = await madeExport()
    const { dims, values } = second['fc1.bias'] ?? { dims: [], values: [] }
    const damaged = { ...second, 'fc1.bias': { dims, values: values.with(1, Number.NaN) } }
    const { report } = await converted(id, { checkpoint: (await upload(damaged)).id })
    expect(report.warnings).toEqual([expect.stringContaining('1 NaN or infinite element')])
    expect(report.warnings[0]).toContain('fc1.bias (1)')
  })

  test('of a checkpoint with a tensor more has a warning that names it', async () => {
    const { id } = await madeExport()
    const grown = { ...second, 'fc3.weight': { dims: [2], values: [1, 2] } }
    const { report } = await converted(id, { checkpoint: (await upload(grown)).id })
    expect(report.warnings).toEqual([expect.stringContaining('fc3.weight')])
  })

  test.each<[string, (state: StateDict) => StateDict, string, string]>([
    ['lacks a tensor', ({ 'fc2.bias': _, ...others }) => others, 'fc2.bias', 'lacks the tensor fc2.bias'],
    [
      'has other dims',
      state => ({ ...state, 'fc2.bias': { dims: [3], values: [1, 2, 3] } }),
      'fc2.bias',
      'has fc2.bias as float32[3], not float32[2]',
    ],
  ])('is refused where the checkpoint %s', async (_, change, tensor, message) => {
    const { id } = await madeExport()
    const checkpoint = (await upload(change(second))).id
    const { status, error } = await conversionOf(id, { checkpoint })
    expect(status).toBe('failed')
    expect(error).toMatchObject({ code: 'TUREEN_CHECKPOINT_DIFFERS', errors: [{ model: checkpoint, tensor, message }] })
  })

  test.each<[string, () => Promise<[string, object]>, number, string, string]>([
    ['an unknown export', async () => ['none', { checkpoint: reference.id }], 404, 'TUREEN_NOT_FOUND', 'export'],
    [
      'an unknown checkpoint',
      async () => [(await madeExport()).id, { checkpoint: 'none' }],
      404,
      'TUREEN_NOT_FOUND',
      'checkpoint',
    ],
    [
      'a model as the checkpoint',
      async () => [(await madeExport()).id, { checkpoint: model.id }],
      400,
      'TUREEN_REQUEST_INVALID',
      'checkpoint',
    ],
  ])('is refused for %s', async (_, request, status, code, field) => {
    const [id, body] = await request()
    const { errors } = await readProblem(await postJson(`${app.url}/v1/exports/${id}/models`, body), status, code)
    expect(errors).toMatchObject([{ field }])
  })
})
