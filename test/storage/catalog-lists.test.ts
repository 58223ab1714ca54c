import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordOrder } from '../../schemas/common.ts'
import { datasetRecords, insertDataset } from '../../src/datasets/dataset-records.ts'
import { listJobs } from '../../src/jobs/job-summaries.ts'
import { insertModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { isPostgres } from '../../src/storage/catalog-sql.ts'
import type { Catalog } from '../../src/storage/database.ts'
import type { RecordFilters } from '../../src/storage/records/record-filters.ts'
import { newDataset, newModel } from '../support/new-records.ts'
import { randomCases } from '../support/random-cases.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
beforeAll(async () => {
  opened = await openTestCatalog()
})
afterAll(() => opened.close())

const kinds = { models: modelRecords, datasets: datasetRecords }

/** What a record of these tests is: lists must follow from it alone. */
type Facts = { id: string; name: string | null; bytes: number; created: number; stage: string }

const timeOf = (created: number) => new Date(Date.UTC(2026, 0, 1) + created).toISOString()

const facts = fc.record({
  name: fc.option(
    fc.oneof(
      fc.constantFrom('a', 'B', 'a\u{1F372}', 'a\u{FF5E}', 'ä', '~', ' '),
      fc.string({ minLength: 1, maxLength: 200 }),
    ),
  ),
  bytes: fc.oneof(fc.nat(3), fc.nat(2 ** 40)),
  created: fc.nat(5),
  stage: fc.constantFrom('dev', 'prod'),
})

const storable = (name: string | null) => (name === null || name.includes('\0') ? null : name)

async function empty(catalog: Catalog): Promise<void> {
  for (const table of ['labels', 'model_files', 'dataset_files', 'models', 'datasets'] as const)
    await catalog.deleteFrom(table).execute()
}

async function insert(
  catalog: Catalog,
  table: 'models' | 'datasets',
  { name, bytes, created, stage }: Omit<Facts, 'id'>,
) {
  const content = `${table} ${bytes}`
  let id: string
  if (table === 'models') {
    const values = newModel(content, { name, labels: { stage } }, ['w'])
    // The bytes of a model are those of all its files.
    const files = values.files.map((file, index) => ({
      ...file,
      bytes: index === 0 ? bytes - Math.floor(bytes / 3) : Math.floor(bytes / 3),
    }))
    id = await insertModel(catalog, { ...values, files })
  } else {
    const values = newDataset([content], { name, labels: { stage } })
    id = await insertDataset(catalog, { ...values, files: values.files.map(file => ({ ...file, bytes })) })
  }
  await catalog
    .updateTable(table)
    .set({ created_at: timeOf(created) })
    .where('id', '=', id)
    .execute()
  return id
}

/** Compares as the contract says: names by their bytes, then ids. */
function sorted(records: readonly Facts[], order: string): string[] {
  const key = order.replace('-', '')
  const compare = (a: Facts, b: Facts) => {
    if (key === 'bytes' && a.bytes !== b.bytes) return a.bytes - b.bytes
    const byName = key === 'name' ? Buffer.compare(Buffer.from(a.name ?? ''), Buffer.from(b.name ?? '')) : 0
    return byName || (a.id < b.id ? -1 : 1)
  }
  const ids = records.toSorted(compare).map(({ id }) => id)
  return order.startsWith('-') ? ids.toReversed() : ids
}

async function joined(
  list: (cursor: string | undefined) => Promise<{ items: { id: string }[]; nextCursor: string | null }>,
) {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await list(cursor)
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return ids
}

describe.each(['models', 'datasets'] as const)('the pages of a list of %s', table => {
  test('joined are the records that pass the filters, in order, whatever the order, filters and limit', async () => {
    const filters = fc.record(
      {
        stage: fc.constantFrom('dev', 'prod'),
        after: fc.nat(5),
        before: fc.nat(6),
        min: fc.nat(4),
        max: fc.oneof(fc.nat(4), fc.nat(2 ** 41)),
        named: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    const records = fc.array(facts, { maxLength: 14 })
    await fc.assert(
      fc.asyncProperty(records, filters, fc.integer({ min: 1, max: 6 }), async (made, wanted, limit) => {
        await empty(opened.catalog)
        const all: Facts[] = []
        for (const each of made) {
          const stored = { ...each, name: storable(each.name) }
          all.push({ ...stored, id: await insert(opened.catalog, table, stored) })
        }
        const name = wanted.named ? (all[0]?.name ?? undefined) : undefined
        const passing = all.filter(
          each =>
            (wanted.stage === undefined || each.stage === wanted.stage) &&
            (wanted.after === undefined || each.created >= wanted.after) &&
            (wanted.before === undefined || each.created < wanted.before) &&
            (wanted.min === undefined || each.bytes >= wanted.min) &&
            (wanted.max === undefined || each.bytes <= wanted.max) &&
            (name === undefined || each.name === name),
        )
        const asked = {
          limit,
          name,
          label: wanted.stage === undefined ? {} : { stage: wanted.stage },
          createdAfter: wanted.after === undefined ? undefined : timeOf(wanted.after),
          createdBefore: wanted.before === undefined ? undefined : timeOf(wanted.before),
          minBytes: wanted.min,
          maxBytes: wanted.max,
        }
        for (const sort of recordOrder.options)
          expect(await joined(cursor => kinds[table].list(opened.catalog, { ...asked, sort, cursor }))).toEqual(
            sorted(passing, sort),
          )
      }),
      { numRuns: randomCases(45) },
    )
  })
})

test('a list of names goes on at its place when the record there is deleted and others come', async () => {
  const label = { of: 'place' }
  const add = (name: string) => insertModel(opened.catalog, newModel(`place ${name}`, { name, labels: label }))
  const [b, d, f] = [await add('b'), await add('d'), await add('f')]
  const first = await modelRecords.list(opened.catalog, { limit: 2, label, sort: 'name' })
  expect(first.items.map(({ id }) => id)).toEqual([b, d])
  await modelRecords.remove(opened.catalog, d, () => undefined)
  await add('a')
  const e = await add('e')
  const second = await modelRecords.list(opened.catalog, {
    limit: 9,
    label,
    sort: 'name',
    cursor: first.nextCursor ?? '',
  })
  expect(second.items.map(({ id }) => id)).toEqual([e, f])
})

test('a cursor of another order is refused', async () => {
  const label = { of: 'orders' }
  for (const name of ['a', 'b']) await insertModel(opened.catalog, newModel(`orders ${name}`, { name, labels: label }))
  const orders = recordOrder.options
  for (const sort of orders) {
    const { nextCursor } = await modelRecords.list(opened.catalog, { limit: 1, label, sort })
    for (const other of orders.filter(each => each !== sort))
      await expect(
        modelRecords.list(opened.catalog, { limit: 1, label, sort: other, cursor: nextCursor ?? '' }),
      ).rejects.toMatchObject({ code: 'TUREEN_REQUEST_INVALID' })
  }
})

test('jobs come oldest or newest first, by name and by the time of their creation', async () => {
  const ids: string[] = []
  for (let index = 0; index < 7; index += 1) {
    const id = `00000000-0000-7000-8000-00000000000${index}`
    const row = {
      id,
      type: 'merge',
      status: 'failed',
      request: '{}',
      name: index % 2 ? 'odd' : null,
      created_at: timeOf(index),
    }
    await opened.catalog.insertInto('jobs').values(row).execute()
    ids.push(id)
  }
  const list = (filters: object) =>
    joined(cursor => listJobs(opened.catalog, { limit: 2, label: {}, ...filters, cursor }))
  expect(await list({})).toEqual(ids.toReversed())
  expect(await list({ sort: 'created' })).toEqual(ids)
  expect(await list({ sort: 'created', name: 'odd' })).toEqual([ids[1], ids[3], ids[5]])
  expect(await list({ createdAfter: timeOf(2), createdBefore: timeOf(5) })).toEqual([ids[4], ids[3], ids[2]])
  const { nextCursor } = await listJobs(opened.catalog, { limit: 2, label: {}, sort: 'created' })
  await expect(listJobs(opened.catalog, { limit: 2, label: {}, cursor: nextCursor ?? '' })).rejects.toMatchObject({
    code: 'TUREEN_REQUEST_INVALID',
  })
})

describe('of a catalog with 10,000 models', () => {
  const count = 10_000
  const idAt = (index: number) => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`
  beforeAll(async () => {
    await empty(opened.catalog)
    for (let from = 0; from < count; from += 500) {
      const indexes = Array.from({ length: 500 }, (_, index) => from + index)
      const rows = indexes.map(index => ({
        id: idAt(index),
        name: `m${(index * 7919) % count}`,
        sha256: `sha256:${index}`,
        fingerprint: 'f',
        description: 'd'.repeat(2_000),
        created_at: timeOf(index),
      }))
      await opened.catalog.insertInto('models').values(rows).execute()
      const files = indexes.map(index => ({
        model_id: idAt(index),
        location: '',
        sha256: `sha256:${index}`,
        bytes: index % 100,
      }))
      await opened.catalog.insertInto('model_files').values(files).execute()
    }
    await sql`analyze`.execute(opened.catalog)
  })

  /** Returns how the database reads a page, as its own plan says. */
  async function planOf(filters: Omit<RecordFilters, 'limit' | 'label'>): Promise<string> {
    const queries: { sql: string; parameters: readonly unknown[] }[] = []
    const watched = opened.catalog.withPlugin({
      transformQuery({ node, queryId }) {
        queries.push(opened.catalog.getExecutor().compileQuery(node, queryId))
        return node
      },
      transformResult: async ({ result }) => result,
    })
    await modelRecords.list(watched, { limit: 5, label: {}, ...filters })
    const [query] = queries
    if (!query) throw new Error('a list makes a query')
    const postgres = isPostgres(opened.catalog)
    const { rows } = await opened.catalog.executeQuery<Record<string, unknown>>({
      ...sql`select 1`.compile(opened.catalog),
      sql: `explain ${postgres ? '' : 'query plan '}${query.sql}`,
      parameters: query.parameters,
    })
    return rows.map(row => String(row['detail'] ?? row['QUERY PLAN'])).join('\n')
  }

  const firstPage = (sort: RecordFilters['sort']) => modelRecords.list(opened.catalog, { limit: 5, label: {}, sort })

  test.each([
    ['-created', /autoindex_models_1|models_pkey/],
    ['name', /models_sorted_by_name/],
    ['-name', /models_sorted_by_name/],
    ['bytes', /model_files_sizes/],
  ] as const)('a page in the order %s comes from an index, also behind a cursor', async (sort, index) => {
    const { nextCursor } = await firstPage(sort)
    for (const cursor of [undefined, nextCursor ?? '']) {
      const plan = await planOf({ sort, cursor })
      expect(plan).toMatch(index)
      if (sort === 'bytes') continue
      // Neither reads all of the table, nor sorts it.
      expect(plan).not.toMatch(/SCAN models$|Seq Scan on models/m)
    }
  })

  test('a time of creation is found by an index', async () => {
    const plan = await planOf({ createdAfter: timeOf(4_000), createdBefore: timeOf(4_003) })
    expect(plan).toMatch(/models_by_creation/)
  })
})
