import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { asTureenError, TureenError } from '../../src/errors.ts'
import { beginAttempt } from '../../src/jobs/job-attempts.ts'
import { eventsAfter, insertLog, insertProgress, type JobEvent } from '../../src/jobs/job-event-rows.ts'
import { countQueued, insertJob, saveProgress } from '../../src/jobs/job-records.ts'
import { digestOfNew, insertModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { removeModel } from '../../src/models/remove-model.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createIdempotencyKeys } from '../../src/storage/idempotency-keys.ts'
import { createScores } from '../../src/storage/scores.ts'
import { newModel } from '../support/new-records.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
beforeAll(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
})
afterAll(() => opened.close())

const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
const newJob = (inputIds: string[] = []) => ({ type: 'merge' as const, request, labels: {}, inputIds })
const counted = <Value>(values: readonly Value[]) => Map.groupBy(values, value => value)
const times = (count: number) => Array.from({ length: count }, (_, index) => index)
const codeOf = (error: unknown) => asTureenError(error).code
/** Lets other transactions come in between. */
const pause = () => delay(Math.random() * 20)

test('jobs that are created at once do not exceed the limit of the queue', async () => {
  const before = await countQueued(catalog)
  const create = () =>
    catalog.transaction().execute(async transaction => {
      const queued = await countQueued(transaction)
      await pause()
      if (queued >= before + 5)
        throw new TureenError('TUREEN_QUEUE_FULL', 'full', [{ field: 'queue', message: 'full' }])
      await insertJob(transaction, newJob())
      return 'created'
    })
  const outcomes = await Promise.all(times(20).map(() => create().catch(codeOf)))
  expect(counted(outcomes).get('created')).toHaveLength(5)
  expect(counted(outcomes).get('TUREEN_QUEUE_FULL')).toHaveLength(15)
  expect(await countQueued(catalog)).toBe(before + 5)
})

test('of the deletion of a model and a new job that needs it, one is refused', async () => {
  const seen = new Set<string>()
  for (let turn = 0; turn < 30; turn += 1) {
    const model = await insertModel(catalog, newModel(`needed ${turn}`))
    const deleting = catalog.transaction().execute(async transaction => {
      await modelRecords.remove(transaction, model, () => undefined)
      await pause()
    })
    const creating = catalog.transaction().execute(async transaction => {
      await insertJob(transaction, newJob([model]))
      await pause()
    })
    const [deleted, created] = await Promise.all([deleting, creating].map(each => each.then(() => 'done', codeOf)))
    seen.add(`${deleted} ${created}`)
    const found = await modelRecords.find(catalog, model).then(() => 'found', codeOf)
    expect(found).toBe(deleted === 'done' ? 'TUREEN_NOT_FOUND' : 'found')
  }
  expect([...seen].sort()).toEqual(['TUREEN_IN_USE done', 'done TUREEN_NOT_FOUND'])
})

test('the scores of a model go with its last records, also if these are deleted at once', async () => {
  const scores = createScores(catalog)
  for (let turn = 0; turn < 10; turn += 1) {
    const values = newModel(`scored ${turn}`)
    const ids = [await insertModel(catalog, values), await insertModel(catalog, values)]
    await scores.put([{ parts: ['scored', turn], models: [digestOfNew(values)], value: {} }], 'job')
    const remove = (id: string) =>
      catalog.transaction().execute(async transaction => {
        await removeModel(transaction, id, () => undefined)
        await delay(20)
      })
    await Promise.all(ids.map(remove))
    expect(await scores.get(['scored', turn])).toBeUndefined()
  }
})

test('equal uploads at once make one record, and a deletion between them leaves one or makes another', async () => {
  const values = newModel('equal', { name: 'n', labels: { of: 'equal' } })
  const identity = { ...values, sha256: digestOfNew(values) }
  const add = () =>
    catalog.transaction().execute(async transaction => {
      const { record } = await modelRecords.addOnce(transaction, identity, async () => {
        await pause()
        return insertModel(transaction, values)
      })
      return record.id
    })
  expect(counted(await Promise.all(times(12).map(add))).size).toBe(1)
  for (let turn = 0; turn < 20; turn += 1) {
    const old = await add()
    const removing = catalog.transaction().execute(async transaction => {
      await pause()
      await modelRecords.remove(transaction, old, () => undefined)
      await pause()
    })
    // A deletion that comes in between is no reason to fail.
    const added = await Promise.all([pause().then(add), pause().then(add)])
    await removing
    const left = await modelRecords.labelled(catalog, { of: 'equal' }, 10)
    expect(left.length).toBeLessThanOrEqual(1)
    expect([old, ...left]).toEqual(expect.arrayContaining(added))
  }
})

