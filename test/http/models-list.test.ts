import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

type Page = { items: ModelRecord[]; nextCursor: string | null }

let app: Awaited<ReturnType<typeof startApp>>
/** In the order of their upload. */
const uploaded: ModelRecord[] = []
let digit: ModelRecord

beforeAll(async () => {
  app = await startApp()
  const ft0 = await projectFile('examples/digits/ft0.onnx')
  for (const index of [0, 1, 2, 3, 4, 5]) {
    const query = `name=${index % 2 ? 'odd' : 'even'}&label=index:${index}&label=set:small`
    uploaded.push(await uploadModel(app.url, linearModel([index, 1, 2, 3], [4, 5]), query))
  }
  digit = await uploadModel(app.url, ft0, 'name=even&label=set:digits')
  uploaded.push(digit)
})
afterAll(() => app.close())

async function list(query = ''): Promise<Page> {
  const response = await fetch(`${app.url}/v1/models?${query}`)
  expect(response.status).toBe(200)
  return json<Page>(response)
}

async function indices(query: string): Promise<number[]> {
  const { items } = await list(query)
  return items.map(({ id }) => uploaded.findIndex(each => each.id === id))
}

async function pages(query: string): Promise<ModelRecord[][]> {
  const found: ModelRecord[][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await list(cursor ? `${query}&cursor=${encodeURIComponent(cursor)}` : query)
    found.push(page.items)
    expect(page.nextCursor === null || page.items.length > 0).toBe(true)
    cursor = page.nextCursor
  }
  return found
}

const newestFirst = () => uploaded.toReversed()

describe('the list of models', () => {
  test('has whole records, the newest first', async () => {
    expect(await list()).toEqual({ items: newestFirst(), nextCursor: null })
  })

  test('in pages has every record once', async () => {
    const found = await pages('limit=2')
    expect(found.map(page => page.length)).toEqual([2, 2, 2, 1])
    expect(found.flat()).toEqual(newestFirst())
  })

  test('in pages of one has every record once', async () => {
    expect((await pages('limit=1')).flat()).toEqual(newestFirst())
  })

  test('has no page after one that is exactly full', async () => {
    expect(await list('limit=7')).toEqual({ items: newestFirst(), nextCursor: null })
  })

  test('in pages neither repeats nor misses one when a new record comes meanwhile', async () => {
    const first = await list('limit=3')
    const late = await uploadModel(app.url, linearModel([9, 1, 2, 3], [4, 5]), 'name=late')
    const second = await list(`limit=500&cursor=${first.nextCursor}`)
    expect([...first.items, ...second.items]).toEqual(newestFirst())
    await fetch(`${app.url}/v1/models/${late.id}`, { method: 'DELETE' })
  })

  test('goes on behind a cursor whose record has been deleted', async () => {
    const late = await uploadModel(app.url, linearModel([9, 1, 2, 3], [4, 5]), 'name=late')
    const first = await list('limit=1')
    await fetch(`${app.url}/v1/models/${late.id}`, { method: 'DELETE' })
    expect((await list(`cursor=${first.nextCursor}`)).items).toEqual(newestFirst())
  })
})

describe('filters', () => {
  test('by name, exactly', async () => {
    expect(await indices('name=odd')).toEqual([5, 3, 1])
    expect(await indices('name=od')).toEqual([])
  })

  test('by label, and by several together', async () => {
    expect(await indices('label=set:small')).toEqual([5, 4, 3, 2, 1, 0])
    expect(await indices('label=set:small&label=index:3')).toEqual([3])
    expect(await indices('label=set:digits&label=index:3')).toEqual([])
    expect(await indices('label=set:Small')).toEqual([])
  })

  test('by one label with two values find nothing or are refused, for no model has both', async () => {
    const response = await fetch(`${app.url}/v1/models?label=index:2&label=index:3`)
    const { items = [] } = await json<Partial<Page>>(response)
    expect(items).toEqual([])
  })

  test('by sha256, with and without its prefix', async () => {
    expect(await indices(`sha256=${digit.sha256}`)).toEqual([6])
    expect(await indices(`sha256=${digit.sha256.replace('sha256:', '')}`)).toEqual([6])
    expect(await indices(`sha256=${'0'.repeat(64)}`)).toEqual([])
  })

  test('by fingerprint, which variants of one network share and others do not', async () => {
    expect(await indices(`fingerprint=${uploaded[0]?.fingerprint}`)).toEqual([5, 4, 3, 2, 1, 0])
    expect(await indices(`fingerprint=${digit.fingerprint}`)).toEqual([6])
  })

  test('together, and in pages', async () => {
    expect(await indices(`name=even&fingerprint=${uploaded[0]?.fingerprint}`)).toEqual([4, 2, 0])
    const found = await pages('name=even&label=set:small&limit=1')
    expect(found.flat()).toEqual([4, 2, 0].map(index => uploaded[index]))
  })
})

describe('an order', () => {
  test('by name has equal names in the order of their creation, reversed as a whole by a minus', async () => {
    expect(await indices('sort=name')).toEqual([0, 2, 4, 6, 1, 3, 5])
    expect(await indices('sort=-name')).toEqual([5, 3, 1, 6, 4, 2, 0])
  })

  test('by creation or size, with a filter, and in pages', async () => {
    expect(await indices('sort=created&label=set:small')).toEqual([0, 1, 2, 3, 4, 5])
    expect((await indices('sort=-bytes'))[0]).toBe(6)
    const found = await pages('sort=name&limit=1&label=set:small')
    expect(found.flat()).toEqual([0, 2, 4, 1, 3, 5].map(index => uploaded[index]))
  })
})

test('times and sizes bound a list: the earlier time and both sizes count, the later time does not', async () => {
  const [, second] = uploaded
  expect(await indices(`createdAfter=${second?.createdAt}&createdBefore=${digit.createdAt}&sort=created`)).toEqual(
    uploaded.flatMap(({ createdAt }, index) =>
      createdAt >= (second?.createdAt ?? '') && createdAt < digit.createdAt ? [index] : [],
    ),
  )
  expect(await indices(`minBytes=${digit.bytes}&maxBytes=${digit.bytes}`)).toEqual([6])
  expect(await indices(`maxBytes=${digit.bytes - 1}`)).toEqual([5, 4, 3, 2, 1, 0])
  expect(await indices('createdAfter=2999-01-01T00:00:00Z')).toEqual([])
})

test.each([
  ['sort=size', 'sort'],
  ['sort=', 'sort'],
  ['createdAfter=yesterday', 'createdAfter'],
  ['createdBefore=2026-01-01', 'createdBefore'],
  ['minBytes=-1', 'minBytes'],
  ['maxBytes=1e3', 'maxBytes'],
  ['limit=0', 'limit'],
  ['limit=501', 'limit'],
  ['limit=ten', 'limit'],
  ['limit=1.5', 'limit'],
  ['limit=', 'limit'],
  ['cursor=nonsense', 'cursor'],
  ['cursor=', 'cursor'],
  ['sha256=abc', 'sha256'],
  ['fingerprint=abc', 'fingerprint'],
  ['label=index', 'label'],
])('%s is refused, named', async (query, field) => {
  const { errors } = await readProblem(await fetch(`${app.url}/v1/models?${query}`), 400, 'TUREEN_REQUEST_INVALID')
  expect(errors[0]?.field).toBe(field)
})

test('a filter that does not exist is refused, rather than everything listed', async () => {
  const response = await fetch(`${app.url}/v1/models?lable=set:small`)
  const { detail } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
  expect(detail).toContain('lable')
})
