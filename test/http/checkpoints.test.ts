import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { comparisonJob, mergeJob } from '../../schemas/job.ts'
import { type ModelRecord, modelPage, model as modelSchema, tensorPage } from '../../schemas/model.ts'
import { checkpointBytes, checkpointTensors, expectedMeans, expectedTensors } from '../support/checkpoints.ts'
import { modelForm } from '../support/external-model.ts'
import { expectNothingIncoming, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const uploadCheckpoint = (name: string, query = '') =>
  uploadModel(app.url, checkpointBytes(name), `name=${name}${query}`)

async function contentOf(id: string, query = '') {
  const response = await fetch(`${app.url}/v1/models/${id}/content${query}`)
  expect(response.status).toBe(200)
  return { bytes: Buffer.from(await response.arrayBuffer()), disposition: response.headers.get('content-disposition') }
}

async function merge(body: object) {
  const job = mergeJob.parse(await (await postJson(`${app.url}/v1/merges?wait=30`, body)).json())
  if (!job.result) throw new Error(JSON.stringify(job.error))
  return job.result
}

const hexOf = (bytes: Buffer) => Object.fromEntries(checkpointTensors(bytes).map(({ name, hex }) => [name, hex]))

const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']

describe('a checkpoint', () => {
  test('is stored as a model of its own kind, with what its file says', async () => {
    const record = await uploadCheckpoint('step1.safetensors')
    expect(record).toMatchObject({
      kind: 'checkpoint',
      status: 'complete',
      irVersion: null,
      inputs: [],
      outputs: [],
      tensorCount: 6,
      parameters: 21,
      checkpoint: { format: 'safetensors', metadata: { format: 'pt', step: '1' } },
    })
    const content = await contentOf(record.id)
    expect(content.bytes).toEqual(checkpointBytes('step1.safetensors'))
    expect(content.disposition).toContain('"step1.safetensors"')
    const again = modelSchema.parse(await (await fetch(`${app.url}/v1/models/${record.id}`)).json())
    expect(again).toEqual(record)
  })

  test('lists its tensors, page by page', async () => {
    const { id } = await uploadCheckpoint('views.pt')
    const pageAt = async (query: string) => {
      return tensorPage.parse(await (await fetch(`${app.url}/v1/models/${id}/tensors?limit=12${query}`)).json())
    }
    const first = await pageAt('')
    const second = await pageAt(`&cursor=${first.nextCursor}`)
    const found = [...first.items, ...second.items].map(({ name, dtype, dims }) => [name, { dtype, dims }])
    const expected = Object.entries(expectedTensors('views.pt')).map(([name, { dtype, dims }]) => [
      name,
      { dtype, dims },
    ])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected))
  })

  test('is found by its kind, and its architecture by the fingerprint', async () => {
    const [first, second] = [await uploadCheckpoint('epoch1.pt'), await uploadCheckpoint('epoch2.pt')]
    const model = await uploadModel(app.url, linearModel([1, 2, 3, 4], [1, 2]), 'name=linear')
    const listed = async (query: string) => {
      const page = modelPage.parse(await (await fetch(`${app.url}/v1/models?limit=100&${query}`)).json())
      return page.items.map(({ id }) => id)
    }
    expect(await listed('kind=checkpoint')).toEqual(expect.arrayContaining([first.id, second.id]))
    expect(await listed('kind=checkpoint')).not.toContain(model.id)
    expect(await listed('kind=model')).toContain(model.id)
    expect(second.fingerprint).toBe(first.fingerprint)
    expect(await listed(`fingerprint=${first.fingerprint}`)).toEqual([second.id, first.id])
    await readProblem(await fetch(`${app.url}/v1/models?kind=graph`), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('of several dicts of tensors is another one for each root', async () => {
    const usual = await uploadCheckpoint('two-roots.pt')
    const chosen = await uploadCheckpoint('two-roots.pt', '&root=ema')
    expect(usual.checkpoint).toMatchObject({ root: 'model', roots: ['model', 'ema'] })
    expect(chosen.checkpoint).toMatchObject({ root: 'ema' })
    expect(chosen.files).toEqual(usual.files)
    expect(chosen.sha256).not.toBe(usual.sha256)
    const named = await uploadCheckpoint('two-roots.pt', '&root=model')
    expect(named.id).toBe(usual.id)
    const { model } = await merge({ models: [{ id: usual.id }, { id: chosen.sha256 }] })
    expect(hexOf((await contentOf(model.id)).bytes)).toEqual({ w: '0000c03f' })
    await readProblem(
      await fetch(`${app.url}/v1/models?root=head`, { method: 'POST', body: checkpointBytes('two-roots.pt') }),
      400,
      'TUREEN_REQUEST_INVALID',
    )
    await readProblem(
      await fetch(`${app.url}/v1/models?root=head`, { method: 'POST', body: checkpointBytes('step1.safetensors') }),
      400,
      'TUREEN_REQUEST_INVALID',
    )
  })

  test('of torch.save can be had as safetensors', async () => {
    const { id } = await uploadCheckpoint('loop.ckpt')
    const { bytes, disposition } = await contentOf(id, '?format=safetensors')
    const expected = Object.entries(expectedTensors('loop.ckpt')).map(([key, { hex }]) => [key, hex])
    expect(hexOf(bytes)).toEqual(Object.fromEntries(expected))
    expect(disposition).toContain('"loop.safetensors"')
    expect((await contentOf(id)).disposition).toContain('"loop.ckpt"')
    const model = await uploadModel(app.url, linearModel([1, 2, 3, 4], [1, 2]), 'name=linear')
    const refused = await fetch(`${app.url}/v1/models/${model.id}/content?format=safetensors`)
    await readProblem(refused, 400, 'TUREEN_REQUEST_INVALID')
  })

  test.each([
    ['module.pt', 422, 'TUREEN_CHECKPOINT_UNSUPPORTED'],
    ['mp_rank_00_model_states.pt', 422, 'TUREEN_CHECKPOINT_UNSUPPORTED'],
    ['__0_0.distcp', 422, 'TUREEN_CHECKPOINT_UNSUPPORTED'],
    ['before-1.6.pt', 400, 'TUREEN_NOT_ONNX'],
  ] as const)('in the form of %s is refused, and leaves nothing', async (name, status, code) => {
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: checkpointBytes(name) })
    await readProblem(response, status, code)
    await expectNothingIncoming(app.data)
  })

  test('that is longer than its first look is received to its end', async () => {
    const values = Float32Array.from({ length: 50_000 }, (_, index) => index)
    const whole = { w: { dtype: 'F32', shape: [values.length], data_offsets: [0, values.byteLength] } }
    const header = Buffer.from(JSON.stringify(whole))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.byteLength))
    const bytes = new Uint8Array(Buffer.concat([length, header, new Uint8Array(values.buffer)]))
    expect(await uploadModel(app.url, bytes, 'name=long')).toMatchObject({ kind: 'checkpoint', parameters: 50_000 })
    const cut = await fetch(`${app.url}/v1/models`, { method: 'POST', body: bytes.subarray(0, 100_000) })
    await readProblem(cut, 400, 'TUREEN_CHECKPOINT_MALFORMED')
  })

  test('that is damaged is refused', async () => {
    const body = checkpointBytes('step1.safetensors').subarray(0, 600)
    await readProblem(await fetch(`${app.url}/v1/models`, { method: 'POST', body }), 400, 'TUREEN_CHECKPOINT_MALFORMED')
  })
})

