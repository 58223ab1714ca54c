import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { exportedNet, meanState, type StateDict, safetensorsOf } from '../support/exported-net.ts'
import { epochs, exportsClient } from '../support/exports-client.ts'
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

let app: Awaited<ReturnType<typeof startApp>>
let model: ModelRecord
let reference: ModelRecord
const [first, second] = epochs
const { upload, contentOf, exported, conversionOf, converted } = exportsClient(() => app.url)
const madeExport = (body: object = { model: model.id, checkpoint: reference.id }) => exported(body)
beforeAll(async () => {
  app = await startApp()
  model = await uploadModel(app.url, exportedNet(first), 'name=exported')
  reference = await uploadModel(app.url, safetensorsOf(first), 'name=epoch1')
})
afterAll(() => app.close())

const weights = ['fc1.bias', 'fc2.bias', 'onnx::MatMul_9', 'onnx::MatMul_10']
const tensorsOf = (bytes: Uint8Array) => weights.map(name => rawInitializer(bytes, name))

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
    expectTypedCauses({ code: 'TUREEN_CHECKPOINT_DIFFERS', errors: error?.errors ?? [] })
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
