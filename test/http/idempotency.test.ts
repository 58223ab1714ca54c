import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExportResult } from '../../schemas/export.ts'
import { bigModel } from '../support/big-model.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { isClustered } from '../support/clustered.ts'
import { exportedNet, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import { expectNothingIncoming, filesIn, json, modelForm, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { evaluating, projectFile, startApp } from '../support/server.ts'
import { digest } from '../support/soup.ts'

const day = 86_400_000
let now = Date.now()
let app: Awaited<ReturnType<typeof startApp>>
let models: { id: string }[]
let dataset: Buffer<ArrayBuffer>
let datasetId: string
let exported: { model: string; checkpoint: string }
let made: string
beforeAll(async () => {
  app = await startApp({ ...evaluating, TUREEN_SWEEP_SECONDS: '1' }, () => now)
  const files = [0, 1].map(number => projectFile(`examples/digits/ft${number}.onnx`))
  models = []
  for (const file of files) models.push({ id: (await uploadModel(app.url, await file)).id })
  dataset = await projectFile('examples/digits/val.npz')
  datasetId = (await json<{ id: string }>(await post('/v1/datasets', dataset))).id
  exported = {
    model: (await uploadModel(app.url, exportedNet(trainedNet(1)))).id,
    checkpoint: (await uploadModel(app.url, safetensorsOf(trainedNet(1)))).id,
  }
  const job = await json<{ result: ExportResult }>(await post('/v1/exports?wait=30', text(exported)))
  made = job.result.export.id
})
afterAll(() => app.close())

type Body = NonNullable<RequestInit['body']>

function post(path: string, body: Body, key?: string): Promise<Response> {
  const headers = {
    ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  return fetch(`${app.url}${path}`, { method: 'POST', body, headers })
}

/** What a client sees of an answer, but for the mark of one that was given before. */
async function seen(response: Response) {
  return { status: response.status, location: response.headers.get('location'), body: await response.text() }
}

/** An answer that must be marked as one that was given before. */
async function replayed(response: Response) {
  expect(response.headers.get('idempotency-replayed')).toBe('true')
  return seen(response)
}

/** An answer that must not be. */
async function fresh(response: Response) {
  expect(response.headers.has('idempotency-replayed')).toBe(false)
  return seen(response)
}

async function count(path: string): Promise<number> {
  return (await json<{ items: unknown[] }>(await fetch(`${app.url}${path}`))).items.length
}

const text = (body: object) => JSON.stringify(body)
const creations: [name: string, path: () => string, body: () => Body, list: string][] = [
  ['a model', () => '/v1/models?name=again', () => linearModel([1, 2], [3, 4]), '/v1/models'],
  ['a model in a form', () => '/v1/models', () => modelForm([linearModel([5, 6], [7, 8])]), '/v1/models'],
  ['a data set', () => '/v1/datasets?name=again', () => dataset, '/v1/datasets'],
  ['a merge', () => '/v1/merges', () => text({ models }), '/v1/jobs'],
  ['a comparison', () => '/v1/comparisons', () => text({ models }), '/v1/jobs'],
  ['an evaluation', () => '/v1/evaluations', () => text({ model: models[0]?.id, dataset: datasetId }), '/v1/jobs'],
  ['an export', () => '/v1/exports', () => text(exported), '/v1/jobs'],
  ['a conversion', () => `/v1/exports/${made}/models`, () => text({ checkpoint: exported.checkpoint }), '/v1/jobs'],
  [
    'a search',
    () => '/v1/searches',
    () =>
      text({
        models,
        strategy: { type: 'greedy' },
        selection: { dataset: datasetId, metric: 'accuracy' },
        name: 'won',
      }),
    '/v1/jobs',
  ],
]

describe('the same request with the same key', () => {
  test.each(creations)('creates %s once, and has the first answer again', async (_, path, body, list) => {
    const key = randomUUID()
    const before = await count(list)
    const first = await fresh(await post(path(), body(), key))
    expect(first.status).toBeOneOf([200, 201, 202])
    expect(first.location).toMatch(/^\/v1\//)
    expect(await replayed(await post(path(), body(), key))).toEqual(first)
    // In quotes, as the draft has it, or without, as most clients do: it is one key.
    expect(await replayed(await post(path(), body(), `"${key}"`))).toEqual(first)
    expect(await count(list)).toBe(before + 1)
    await expectNothingIncoming(app.data)
  })

  test.each(creations)(
    'creates %s anew once the first is deleted: no answer has a Location that is gone',
    async (_, path, body) => {
      const key = randomUUID()
      const { location } = await fresh(await post(path(), body(), key))
      if (location?.startsWith('/v1/jobs/')) await fetch(`${app.url}${location}?wait=60`)
      expect((await fetch(`${app.url}${location}`, { method: 'DELETE' })).status).toBe(204)
      const second = await fresh(await post(path(), body(), key))
      expect(second.location).not.toBe(location)
      expect((await fetch(`${app.url}${second.location}`)).status).toBe(200)
      expect(await replayed(await post(path(), body(), key))).toEqual(second)
    },
  )

  test('has the answer of an upload that found its bytes there, and uploads again when that model is gone', async () => {
    const bytes = linearModel([9, 9], [9, 9])
    const { id } = await uploadModel(app.url, bytes)
    const key = randomUUID()
    const first = await fresh(await post('/v1/models', bytes, key))
    expect(first).toMatchObject({ status: 200, location: `/v1/models/${id}` })
    expect(await replayed(await post('/v1/models', bytes, key))).toEqual(first)
    await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
    expect((await fresh(await post('/v1/models', bytes, key))).status).toBe(201)
  })

  test('is taken anew when the model goes while the second request arrives', async () => {
    // More than the server keeps in memory before it makes a file.
    const bytes = linearModel(Array<number>(100_000).fill(19), [9])
    const key = randomUUID()
    const { location } = await fresh(await post('/v1/models', bytes, key))
    const headers = { 'idempotency-key': key, 'content-length': bytes.byteLength }
    const second = request(`${app.url}/v1/models`, { method: 'POST', headers })
    const answered = once(second, 'response')
    second.write(bytes.subarray(0, 300_000))
    while ((await filesIn(app.data, 'incoming')).length === 0) await delay(10)
    expect((await fetch(`${app.url}${location}`, { method: 'DELETE' })).status).toBe(204)
    second.end(bytes.subarray(300_000))
    const [answer] = await answered
    answer.resume()
    expect(answer.statusCode).toBe(201)
    expect((await fetch(`${app.url}${answer.headers.location}`)).status).toBe(200)
  })

  test('is taken anew when what it created has expired', async () => {
    const key = randomUUID()
    const bytes = linearModel([29, 9], [9, 9])
    const { location } = await fresh(await post('/v1/models?ttl=60', bytes, key))
    now = Date.now() + 61_000
    while ((await fetch(`${app.url}${location}`)).status === 200) await delay(50)
    // What is created counts from the system's clock, and would expire at once by this one.
    now = Date.now()
    const again = await fresh(await post('/v1/models?ttl=60', bytes, key))
    expect(again.status).toBe(201)
    // Other tests set the clock forward too, and count models: it must not expire during one of them.
    expect((await fetch(`${app.url}${again.location}`, { method: 'DELETE' })).status).toBe(204)
  })

  test('waits for the job, and has the same end of it', async () => {
    const key = randomUUID()
    const first = await fresh(await post('/v1/merges?wait=30', text({ models }), key))
    expect(first.status).toBe(200)
    expect(JSON.parse(first.body)).toMatchObject({ status: 'succeeded' })
    expect(await replayed(await post('/v1/merges?wait=30', text({ models }), key))).toEqual(first)
  })

  test('creates another one once the key has expired', async () => {
    const key = randomUUID()
    const first = await seen(await post('/v1/merges', text({ models }), key))
    now += day - 1000
    expect(await seen(await post('/v1/merges', text({ models }), key))).toEqual(first)
    now += 2000
    const later = await seen(await post('/v1/merges', text({ models }), key))
    expect(later.location).not.toBe(first.location)
    expect(await seen(await post('/v1/merges', text({ models }), key))).toEqual(later)
  })

  test('that was refused the first time is tried anew', async () => {
    const key = randomUUID()
    const body = text({ models: [...models, { id: 'none' }] })
    await readProblem(await post('/v1/merges', body, key), 404, 'TUREEN_NOT_FOUND')
    expect((await post('/v1/merges', text({ models }), key)).status).toBe(202)
  })
})

describe('another request with the same key', () => {
  test.each<[string, () => [string, Body]]>([
    ['body', () => ['/v1/merges', text({ models, normalize: false })]],
    ['query', () => ['/v1/merges?wait=1', text({ models })]],
    ['path', () => ['/v1/comparisons', text({ models })]],
    ['kind of body', () => ['/v1/models?name=refused', linearModel([1, 1], [1, 1])]],
  ])('is refused: another %s', async (_, make) => {
    const key = randomUUID()
    expect((await post('/v1/merges', text({ models }), key)).status).toBe(202)
    const counts = async () => [await count('/v1/jobs'), await count('/v1/models?name=refused')]
    const before = await counts()
    const [path, body] = make()
    const { errors } = await readProblem(await post(path, body, key), 422, 'TUREEN_IDEMPOTENCY_KEY_REUSED')
    expect(errors).toMatchObject([{ field: 'idempotency-key' }])
    expect(await counts()).toEqual(before)
  })

  test('is refused with nothing kept of an upload with other content', async () => {
    const key = randomUUID()
    expect((await post('/v1/models', linearModel([10, 1], [1, 1]), key)).status).toBe(201)
    const others = [linearModel([10, 2], [1, 1]), linearModel([10, 3], [1, 1])] as const
    for (const sent of [others[0], modelForm([others[1]])])
      await readProblem(await post('/v1/models', sent, key), 422, 'TUREEN_IDEMPOTENCY_KEY_REUSED')
    await expectNothingIncoming(app.data)
    const content = (await filesIn(app.data, 'content')).join()
    for (const other of others) {
      expect(await count(`/v1/models?sha256=${digest(other)}`)).toBe(0)
      expect(content).not.toContain(digest(other).slice('sha256:'.length))
    }
  })
})

test('while the first is still being received, the second is 409 and told when to come again', async () => {
  // Large enough that its file is there before it has ended.
  const bytes = bigModel(1 << 16)
  const key = randomUUID()
  const headers = { 'idempotency-key': key, 'content-length': bytes.byteLength }
  const first = request(`${app.url}/v1/models`, { method: 'POST', headers })
  const answered = new Promise<number | undefined>((resolve, reject) => {
    first.on('response', response => {
      response.resume()
      resolve(response.statusCode)
    })
    first.on('error', reject)
  })
  first.write(bytes.subarray(0, 200_000))
  while ((await filesIn(app.data, 'incoming')).length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  const second = await post('/v1/models', bytes, key)
  expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0)
  await readProblem(second, 409, 'TUREEN_IDEMPOTENCY_KEY_BUSY')
  first.end(bytes.subarray(200_000))
  expect(await answered).toBe(201)
  expect((await post('/v1/models', bytes, key)).status).toBe(201)
})

test('many at the same moment create one', async () => {
  const key = randomUUID()
  const before = await count('/v1/jobs')
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('/v1/comparisons', text({ models }), key)))
  const locations = new Set(answers.flatMap(answer => answer.headers.get('location') ?? []))
  expect(locations.size).toBe(1)
  for (const { status } of answers) expect(status).toBeOneOf([202, 409])
  expect(await count('/v1/jobs')).toBe(before + 1)
})

/** Statements after which the catalog takes no key, and takes keys again. */
const [takeNone, takeAll] = isClustered()
  ? [
      'alter table idempotency_keys add constraint no_keys check (false) not valid',
      'alter table idempotency_keys drop constraint no_keys',
    ]
  : [
      "create trigger no_keys before insert on idempotency_keys begin select raise(abort, 'no'); end",
      'drop trigger no_keys',
    ]

/** Changes tables. SQLite refuses that while the server, which needs this very thread to end its transaction, is in one. */
async function between(sql: string): Promise<unknown> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await changeCatalog(app, sql)
    } catch (error) {
      if (!(error instanceof Error && /locked/.test(error.message)) || tries === 1000) throw error
      await delay(10)
    }
  }
}