describe('a checkpoint in shards', () => {
  const data = Object.fromEntries(shards.map(name => [name, new Uint8Array(checkpointBytes(name))]))

  test('is complete with its shards, in one form or one after the other', async () => {
    const main = new Uint8Array(checkpointBytes('model.safetensors.index.json'))
    const response = await fetch(`${app.url}/v1/models?name=form`, { method: 'POST', body: modelForm({ main, data }) })
    const whole = modelSchema.parse(await response.json())
    expect(whole).toMatchObject({ kind: 'checkpoint', status: 'complete', tensorCount: 3, parameters: 4 })
    let record: ModelRecord = await uploadCheckpoint('model.safetensors.index.json')
    expect(record).toMatchObject({
      status: 'incomplete',
      missing: shards,
      parameters: 0,
      dtypes: {},
      fingerprint: null,
    })
    for (const shard of shards.toReversed()) {
      const body = checkpointBytes(shard)
      const put = await fetch(`${app.url}/v1/models/${record.id}/data/${shard}`, { method: 'PUT', body })
      record = modelSchema.parse(await put.json())
    }
    expect(record).toMatchObject({
      status: 'complete',
      sha256: whole.sha256,
      fingerprint: whole.fingerprint,
      parameters: 4,
      dtypes: { float32: 2, int64: 1 },
    })
    const one = await contentOf(record.id, '?format=safetensors')
    expect(hexOf(one.bytes)).toEqual({
      'a.weight': '0000803f00000040',
      'b.weight': '0000404000008040',
      'b.count': '0700000000000000',
    })
    expect(one.disposition).toContain('"model.safetensors"')
    const { model } = await merge({ models: [{ id: record.id }, { id: whole.id }] })
    const soup = modelSchema.parse(await (await fetch(`${app.url}/v1/models/${model.id}`)).json())
    expect(soup.sha256).toBe(whole.sha256)
  })

  test('with a shard that belongs to another one is refused', async () => {
    const main = new Uint8Array(checkpointBytes('model.safetensors.index.json'))
    const [first = '', second = ''] = shards
    const mixed = { [first]: data[second] ?? main, [second]: data[first] ?? main }
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: modelForm({ main, data: mixed }) })
    await readProblem(response, 400, 'TUREEN_CHECKPOINT_MALFORMED')
  })
})

