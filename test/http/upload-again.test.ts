import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { filesIn, json, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

let seed = 0
let model: Uint8Array<ArrayBuffer>
beforeEach(() => {
  seed += 1
  model = linearModel([seed, 1, 2, 3], [4, 5])
})

async function post(query = ''): Promise<{ status: number; record: ModelRecord }> {
  const response = await fetch(`${app.url}/v1/models?${query}`, { method: 'POST', body: model })
  return { status: response.status, record: await json<ModelRecord>(response) }
}

async function contentCount(): Promise<number> {
  return (await filesIn(app.data, 'content')).length
}

describe('the same bytes once more', () => {
  test('under the same name and labels are the same record', async () => {
    const before = await contentCount()
    const first = await post('name=a&label=run:1&label=stage:dev')
    const second = await post('name=a&label=stage:dev&label=run:1')
    expect(first.status).toBe(201)
    expect(second).toEqual({ status: 200, record: first.record })
    expect(await contentCount()).toBe(before + 1)
  })

  test('without a name and labels are the same record', async () => {
    const first = await post()
    expect(await post()).toEqual({ status: 200, record: first.record })
  })

  test.each([
    ['another name', 'name=b&label=run:1'],
    ['no name', 'label=run:1'],
    ['another label', 'name=a&label=run:2'],
    ['one label more', 'name=a&label=run:1&label=stage:dev'],
    ['no label', 'name=a'],
  ])('under %s are a new record over the same content', async (_, query) => {
    const before = await contentCount()
    const first = await post('name=a&label=run:1')
    const second = await post(query)
    expect(second.status).toBe(201)
    expect(second.record.id).not.toBe(first.record.id)
    expect(second.record.sha256).toBe(first.record.sha256)
    expect(await contentCount()).toBe(before + 1)
  })

  test('at the same moment are one record', async () => {
    const before = await contentCount()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('name=rush')))
    expect(new Set(answers.map(({ record }) => record.id)).size).toBe(1)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7)
    expect(await contentCount()).toBe(before + 1)
  })

  test('leave nothing in data/incoming', async () => {
    await post()
    await post()
    expect(await filesIn(app.data, 'incoming')).toEqual([])
  })
})

describe('labels', () => {
  test.each([
    ['without a colon', 'label=stage'],
    ['without a key', 'label=:dev'],
    ['with a space in the key', 'label=my%20stage:dev'],
    ['with an endless key', `label=${'k'.repeat(64)}:dev`],
    ['one good and one without a colon', 'label=a:b&label=stage'],
  ])('%s are refused, named', async (_, query) => {
    const before = await contentCount()
    const response = await fetch(`${app.url}/v1/models?${query}`, { method: 'POST', body: model })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toMatch(/^label/)
    expect(await contentCount()).toBe(before)
  })

  test('may have an empty value, and colons in it', async () => {
    const { labels } = await uploadModel(app.url, model, 'label=empty:&label=url:http://x:1/')
    expect(labels).toEqual({ empty: '', url: 'http://x:1/' })
  })

  test('are kept or refused, never dropped, whatever the key', async () => {
    const response = await fetch(`${app.url}/v1/models?label=__proto__:x`, { method: 'POST', body: model })
    const body = await response.text()
    if (response.ok) expect(body).toContain('"__proto__":"x"')
    else expect(response.status).toBe(400)
  })
})

test.each([
  ['an empty name', 'name=', 'name'],
  ['a parameter that there is not', 'nmae=a', 'nmae'],
])('%s is refused, named', async (_, query, field) => {
  const response = await fetch(`${app.url}/v1/models?${query}`, { method: 'POST', body: model })
  const { detail } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
  expect(detail).toContain(field)
})
