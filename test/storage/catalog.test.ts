import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { askCatalog, type Catalog, openCatalog } from '../../src/storage/database.ts'
import { undoMigrations } from '../support/earlier-catalog.ts'
import { temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
let catalog: Catalog
beforeAll(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'catalog.sqlite')
  catalog = await openCatalog(path)
})
afterAll(async () => {
  await catalog.destroy()
  await directory.remove()
})

const label = (key: string) => ({ owner_id: 'test', key, value: 'v' })
const insert = (key: string) => catalog.insertInto('labels').values(label(key)).execute()
const keys = async () => {
  const rows = await catalog.selectFrom('labels').select('key').where('owner_id', '=', 'test').orderBy('key').execute()
  return rows.map(({ key }) => key)
}

test('waits for whoever else has it for a while, and the event loop goes on meanwhile', async () => {
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  let turns = 0
  const ticking = setInterval(() => {
    turns += 1
  }, 5)
  let isInserted = false
  const inserted = insert('waited').then(() => {
    isInserted = true
  })
  await until('the event loop has gone on', () => turns > 10)
  expect(isInserted).toBe(false)
  other.exec('commit')
  other.close()
  await inserted
  clearInterval(ticking)
  expect(await keys()).toContain('waited')
})

test('a transaction waits for whoever else has it, also if it reads before it writes', async () => {
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  const inserted = catalog.transaction().execute(async transaction => {
    await transaction.selectFrom('labels').select('key').execute()
    await transaction.insertInto('labels').values(label('read first')).execute()
  })
  setTimeout(() => other.close(), 300)
  await inserted
  expect(await keys()).toContain('read first')
})

test('a transaction is all or nothing, and what comes meanwhile is not in it', async () => {
  const failing = catalog.transaction().execute(async transaction => {
    await transaction.insertInto('labels').values(label('half')).execute()
    await delay(20)
    throw new Error('changed its mind')
  })
  const beside = insert('beside')
  await expect(failing).rejects.toThrow('changed its mind')
  await beside
  expect(await keys()).toEqual(expect.arrayContaining(['beside']))
  expect(await keys()).not.toContain('half')
})

test('says that it answers while a transaction is open, and other statements wait', async () => {
  const order: string[] = []
  await catalog.transaction().execute(async transaction => {
    const waits = keys().then(() => order.push('statement'))
    await askCatalog(catalog)
    order.push('question')
    await transaction.selectFrom('labels').select('key').execute()
    order.push('transaction')
    void waits
  })
  await keys()
  expect(order).toEqual(['question', 'transaction', 'statement'])
})

test('an error of SQLite keeps its code on the way out of its thread', async () => {
  await insert('twice')
  // SQLITE_CONSTRAINT_PRIMARYKEY, https://www.sqlite.org/rescode.html
  await expect(insert('twice')).rejects.toMatchObject({ errcode: 1555 })
})

test('a new one has the mode that the umask leaves, so that the group of its directory can take over', async () => {
  const before = process.umask(0o007)
  try {
    const shared = join(directory.path, 'shared.sqlite')
    await (await openCatalog(shared)).destroy()
    expect((await stat(shared)).mode & 0o777).toBe(0o660)
  } finally {
    process.umask(before)
  }
})

test('one that cannot be opened is told, and so is what is asked of one that is closed', async () => {
  await expect(openCatalog(join(directory.path, 'nowhere', 'catalog.sqlite'))).rejects.toThrow(/cannot be opened/)
  const closed = await openCatalog(join(directory.path, 'closed.sqlite'))
  await closed.destroy()
  const error = await closed.selectFrom('models').selectAll().execute().catch(asTureenError)
  expect(error).toMatchObject({ code: 'TUREEN_INTERNAL' })
})