describe('checkpoints together', () => {
  test('make a safetensors checkpoint with the means of NumPy', async () => {
    const ids = []
    for (const name of ['epoch1.pt', 'epoch2.pt', 'epoch3.pt']) ids.push((await uploadCheckpoint(name)).id)
    const { model, report } = await merge({ models: ids.map(id => ({ id })), name: 'averaged' })
    const { bytes, disposition } = await contentOf(model.id)
    expect(hexOf(bytes)).toEqual(expectedMeans('epochs'))
    expect(disposition).toContain('"averaged.safetensors"')
    expect(report.warnings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/counters of batches/),
        expect.stringMatching(/batch normalisation differ.*update_bn/),
      ]),
    )
    const soup = modelSchema.parse(await (await fetch(`${app.url}/v1/models/${model.id}`)).json())
    expect(soup).toMatchObject({
      kind: 'checkpoint',
      checkpoint: { format: 'safetensors' },
      lineage: { method: 'linear' },
    })
    const recipe = await (await fetch(`${app.url}/v1/models/${model.id}/recipe`)).json()
    const repeated = await merge(Object(recipe))
    expect(repeated.model.sha256).toBe(model.sha256)
  })

  test('are compared tensor by tensor', async () => {
    const [a, b] = [await uploadCheckpoint('epoch1.pt'), await uploadCheckpoint('epoch2.pt')]
    const body = { models: [{ id: a.id }, { id: b.id }] }
    const job = comparisonJob.parse(await (await postJson(`${app.url}/v1/comparisons?wait=30`, body)).json())
    expect(job.result?.pairs[0]).toMatchObject({ compatible: true, totals: { tensors: 9, averaged: 8 } })
  })

  test('make a soup in one request', async () => {
    const form = new FormData()
    for (const name of ['step1.safetensors', 'step2.safetensors'])
      form.append('model', new Blob([checkpointBytes(name)]), name)
    const response = await fetch(`${app.url}/v1/soup?weights=1,3`, { method: 'POST', body: form })
    expect(response.status).toBe(200)
    expect(hexOf(Buffer.from(await response.arrayBuffer()))).toMatchObject(expectedMeans('steps'))
    expect(response.headers.get('content-disposition')).toContain('soup.safetensors')
  })

  test('with a model are refused', async () => {
    const checkpoint = await uploadCheckpoint('epoch1.pt')
    const model = await uploadModel(app.url, linearModel([1, 2, 3, 4], [1, 2]), 'name=linear')
    for (const models of [
      [checkpoint, model],
      [model, checkpoint],
    ]) {
      const body = { models: models.map(({ id }) => ({ id })) }
      for (const path of ['merges', 'comparisons'])
        await readProblem(await postJson(`${app.url}/v1/${path}`, body), 422, 'TUREEN_CHECKPOINT_UNSUITABLE')
    }
  })
})

describe('where a graph is needed', () => {
  test.each([
    ['evaluations', (id: string) => ({ model: id, dataset: id })],
    [
      'searches',
      (id: string) => ({
        models: [{ id }, { id }],
        selection: { dataset: id, metric: 'accuracy' },
        strategy: { type: 'greedy' },
      }),
    ],
    ['merges', (id: string) => ({ models: [{ id }], recalibrate: { dataset: id } })],
  ])('a checkpoint in %s is refused', async (path, body) => {
    const { id } = await uploadCheckpoint('epoch1.pt')
    const problem = await readProblem(
      await postJson(`${app.url}/v1/${path}`, body(id)),
      422,
      'TUREEN_CHECKPOINT_UNSUITABLE',
    )
    expect(problem.detail).toMatch(/is a checkpoint: weights without a graph.*torch\.onnx\.export/)
  })
})