test('where the key cannot be written down nothing is created', async () => {
  await between(takeNone)
  try {
    const before = [await count('/v1/jobs'), await count('/v1/models'), (await filesIn(app.data, 'content')).length]
    for (const [path, body] of [
      ['/v1/merges', text({ models })],
      ['/v1/models', linearModel([12, 1], [1, 1])],
    ] as const)
      await readProblem(await post(path, body, randomUUID()), 500, 'TUREEN_INTERNAL')
    expect([await count('/v1/jobs'), await count('/v1/models'), (await filesIn(app.data, 'content')).length]).toEqual(
      before,
    )
    await expectNothingIncoming(app.data)
  } finally {
    await between(takeAll)
  }
})

test.each([
  ['empty', ''],
  ['half in quotes', '"a'],
  ['with a quote inside', 'a"b'],
  ['with a backslash', 'a\\b'],
  ['too long', 'x'.repeat(256)],
])('a key that is none is 400: %s', async (_, key) => {
  const { errors } = await readProblem(await post('/v1/merges', text({ models }), key), 400, 'TUREEN_REQUEST_INVALID')
  expect(errors).toMatchObject([{ field: 'idempotency-key' }])
})

test.each(['{', '7', '{"model":7}', '{}'])('a key whose outcome was damaged to %s is free again', async outcome => {
  const key = randomUUID()
  const body = linearModel([31, 32], [33, 34])
  const first = await post('/v1/models?name=damaged', body, key)
  expect(first.ok).toBe(true)
  const { id } = await json<{ id: string }>(first)
  const damage = 'update idempotency_keys set outcome = ? where key = ?'
  expect(await changeCatalog(app, damage, [outcome, key])).toBe(1)
  const again = await post('/v1/models?name=damaged', body, key)
  expect({ ok: again.ok, replayed: again.headers.get('idempotency-replayed') }).toEqual({ ok: true, replayed: null })
  expect(await json(again)).toMatchObject({ id })
  expect((await post('/v1/models?name=damaged', body, key)).headers.get('idempotency-replayed')).toBe('true')
})