/** Rows of ten megabytes each, more than the thread of the catalog has memory for. */
const tooMuch = sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 60)
  select hex(zeroblob(5000000)) || i as text from n`

test('a thread that dies for want of memory is started again; its open transaction has done nothing', async () => {
  const codes: string[] = []
  const noteCode = (error: unknown) => void codes.push(asTureenError(error).code)
  const failing = catalog.transaction().execute(async transaction => {
    await transaction.insertInto('labels').values(label('before the end')).execute()
    await tooMuch.execute(transaction).then(() => codes.push('none'), noteCode)
    await transaction.insertInto('labels').values(label('after the end')).execute()
  })
  const beside = insert('beside the end')
  await failing.then(() => codes.push('none'), noteCode)
  expect(codes).toEqual(['TUREEN_CATALOG_UNAVAILABLE', 'TUREEN_CATALOG_UNAVAILABLE'])
  await beside
  const kept = await keys()
  expect(kept).toContain('beside the end')
  expect(kept.filter(key => key === 'before the end' || key === 'after the end')).toEqual([])
})

test('an update forgets the fingerprints of models with operator sets that the server did not know, and no other', async () => {
  const old = join(directory.path, 'old.sqlite')
  await (await openCatalog(old)).destroy()
  const opsets = (...versions: [domain: string, version: number][]) =>
    JSON.stringify({ opsets: versions.map(([domain, version]) => ({ domain, version })) })
  const models: Record<string, string> = {
    usual: opsets(['', 28], ['ai.onnx.ml', 5], ['com.microsoft', 1]),
    newer: opsets(['com.microsoft', 1], ['', 29]),
    spelled: opsets(['ai.onnx', 29]),
    classic: opsets(['', 13], ['ai.onnx.ml', 6]),
    damaged: '{"opsets": [{"domain": "", "ver',
  }
  const raw = new DatabaseSync(old)
  undoMigrations(raw, '0011')
  const insert = raw.prepare(
    "insert into models (id, sha256, fingerprint, description, created_at) values (?, '', 'f', ?, '')",
  )
  for (const [id, description] of Object.entries(models)) insert.run(id, description)
  raw.close()
  const updated = await openCatalog(old)
  const rows = await updated.selectFrom('models').select(['id', 'fingerprint']).execute()
  await updated.destroy()
  expect(Object.fromEntries(rows.map(({ id, fingerprint }) => [id, fingerprint]))).toEqual({
    usual: 'f',
    newer: '',
    spelled: '',
    classic: '',
    damaged: 'f',
  })
})

test('an update puts large results into parts and tells lists what they show, of whole and of damaged jobs', async () => {
  const old = join(directory.path, 'large.sqlite')
  await (await openCatalog(old)).destroy()
  const candidates = Array.from({ length: 4_095 }, (_, index) => ({ models: ['é'.repeat(300)], index }))
  const model = { id: 'm', name: 'best', sha256: `sha256:${'0'.repeat(64)}` }
  const result = JSON.stringify({ model, winner: { score: 0.5 }, candidates })
  const raw = new DatabaseSync(old)
  undoMigrations(raw, '0012')
  const insert = raw.prepare(
    "insert into jobs (id, type, status, request, result, created_at) values (?, 'search', 'succeeded', ?, ?, '')",
  )
  insert.run('large', '{"name":"soup"}', result)
  insert.run('small', '{}', '{"candidates":[]}')
  insert.run('damaged', '{"name', '{"candidates')
  raw.exec("insert into job_events (job_id, type, data) values ('large', 'done', '{}')")
  raw.close()
  const updated = await openCatalog(old)
  const jobs = await updated.selectFrom('jobs').select(['id', 'name', 'search_summary', 'result_parts']).execute()
  const parts = await updated.selectFrom('job_result_parts').select(['job_id', 'text']).orderBy('part').execute()
  const events = await updated.selectFrom('job_events').select('data').execute()
  await updated.destroy()
  const byId = Object.fromEntries(jobs.map(({ id, ...job }) => [id, job]))
  const resultOf = (id: string) => parts.filter(({ job_id }) => job_id === id).map(({ text }) => text)
  expect(byId['large']).toMatchObject({ name: 'soup', result_parts: resultOf('large').length })
  expect(resultOf('large').length).toBeGreaterThan(4)
  expect(JSON.parse(byId['large']?.search_summary ?? '')).toEqual({ score: 0.5, candidates: 4_095, winner: model })
  expect(resultOf('large').join('')).toBe(result)
  expect(byId['small']).toMatchObject({ name: null, result_parts: 1 })
  expect(resultOf('small')).toEqual(['{"candidates":[]}'])
  expect(byId['damaged']).toMatchObject({ name: null, search_summary: null, result_parts: 1 })
  expect(resultOf('damaged')).toEqual(['{"candidates'])
  expect(events).toEqual([{ data: 'null' }])
})

test('an update keeps the newest 100 events of progress of each job, and all others', async () => {
  const old = join(directory.path, 'events.sqlite')
  await (await openCatalog(old)).destroy()
  const raw = new DatabaseSync(old)
  undoMigrations(raw, '0016')
  const job = raw.prepare(
    "insert into jobs (id, type, status, request, created_at) values (?, 'merge', 'running', '{}', '')",
  )
  const event = raw.prepare('insert into job_events (job_id, type, data) values (?, ?, ?)')
  for (const id of ['long', 'short']) job.run(id)
  for (let index = 0; index < 250; index += 1) event.run('long', index % 50 === 0 ? 'log' : 'progress', String(index))
  event.run('short', 'progress', '0')
  raw.close()
  const updated = await openCatalog(old)
  const events = await updated.selectFrom('job_events').selectAll().orderBy('sequence').execute()
  await updated.destroy()
  const kept = (id: string, type: string) => events.filter(each => each.job_id === id && each.type === type)
  expect(kept('long', 'log').map(({ data }) => data)).toEqual(['0', '50', '100', '150', '200'])
  expect(kept('long', 'progress')).toHaveLength(100)
  expect(kept('long', 'progress').at(-1)?.data).toBe('249')
  expect(kept('short', 'progress')).toHaveLength(1)
})

test('an update finds the models of scores: their own, those of their job, and removes scores without any', async () => {
  const old = join(directory.path, 'scores.sqlite')
  await (await openCatalog(old)).destroy()
  const raw = new DatabaseSync(old)
  undoMigrations(raw, '0017')
  for (const name of ['a', 'b'])
    raw.exec(
      `insert into models (id, sha256, fingerprint, description, created_at) values ('${name}', 'of ${name}', '', '{}', '')`,
    )
  raw.exec(`insert into jobs (id, type, status, request, created_at) values ('job', 'search', 'succeeded', '{}', '');
    insert into job_inputs values ('job', 'a'), ('job', 'b'), ('job', 'data set')`)
  const score = raw.prepare(
    "insert into scores (key, value, created_at, job_id, model_sha256) values (?, '1', '', ?, ?)",
  )
  score.run('single', 'deleted job', 'of a')
  score.run('soup', 'job', null)
  score.run('unknown', 'deleted job', null)
  score.run('of a model that is gone', null, 'of c')
  raw.close()
  const updated = await openCatalog(old)
  const rows = await updated.selectFrom('scores').select(['key', 'models']).execute()
  const numbered = await updated.selectFrom('scored_models').selectAll().execute()
  await updated.destroy()
  const [a, b] = ['of a', 'of b'].map(sha256 => numbered.find(each => each.sha256 === sha256)?.number)
  expect(Object.fromEntries(rows.map(({ key, models }) => [key, models]))).toEqual({
    single: `,${a},`,
    soup: expect.stringMatching(`^,(${a},${b}|${b},${a}),$`),
  })
})
