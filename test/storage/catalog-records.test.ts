import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetRecords, insertDataset } from '../../src/datasets/dataset-records.ts'
import { dataPlace, putModelFile } from '../../src/models/data-places.ts'
import { copyModel, digestOfNew, insertModel, type NewModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { expiredIds, extendLife } from '../../src/storage/expiry.ts'
import { deleteRecord } from '../../src/storage/records/record-tables.ts'
import { newDataset, newModel } from '../support/new-records.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
beforeAll(async () => {
  opened = await openTestCatalog()
})
afterAll(() => opened.close())

const findModel = (reference: string) => modelRecords.find(opened.catalog, reference)
const removeModel = (id: string) => modelRecords.remove(opened.catalog, id, () => undefined)
const notFound = expect.objectContaining({ code: 'TUREEN_NOT_FOUND' })

/** Adds a model as an upload does. */
const addModel = (values: NewModel) =>
  modelRecords.addOnce(opened.catalog, { ...values, sha256: digestOfNew(values) }, () =>
    insertModel(opened.catalog, values),
  )

describe('a model record', () => {
  test('is read as it was written, with labels in any alphabet, quotes and backslashes', async () => {
    const labels = { run: 'ü "quoted" \\ back', 'a/b': '\u{1F372}', empty: '' }
    const values = newModel('read', { name: "soup's 'best' %_", labels, expiresAt: '2030-01-01T00:00:00.000Z' })
    const id = await insertModel(opened.catalog, values)
    expect(await findModel(id)).toMatchObject({
      id,
      name: values.name,
      labels,
      files: values.files,
      bytes: 5_000_000_000,
      status: 'complete',
      expiresAt: values.expiresAt,
      lineage: null,
    })
  })

  test('lists its files by the bytes of their locations, however long these are', async () => {
    const locations = ['Z', 'a', 'ä', '_', 'x'.repeat(4_096), '\\n', 'a/b', 'B']
    const id = await insertModel(opened.catalog, newModel('locations', {}, locations))
    const found = await findModel(id)
    const bytewise = ['', ...locations].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(found).toMatchObject({ files: bytewise.map(location => ({ location })) })
    for (const location of locations)
      expect(await dataPlace(opened.catalog, id, location)).toMatchObject({ missing: 0, file: { location } })
  })

  test('is found by its digest: the newest one', async () => {
    const values = newModel('twice')
    await insertModel(opened.catalog, { ...values, name: 'older' })
    const id = await insertModel(opened.catalog, { ...values, name: 'newer' })
    expect(await findModel(String(values.files[0]?.sha256))).toMatchObject({ id, name: 'newer' })
  })

  test('is the same only with the same content, name and labels', async () => {
    const values = newModel('same', { name: 'n', labels: { a: '1' } })
    const id = await insertModel(opened.catalog, values)
    expect(await addModel(values)).toMatchObject({ record: { id }, created: false })
    for (const other of [{ name: null }, { name: 'N' }, { labels: {} }, { labels: { a: '1', b: '2' } }])
      expect(await addModel({ ...values, ...other })).toMatchObject({ record: other, created: true })
    const nameless = await insertModel(opened.catalog, newModel('nameless'))
    expect(await addModel(newModel('nameless'))).toMatchObject({ record: { id: nameless }, created: false })
  })

  test('lives longer if it is added again with a longer life, and never shorter', async () => {
    const at = (year: number) => `${year}-01-01T00:00:00.000Z`
    const values = newModel('again', { expiresAt: at(2031) })
    const expiries = [at(2031), at(2030), at(2032), null, at(2033)].map(expiresAt => ({ ...values, expiresAt }))
    const seen: (string | null)[] = []
    for (const each of expiries) seen.push((await addModel(each)).record.expiresAt)
    expect(seen).toEqual([at(2031), at(2031), at(2032), null, null])
  })

  test('that is damaged is not the same as a sound one', async () => {
    const values = newModel('unsound')
    const id = await insertModel(opened.catalog, values)
    await opened.catalog.updateTable('models').set({ description: '{' }).where('id', '=', id).execute()
    expect(await addModel(values)).toMatchObject({ created: true })
  })

  test('gets a data file, and another one in its place', async () => {
    const whole = newModel('data', {}, ['weights.bin'])
    const id = await insertModel(opened.catalog, { ...whole, files: whole.files.slice(0, 1) })
    expect(await findModel(id)).toMatchObject({ status: 'incomplete', missing: ['weights.bin'] })
    const [, file] = newModel('data', {}, ['weights.bin']).files
    if (!file) throw new Error('the model has two files')
    await putModelFile(opened.catalog, id, { ...file, bytes: 1 }, undefined)
    await putModelFile(opened.catalog, id, file, { files: whole.files, inspected: whole.inspected })
    expect(await findModel(id)).toMatchObject({ status: 'complete', files: whole.files })
  })

  test('is copied with its files, and deleted without them', async () => {
    const id = await insertModel(opened.catalog, newModel('copied', {}, ['w']))
    const copy = await copyModel(opened.catalog, id, { name: null, labels: { copy: 'yes' }, expiresAt: null })
    const { files } = newModel('copied', {}, ['w'])
    const digests = files.map(({ sha256 }) => sha256)
    expect((await removeModel(id)).toSorted()).toEqual(digests.toSorted())
    await expect(findModel(id)).rejects.toEqual(notFound)
    expect(await findModel(copy)).toMatchObject({ labels: { copy: 'yes' }, status: 'complete' })
    expect((await removeModel(copy)).toSorted()).toEqual(digests.toSorted())
  })

  test('that is damaged is listed with the reason', async () => {
    const id = await insertModel(opened.catalog, newModel('damaged', { labels: { of: 'damage' } }))
    await opened.catalog.updateTable('models').set({ description: '{"bytes' }).where('id', '=', id).execute()
    const { items } = await modelRecords.list(opened.catalog, { limit: 5, label: { of: 'damage' } })
    expect(items).toEqual([expect.objectContaining({ id, unreadable: expect.stringContaining('description') })])
  })
})

describe('a list of models', () => {
  test('pages from the newest to the oldest, by labels, and each model comes once', async () => {
    const ids: string[] = []
    for (let index = 0; index < 23; index += 1)
      ids.push(
        await insertModel(opened.catalog, newModel(`paged ${index}`, { labels: { of: 'pages', at: `${index % 2}` } })),
      )
    const each: string[] = []
    for await (const { id } of modelRecords.each(opened.catalog, { label: { of: 'pages' } })) each.push(id)
    expect(each).toEqual(ids.toReversed())
    const read: string[] = []
    let cursor: string | undefined
    do {
      const page = await modelRecords.list(opened.catalog, { limit: 5, cursor, label: { of: 'pages' } })
      read.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(read).toEqual([...ids].reverse())
    const odd = ids.filter((_, index) => index % 2 === 1)
    expect(await modelRecords.labelled(opened.catalog, { of: 'pages', at: '1' }, 100)).toEqual(odd)
    expect(await modelRecords.labelled(opened.catalog, { of: 'pages', at: '2' }, 100)).toEqual([])
  })
})

describe('a data set record', () => {
  test('keeps the order of its files, and is found by id and by digest', async () => {
    const values = newDataset(['z.npz', 'a.npz', 'M.npz'], { name: 'val', labels: { split: 'test' } })
    const id = await insertDataset(opened.catalog, values)
    const record = { id, name: 'val', files: values.files, bytes: 9, labels: { split: 'test' } }
    expect(await datasetRecords.find(opened.catalog, id)).toMatchObject(record)
    expect(await datasetRecords.find(opened.catalog, values.sha256)).toMatchObject(record)
    const add = (name: string | null) =>
      datasetRecords.addOnce(opened.catalog, { ...values, name }, () =>
        insertDataset(opened.catalog, { ...values, name }),
      )
    expect(await add('val')).toMatchObject({ record: { id }, created: false })
    expect(await add(null)).toMatchObject({ created: true })
    expect((await datasetRecords.list(opened.catalog, { limit: 5, label: {}, name: 'val' })).items).toHaveLength(1)
    await deleteRecord(opened.catalog, 'datasets', id)
    await expect(datasetRecords.find(opened.catalog, id)).rejects.toEqual(notFound)
  })
})

test('records expire in order, and a longer life lets one stay', async () => {
  const at = (year: number) => `${year}-01-01T00:00:00.000Z`
  const [first, second] = [
    await insertModel(opened.catalog, newModel('first', { expiresAt: at(2001) })),
    await insertModel(opened.catalog, newModel('second', { expiresAt: at(2002) })),
  ]
  expect(await expiredIds(opened.catalog, 'models', at(2003))).toEqual([first, second])
  await extendLife(opened.catalog, 'models', { id: first, expiresAt: at(2001) }, at(2004))
  await extendLife(opened.catalog, 'models', { id: second, expiresAt: at(2002) }, at(2001))
  expect(await expiredIds(opened.catalog, 'models', at(2003))).toEqual([second])
})