test('a record whose life is extended is not deleted by a sweep that has found it expired', async () => {
  const at = (year: number) => `${year}-01-01T00:00:00.000Z`
  for (let turn = 0; turn < 20; turn += 1) {
    const values = newModel(`expired ${turn}`, { expiresAt: at(2001) })
    const id = await insertModel(catalog, values)
    const identity = { ...values, sha256: digestOfNew(values), expiresAt: at(2999) }
    const extending = catalog.transaction().execute(async transaction => {
      await pause()
      const { record } = await modelRecords.addOnce(transaction, identity, () =>
        insertModel(transaction, { ...values, expiresAt: at(2999) }),
      )
      await pause()
      return record.id
    })
    const sweeping = catalog.transaction().execute(async transaction => {
      await pause()
      await modelRecords.remove(transaction, id, ({ expiresAt }) => {
        if (expiresAt !== at(2001)) throw new Error('was extended')
      })
    })
    const [extended] = await Promise.all([extending, sweeping.catch(() => undefined)])
    expect(await modelRecords.find(catalog, extended)).toMatchObject({ expiresAt: at(2999) })
  }
})

test('a reader that follows the events of a job misses none, although many connections write them', async () => {
  const id = await insertJob(catalog, newJob())
  await beginAttempt(catalog, id, '2026-01-01T00:00:00.000Z')
  const writers = times(60).map(index =>
    catalog.transaction().execute(async transaction => {
      await insertLog(transaction, id, `${index}`)
      await pause()
    }),
  )
  let written = false
  const writing = Promise.all(writers).then(() => {
    written = true
  })
  const seen: JobEvent[] = []
  for (;;) {
    const isLast = written
    const events = await eventsAfter(catalog, id, seen.at(-1)?.sequence ?? 0)
    seen.push(...events)
    if (isLast && events.length === 0) break
    await delay(1)
  }
  await writing
  expect(seen).toHaveLength(60)
})

test('progress and its events come in the same order', async () => {
  const id = await insertJob(catalog, newJob())
  const startedAt = '2026-01-01T00:00:00.000Z'
  await beginAttempt(catalog, id, startedAt)
  await Promise.all(
    times(20).map(done =>
      catalog.transaction().execute(async transaction => {
        await saveProgress(transaction, { id, startedAt }, { message: 'm', done, total: 20 })
        await pause()
        await insertProgress(transaction, id, { message: 'm', done, total: 20 })
      }),
    ),
  )
  const last = (await eventsAfter(catalog, id, 0)).at(-1)
  const { progress } = await catalog
    .selectFrom('jobs')
    .select('progress')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(JSON.parse(last?.data ?? '')).toEqual(JSON.parse(progress ?? ''))
})

test('an idempotency key is bound to one record, however many requests with it run at once', async () => {
  const keys = createIdempotencyKeys(catalog, 60, Date.now)
  for (const key of ['a', 'b', 'c']) {
    const create = (index: number) =>
      catalog.transaction().execute(async transaction => {
        const id = await insertModel(transaction, newModel(`keyed ${key} ${index}`, { labels: { key } }))
        await pause()
        const kept = { fingerprint: 'f', outcome: { id }, resource: id }
        if (!(await keys.keep(transaction, { scope: '', key }, kept))) throw new Error('busy')
        return id
      })
    const outcomes = await Promise.allSettled(times(8).map(create))
    const created = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(created).toHaveLength(1)
    expect(await keys.find({ scope: '', key })).toMatchObject({ outcome: { id: created[0] } })
    const rows = await catalog
      .selectFrom('labels')
      .select('owner_id')
      .where('key', '=', 'key')
      .where('value', '=', key)
      .execute()
    expect(rows).toEqual([{ owner_id: created[0] }])
  }
})

describe('transactions that PostgreSQL breaks off', () => {
  test('run again: two that lock two rows in opposite order both end', async () => {
    const [a, b] = [await insertModel(catalog, newModel('a')), await insertModel(catalog, newModel('b'))]
    let runs = 0
    const touch = (first: string, second: string) =>
      catalog.transaction().execute(async transaction => {
        runs += 1
        await transaction.updateTable('models').set({ name: first }).where('id', '=', first).execute()
        await delay(100)
        await transaction.updateTable('models').set({ name: first }).where('id', '=', second).execute()
      })
    await Promise.all([touch(a, b), touch(b, a)])
    expect(runs).toBeGreaterThan(2)
  })

  test('do not come from scores that two jobs keep in another order', async () => {
    const scores = createScores(catalog)
    const entries = times(200).map(index => ({
      parts: ['ordered', index],
      models: [`model ${index}`],
      value: { value: index },
    }))
    await Promise.all(times(8).map(turn => scores.put(turn % 2 ? entries : entries.toReversed(), 'job')))
    const found = await scores.find(entries.map(({ parts }) => parts))
    expect(found.map(kept => kept?.value)).toEqual(entries.map(({ value }) => value))
  })
})
