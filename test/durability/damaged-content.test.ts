import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { externalModel, modelForm } from '../support/external-model.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
const first = linearModel([0.5], [1])
const second = linearModel([2], [1])
const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
const samples = npz({ x: values, t: values })

type FileRecord = { sha256: string; location?: string }
type Uploaded = { id: string; sha256: string; files: FileRecord[] }
let a: ModelRecord
let b: ModelRecord
let data: Uploaded

const uploadSamples = async () =>
  json<Uploaded>(await fetch(`${app.url}/v1/datasets`, { method: 'POST', body: samples }))

beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  a = await uploadModel(app.url, first, 'name=a')
  b = await uploadModel(app.url, second, 'name=b')
  data = await uploadSamples()
})
afterAll(() => app.close())

const pathOf = (sha256: string) => {
  const hex = sha256.replace('sha256:', '')
  return join(app.data, 'content', hex.slice(0, 2), hex)
}

/** What a bad disk does: one bit is another one, and neither the size nor the time of the last change tells. */
function flipBit(sha256: string): void {
  const path = pathOf(sha256)
  const { atime, mtime } = statSync(path)
  const bytes = readFileSync(path)
  // The last weight: nothing but a digest can tell.
  const place = bytes.lastIndexOf(Buffer.from(Float32Array.of(1).buffer))
  bytes[place + 2] = (bytes[place + 2] ?? 0) ^ 1
  writeFileSync(path, bytes)
  utimesSync(path, atime, mtime)
}

const damages: [string, (sha256: string) => void][] = [
  ['has a flipped bit', flipBit],
  ['is cut off', sha256 => writeFileSync(pathOf(sha256), readFileSync(pathOf(sha256)).subarray(0, -1))],
  ['is gone', sha256 => rmSync(pathOf(sha256))],
]

type Ended = { status: string; error?: ProblemDocument }
const run = async (path: string, request: object): Promise<ProblemDocument | undefined> => {
  const response = await postJson(`${app.url}${path}?wait=20`, request)
  if (!response.ok) return json<ProblemDocument>(response)
  return (await json<Ended>(response)).error
}
const merge = () => run('/v1/merges', { models: [{ id: a.id }, { id: b.id }] })
const evaluate = () =>
  run('/v1/evaluations', {
    model: a.id,
    dataset: data.id,
    inputs: { x: 'x' },
    target: 't',
    metrics: [{ name: 'allClose', atol: Math.random() }],
  })

describe.each(damages)('a stored file that %s', (_, damage) => {
  test('is not merged, compared, evaluated or searched: the job fails and names it', async () => {
    expect(await merge()).toBeUndefined()
    damage(a.sha256)
    const scoring = { dataset: data.id, metric: 'mse', inputs: { x: 'x' }, target: 't' }
    const models = [{ id: b.id }, { id: a.id }]
    for (const attempt of [
      merge,
      evaluate,
      () => run('/v1/comparisons', { models }),
      () => run('/v1/searches', { models, strategy: { type: 'exhaustive' }, selection: scoring }),
    ]) {
      const problem = await attempt()
      expect(problem).toMatchObject({ status: 500, code: 'TUREEN_CONTENT_DAMAGED', errors: [{ model: a.id }] })
    }
  })

  test('is not given out, neither whole nor in part, nor read for its tensors', async () => {
    damage(a.sha256)
    for (const [path, headers] of [
      ['content', {}],
      ['content', { range: 'bytes=0-9' }],
      ['tensors', {}],
    ] as const) {
      const response = await fetch(`${app.url}/v1/models/${a.id}/${path}`, { headers })
      const { errors } = await readProblem(response, 500, 'TUREEN_CONTENT_DAMAGED')
      expect(errors).toMatchObject([{ model: a.id }])
    }
    expect((await fetch(`${app.url}/v1/models/${b.id}/content`)).status).toBe(200)
  })

  test('of a data set is not evaluated on', async () => {
    expect(await evaluate()).toBeUndefined()
    damage(data.sha256)
    expect(await evaluate()).toMatchObject({
      code: 'TUREEN_CONTENT_DAMAGED',
      errors: [{ dataset: expect.any(String), location: expect.any(String) }],
    })
  })

  test('is replaced by the same upload, and everything works again', async () => {
    damage(a.sha256)
    damage(data.sha256)
    expect((await uploadModel(app.url, first, 'name=a')).id).toBe(a.id)
    await uploadSamples()
    expect(await merge()).toBeUndefined()
    expect(await evaluate()).toBeUndefined()
    const content = await fetch(`${app.url}/v1/models/${a.id}/content`)
    expect(new Uint8Array(await content.arrayBuffer())).toEqual(first)
  })
})

test('a damaged data file is named by its location, and the model’s own file is still given out', async () => {
  const model = externalModel([1, 2, 3, 4], [5, 1])
  const record = await json<Uploaded>(await fetch(`${app.url}/v1/models`, { method: 'POST', body: modelForm(model) }))
  const file = record.files.find(({ location }) => location === 'b.bin')
  flipBit(file?.sha256 ?? '')
  const problem = await run('/v1/merges', { models: [{ id: record.id }, { id: record.id }] })
  expect(problem).toMatchObject({ code: 'TUREEN_CONTENT_DAMAGED', errors: [{ model: record.id, location: 'b.bin' }] })
  const url = `${app.url}/v1/models/${record.id}`
  await readProblem(await fetch(`${url}/data/b.bin`), 500, 'TUREEN_CONTENT_DAMAGED')
  await readProblem(await fetch(`${url}/content?external=inline`), 500, 'TUREEN_CONTENT_DAMAGED')
  expect((await fetch(`${url}/content`)).status).toBe(200)
})

test('a file that was only touched, or copied back from a backup, is as good as before', async () => {
  const path = pathOf(a.sha256)
  utimesSync(path, new Date(), new Date(0))
  expect(await merge()).toBeUndefined()
  writeFileSync(`${path}.copy`, readFileSync(path))
  renameSync(`${path}.copy`, path)
  expect(await merge()).toBeUndefined()
})
