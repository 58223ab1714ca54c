import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportPage, exportRecord } from '../../schemas/export.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { exportedNet, safetensorsOf } from '../support/exported-net.ts'
import { epochs, exportsClient } from '../support/exports-client.ts'
import { expectTypedCauses, json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let now = Date.now()
let app: Awaited<ReturnType<typeof startApp>>
let model: ModelRecord
let reference: ModelRecord
const [first, second] = epochs
const { upload, contentOf, exportOf, exported, conversionOf, converted } = exportsClient(() => app.url)
const madeExport = (body: object = { model: model.id, checkpoint: reference.id }) => exported(body)
beforeAll(async () => {
  app = await startApp({ TUREEN_SWEEP_SECONDS: '1' }, () => now)
  model = await uploadModel(app.url, exportedNet(first), 'name=exported')
  reference = await uploadModel(app.url, safetensorsOf(first), 'name=epoch1')
})
afterAll(() => app.close())

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
