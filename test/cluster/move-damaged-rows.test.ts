import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openCatalog } from '../../src/storage/database.ts'
import type { StoreFinding } from '../../src/store-tools/catalog-findings.ts'
import { moveStore } from '../../src/store-tools/move/move-store.ts'
import { createDatabase } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let database: string
const lines: string[] = []
const findings: StoreFinding[] = []

const ids = ['0', '1', '2', '3'].map(digit => `019ac3d2-0000-7000-8000-00000000000${digit}`)
const [nul, blob, notUtf8, job] = ids
/** More than a double can hold exactly. */
const large = 9_007_199_254_740_993n

beforeAll(async () => {
  directory = await temporaryDirectory()
  const path = join(directory.path, 'catalog.sqlite')
  await (await openCatalog(path, randomUUID())).destroy()
  const catalog = new DatabaseSync(path)
  catalog.exec('pragma foreign_keys = off')
  const model = catalog.prepare(
    `insert into models (id, name, sha256, fingerprint, description, created_at) values (?, ?, 'sha256:0', '', ?, '2026')`,
  )
  model.run(nul ?? '', 'a\0b', '{}')
  model.run(blob ?? '', 'blob', Buffer.from('{"a":1}'))
  model.run(notUtf8 ?? '', '\ufffd stays', '{}')
  catalog.prepare("update models set name = cast(x'61ff62' as text) where id = ?").run(notUtf8 ?? '')
  catalog.prepare('insert into labels values (?, ?, ?)').run(nul ?? '', 'kept', '\ufffd and \u{1f963}')
  const file = catalog.prepare(`insert into model_files values (?, ?, 'sha256:0', ?)`)
  file.run(nul ?? '', '', large)
  file.run(blob ?? '', '', 'many')
  catalog
    .prepare(
      `insert into jobs (id, type, status, request, attempts, created_at) values (?, 'merge', 'queued', '{}', ?, '2026')`,
    )
    .run(job ?? '', 'few')
  const event = catalog.prepare('insert into job_events values (?, ?, ?, ?)')
  event.run(41, job ?? '', 'progress', '{}')
  event.run(42, 'no such job', 'progress', '{}')
  event.run(50, job ?? '', 'progress', '{}')
  catalog.exec('delete from job_events where sequence = 50')
  catalog.close()
  database = await createDatabase(inject('postgres') ?? '')
  await moveStore(directory.path, { toPostgres: true, database, content: null }, false, {
    say: line => lines.push(line),
    onFinding: finding => findings.push(finding),
  })
})
afterAll(() => directory.remove())

/** Rows of the database as PostgreSQL's own driver reads them. */
async function rows(text: string): Promise<unknown[]> {
  const client = new Client(database)
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

test('texts that PostgreSQL cannot store are kept as far as it can, and all others as they are', async () => {
  expect(await rows('select id, name, description from models order by id')).toEqual([
    [nul, 'a\ufffdb', '{}'],
    [blob, 'blob', '{"a":1}'],
    [notUtf8, 'a\ufffdb', '{}'],
  ])
  expect(await rows('select owner_id, key, value from labels')).toEqual([[nul, 'kept', '\ufffd and \u{1f963}']])
})

test('integers keep all their digits, and a size that is no number makes its record unreadable', async () => {
  expect(await rows('select model_id, bytes from model_files order by model_id')).toEqual([
    [nul, String(large)],
    [blob, '-1'],
  ])
  expect(await rows('select attempts from jobs')).toEqual([[null]])
})

test('each change is named with its row', () => {
  const told = findings.map(({ place, message }) => `${place} ${message}`)
  for (const expected of [
    `the row ${nul} of models was damaged or cannot be kept: name holds U+0000, which PostgreSQL does not store, and has U+FFFD instead`,
    `the row ${blob} of models was damaged or cannot be kept: description is a blob, and became the text of its bytes`,
    `the row ${notUtf8} of models was damaged or cannot be kept: name holds bytes that are not UTF-8, and has U+FFFD instead`,
    `the row ${blob}  of model_files was damaged or cannot be kept: bytes is not an integer, and became -1`,
    `the row ${job} of jobs was damaged or cannot be kept: attempts is not an integer, and became null`,
    'the row 42 of job_events is left out: it belongs to a row of jobs that is not there',
  ])
    expect(told).toContain(expected)
  expect(told.filter(line => line.startsWith('the row'))).toHaveLength(6)
})

test('sequences continue after the greatest number that was ever used', async () => {
  expect(await rows('select sequence from job_events')).toEqual([['41']])
  const [added] = await rows(
    `insert into job_events (job_id, type, data) values ('${job}', 'progress', '{}') returning sequence`,
  )
  expect(added).toEqual(['51'])
})

test('all tables of the catalog are moved, and the total of the content is counted anew', async () => {
  const tables = await rows(`select tablename from pg_tables where schemaname = 'public'
    and tablename not like 'kysely%' and tablename <> 'content_total' order by tablename`)
  for (const [name] of tables as [string][])
    expect(lines).toContainEqual(expect.stringMatching(` rows of ${name} are copied and compared`))
  expect(tables.length).toBeGreaterThan(11)
  expect(await rows('select files, bytes from content_total')).toEqual(
    await rows(`select count(*), sum(bytes) from (select sha256, max(bytes) as bytes
      from (select sha256, bytes from model_files union all select sha256, bytes from dataset_files) as files
      group by sha256) as content`),
  )
})
