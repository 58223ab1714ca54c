import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { beginAttempt, takeBackAttempts } from '../../src/jobs/job-attempts.ts'
import { eventsAfter, insertDone, insertLog, insertProgress } from '../../src/jobs/job-event-rows.ts'
import { countQueued, insertJob, jobById, queuedJobs, saveProgress, transition } from '../../src/jobs/job-records.ts'
import { resultText, writeResult } from '../../src/jobs/job-results.ts'
import { listJobs } from '../../src/jobs/job-summaries.ts'
import { insertModel } from '../../src/models/insert-model.ts'
import { refuseWhileInUse } from '../../src/storage/job-inputs.ts'
import { deleteRecord } from '../../src/storage/records/record-tables.ts'
import { storeUsage } from '../../src/storage/usage.ts'
import { newModel } from '../support/new-records.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
beforeAll(async () => {
  opened = await openTestCatalog()
})
afterAll(() => opened.close())

const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }], name: 'soup' })
const create = (labels: Record<string, string> = {}, inputIds: string[] = []) =>
  insertJob(opened.catalog, { type: 'merge', request, labels, inputIds })
const progress = (done: number) => ({ done, total: 250, message: 'x' })
const startedAt = '2026-01-01T00:00:00.000Z'
const running = async (labels: Record<string, string> = {}) => {
  const id = await create(labels)
  expect(await beginAttempt(opened.catalog, id, startedAt)).toBe(true)
  return id
}

describe('a job record', () => {
  test('is read as it was written, and counted while it is queued', async () => {
    const before = await countQueued(opened.catalog)
    const id = await create({ run: '7' })
    expect(await countQueued(opened.catalog)).toBe(before + 1)
    expect((await queuedJobs(opened.catalog)).at(-1)).toEqual({ id, type: 'merge', attempts: null })
    const stored = await jobById(opened.catalog, id)
    expect(stored).toMatchObject({
      resultParts: null,
      job: { id, status: 'queued', attempts: 0, labels: { run: '7' }, request },
    })
  })

  test('starts once, and a clean stop takes the start back', async () => {
    const id = await running()
    expect(await beginAttempt(opened.catalog, id, startedAt)).toBe(true)
    expect(await beginAttempt(opened.catalog, id, '2026-01-01T00:00:01.000Z')).toBe(false)
    expect(await jobById(opened.catalog, id)).toMatchObject({ job: { status: 'running', attempts: 1 } })
    await takeBackAttempts(opened.catalog, [id])
    await takeBackAttempts(opened.catalog, [id])
    expect(await jobById(opened.catalog, id)).toMatchObject({ job: { attempts: 0 } })
  })

  test('changes its status only from those that the change is from', async () => {
    const id = await running()
    expect(await transition(opened.catalog, id, ['queued'], 'cancelled')).toBe(false)
    expect(await transition(opened.catalog, id, ['queued', 'running'], 'cancelled')).toBe(true)
    expect(await saveProgress(opened.catalog, { id, startedAt }, { message: 'm', done: 1, total: 2 })).toBeUndefined()
  })

  test('has events in order, which a reader continues after any of them', async () => {
    const id = await running()
    for (let done = 0; done < 3; done += 1) await insertProgress(opened.catalog, id, progress(done))
    await insertDone(opened.catalog, id)
    const events = await eventsAfter(opened.catalog, id, 0)
    expect(events.map(({ type, data }) => [type, JSON.parse(data)])).toEqual([
      ['progress', progress(0)],
      ['progress', progress(1)],
      ['progress', progress(2)],
      ['done', null],
    ])
    const [first, ...rest] = events
    expect(await eventsAfter(opened.catalog, id, first?.sequence ?? 0)).toEqual(rest)
    await deleteRecord(opened.catalog, 'jobs', id)
    expect(await eventsAfter(opened.catalog, id, 0)).toEqual([])
  })

  test('keeps its newest 100 events of progress, all others, and those of other jobs', async () => {
    const [id, other] = [await running(), await running()]
    await insertProgress(opened.catalog, other, progress(0))
    for (let done = 0; done < 250; done += 1) {
      if (done % 50 === 0) await insertLog(opened.catalog, id, `log ${done}`)
      await insertProgress(opened.catalog, id, progress(done))
    }
    const all = await eventsAfter(opened.catalog, id, 0)
    const data = (type: string) => all.filter(event => event.type === type).map(event => JSON.parse(event.data))
    expect(data('progress').map(({ done }) => done)).toEqual(Array.from({ length: 100 }, (_, index) => 150 + index))
    expect(data('log').map(({ message }) => message)).toEqual([0, 50, 100, 150, 200].map(done => `log ${done}`))
    expect(await eventsAfter(opened.catalog, other, 0)).toHaveLength(1)
    // A client that has seen an event which is gone by now goes on behind it.
    const [, second, third] = all
    expect(await eventsAfter(opened.catalog, id, (second?.sequence ?? 0) + 1)).toEqual(all.slice(2))
    expect(third?.sequence).toBeGreaterThan((second?.sequence ?? 0) + 1)
  })

  test('keeps a small result in one part, which is read with the job', async () => {
    const id = await running()
    const result_parts = await writeResult(opened.catalog, id, { model: 'm' })
    expect(result_parts).toBe(1)
    await transition(opened.catalog, id, ['running'], 'failed', { result_parts })
    expect(await opened.catalog.selectFrom('job_result_parts').selectAll().where('job_id', '=', id).execute()).toEqual([
      { job_id: id, part: 0, text: '{"model":"m"}' },
    ])
    await deleteRecord(opened.catalog, 'jobs', id)
    expect(await opened.catalog.selectFrom('job_result_parts').selectAll().where('job_id', '=', id).execute()).toEqual(
      [],
    )
  })

  test('keeps a result of megabytes in parts', async () => {
    const id = await running()
    const result = {
      pairs: Array.from({ length: 30_000 }, (_, index) => ({ index, text: 'é'.repeat(40) })),
      warnings: [],
    }
    const parts = await opened.catalog.transaction().execute(transaction => writeResult(transaction, id, result))
    expect(parts).toBeGreaterThan(4)
    let text = ''
    for await (const part of resultText(opened.catalog, id, parts)) text += part
    expect(JSON.parse(text)).toEqual(result)
  })

  test('that is damaged is listed with the reason', async () => {
    const id = await create({ of: 'damage' })
    await opened.catalog.updateTable('jobs').set({ progress: '{"mess' }).where('id', '=', id).execute()
    const { items } = await listJobs(opened.catalog, { limit: 5, label: { of: 'damage' } })
    expect(items).toEqual([expect.objectContaining({ id, unreadable: expect.stringContaining('progress') })])
  })
})

