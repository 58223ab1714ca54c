import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { requireRoom } from '../../src/storage/cluster/required-room.ts'
import { bringUpToDate, type Catalog } from '../../src/storage/database.ts'
import { recordedContent } from '../../src/storage/recorded-content.ts'
import { newModel } from '../support/new-records.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
beforeAll(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
})
afterAll(() => opened.close())

const digestOf = (index: number) => `sha256:${String(index).padStart(64, '0')}`
/** The size of content is a function of its digest, as it is of real content. */
const fileOf = (index: number) => ({ sha256: digestOf(index), bytes: 2 ** index })

/** Adds a model with files of these contents. */
const addIn = (transaction: Catalog, contents: readonly number[]) =>
  insertModel(transaction, {
    ...newModel(randomUUID()),
    files: contents.map((index, position) => ({
      location: position === 0 ? '' : `file-${position}`,
      ...fileOf(index),
    })),
  })

let datasets = 0
/** Adds a data set with a file of this content. */
const addDataset = async (transaction: Catalog, content: number) => {
  datasets += 1
  const [id, file] = [`dataset-${datasets}`, fileOf(content)]
  await transaction
    .insertInto('datasets')
    .values({ id, description: '{}', created_at: '', ...file })
    .execute()
  await transaction
    .insertInto('dataset_files')
    .values({ dataset_id: id, position: 0, name: id, ...file })
    .execute()
}

/** The same sum by reading all rows. */
const summed = async () => {
  const rows = [
    ...(await catalog.selectFrom('model_files').select(['sha256', 'bytes']).execute()),
    ...(await catalog.selectFrom('dataset_files').select(['sha256', 'bytes']).execute()),
  ]
  const once = new Map(rows.map(({ sha256, bytes }) => [sha256, bytes]))
  return { files: once.size, bytes: once.values().reduce((sum, bytes) => sum + bytes, 0) }
}

test(`the total of all content is exact after concurrent additions, deletions and failures, seed ${runSeed}`, async () => {
  const random = seededRandom(runSeed)
  const givenUp = new Error('given up')
  const act = async () => {
    const fails = random.next() < 0.2
    const contents = random.shuffled([0, 1, 2, 3, 4, 5]).slice(0, 1 + Math.floor(random.next() * 4))
    const [first = 0] = contents
    const kind = random.pick(['model', 'model', 'dataset', 'remove', 'remove'])
    const known = await catalog.selectFrom('models').select('id').execute()
    await catalog
      .transaction()
      .execute(async transaction => {
        // Content that a model has twice, and that others have, counts once.
        if (kind === 'model') await addIn(transaction, [...contents, first])
        else if (kind === 'remove' && known.length > 0)
          await modelRecords.remove(transaction, random.pick(known).id, () => undefined)
        else if (kind === 'dataset') await addDataset(transaction, first)
        if (fails) throw givenUp
      })
      .catch((error: unknown) => {
        // Another transaction may have removed the same model.
        if (error !== givenUp) expect(error).toMatchObject({ code: 'TUREEN_NOT_FOUND' })
      })
  }
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(Array.from({ length: 8 }, act))
    expect(await recordedContent(catalog), `round ${round}`).toEqual(await summed())
  }
  for (const table of ['dataset_files', 'model_files', 'datasets', 'models'] as const)
    await catalog.deleteFrom(table).execute()
  expect(await recordedContent(catalog)).toEqual({ files: 0, bytes: 0 })
})

test('room is counted without the rows of other records', async () => {
  await sql`insert into models (id, sha256, fingerprint, description, created_at)
    select 'm' || n, 's' || n, '', '{}', '' from generate_series(1, 20000) n`.execute(catalog)
  await sql`insert into model_files (model_id, location, sha256, bytes)
    select 'm' || n, '', 'sha256:' || n, 3 from generate_series(1, 20000) n`.execute(catalog)
  await sql`analyze model_files`.execute(catalog)
  expect(await recordedContent(catalog)).toEqual({ files: 20_000, bytes: 60_000 })
  await catalog.insertInto('servers').values({ id: 'server', seen_at: 0 }).execute()
  const hold = (id: string, name: string, bytes: number) =>
    catalog.insertInto('server_holds').values({ id, kind: 'addition', name, bytes, server_id: 'server' }).execute()
  await hold('known', 'sha256:7', 3)
  await hold('new', 'sha256:new', 100)
  await hold('also new', 'sha256:new', 100)
  await hold('next', 'sha256:next', 1)
  await requireRoom(catalog, 'known', 60_000)
  for (const id of ['new', 'also new']) await requireRoom(catalog, id, 60_100)
  await expect(requireRoom(catalog, 'new', 60_099)).rejects.toMatchObject({ code: 'TUREEN_STORE_FULL' })
  await expect(requireRoom(catalog, 'next', 60_100)).rejects.toMatchObject({ code: 'TUREEN_STORE_FULL' })
  const read = await catalog.transaction().execute(async transaction => {
    await requireRoom(transaction, 'next', 60_101)
    const { rows } = await sql<{ tuples: number }>`select seq_tup_read as tuples from pg_stat_xact_user_tables
      where relname = 'model_files'`.execute(transaction)
    return rows
  })
  expect(read).toEqual([{ tuples: 0 }])
})

test('a catalog of an earlier version gets the total of the content that it has', async () => {
  const earlier = await openTestCatalog()
  const { catalog: db } = earlier
  for (const table of ['model_files', 'dataset_files'])
    for (const event of ['insert', 'delete'])
      await sql`drop trigger ${sql.ref(`${table}_${event}`)} on ${sql.table(table)}`.execute(db)
  await sql`drop function count_content`.execute(db)
  await sql`drop table content_total`.execute(db)
  await sql`delete from kysely_migration where name = '0028-content-total'`.execute(db)
  await addIn(db, [1, 2, 2])
  await addIn(db, [2, 3])
  await bringUpToDate(db, 'store')
  expect(await recordedContent(db)).toEqual({ files: 3, bytes: 14 })
  await addIn(db, [4])
  expect(await recordedContent(db)).toEqual({ files: 4, bytes: 30 })
  await earlier.close()
})