test('lists of jobs page by status, type and labels, newest first', async () => {
  const ids: string[] = []
  for (let index = 0; index < 5; index += 1) ids.push(await running({ of: 'pages' }))
  await create({ of: 'pages' })
  const filters = { limit: 3, label: { of: 'pages' }, status: 'running', type: 'merge' } as const
  const page = await listJobs(opened.catalog, filters)
  expect(page.items.map(({ id }) => id)).toEqual(ids.slice(2).reverse())
  const next = await listJobs(opened.catalog, { ...filters, cursor: page.nextCursor ?? '' })
  expect(next).toMatchObject({ items: [{ id: ids[1] }, { id: ids[0] }], nextCursor: null })
})

test('a model that a queued job needs is in use, and one that is missing refuses the job', async () => {
  const model = await insertModel(opened.catalog, newModel('in use'))
  const id = await create({}, [model, model])
  const place = { model }
  await expect(refuseWhileInUse(opened.catalog, model, 'The model', place)).rejects.toMatchObject({
    code: 'TUREEN_IN_USE',
    errors: [{ job: id }],
  })
  await transition(opened.catalog, id, ['queued'], 'cancelled')
  await refuseWhileInUse(opened.catalog, model, 'The model', place)
  await expect(create({}, ['missing'])).rejects.toMatchObject({ code: 'TUREEN_NOT_FOUND' })
})

test('the usage counts records and bytes as numbers', async () => {
  const store = {
    catalog: opened.catalog,
    content: { leases: () => 0 },
    quarantine: { holding: () => ({ files: 0, bytes: 0 }) },
    count: async () => ({ files: 0, bytes: 0 }),
  }
  const failures: unknown[] = []
  const read = storeUsage(store, opened.directory, (_, error) => failures.push(error))
  await insertModel(opened.catalog, newModel('large'))
  const { catalog } = await read()
  expect(catalog?.models).toEqual({ records: 2, bytes: 10_000_000_000 })
  expect(catalog?.datasets).toEqual({ records: 0, bytes: 0 })
  expect(catalog?.jobs).toContainEqual({ type: 'merge', status: 'running', records: expect.any(Number) })
})
