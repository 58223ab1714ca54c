import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { beginAttempt } from '../../src/jobs/job-attempts.ts'
import { insertJob, jobById } from '../../src/jobs/job-records.ts'
import { createIdempotencyKeys, freeKeysOf } from '../../src/storage/idempotency-keys.ts'
import { createScores } from '../../src/storage/scores.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
beforeAll(async () => {
  opened = await openTestCatalog()
})
afterAll(() => opened.close())

describe('kept scores', () => {
  test('are found by everything that they are scores of, in order, and once each', async () => {
    const scores = createScores(opened.catalog)
    await scores.put([{ parts: ['b'], models: [], value: { accuracy: 0.5 } }], 'job')
    await scores.put(
      [
        { parts: ['a'], models: [], value: { value: 1 } },
        { parts: ['a'], models: [], value: { value: 2 } },
      ],
      'job',
    )
    expect(await scores.find([['a'], ['missing'], ['b']])).toEqual([
      { value: { value: 2 }, jobId: 'job' },
      undefined,
      { value: { accuracy: 0.5 }, jobId: 'job' },
    ])
    expect(await scores.find([])).toEqual([])
  })

  test('of one model are listed newest first, page by page', async () => {
    const scores = createScores(opened.catalog)
    const model = `sha256:${'7'.repeat(64)}`
    for (let index = 0; index < 5; index += 1)
      await scores.put(
        [{ parts: ['listed', index], models: [], value: { value: index }, listed: { model, subject: { index } } }],
        'job',
      )
    await scores.put([{ parts: ['listed', 0], models: [], value: { value: 9 } }], 'job')
    const first = await scores.list(model, { limit: 3 })
    const second = await scores.list(model, { limit: 3, cursor: first.nextCursor ?? undefined })
    const found = [...first.items, ...second.items]
    const values = found.map(({ value }) => value)
    expect(values).toHaveLength(5)
    expect(values).toEqual(expect.arrayContaining([1, 2, 3, 4, 9].map(value => ({ value }))))
    expect(found.map(({ createdAt }) => createdAt)).toEqual(
      found
        .map(({ createdAt }) => createdAt)
        .sort()
        .reverse(),
    )
    expect(second.nextCursor).toBeNull()
  })

  test('that are new let the attempts of their running job count from 0 again', async () => {
    const scores = createScores(opened.catalog)
    const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
    const id = await insertJob(opened.catalog, { type: 'merge', request, labels: {}, inputIds: [] })
    await beginAttempt(opened.catalog, id, '2026-01-01T00:00:00.000Z')
    const attempts = async () => (await jobById(opened.catalog, id))?.job.attempts
    await scores.put([{ parts: ['b'], models: [], value: { value: 1 } }], id)
    expect(await attempts()).toBe(1)
    await scores.put(
      [
        { parts: ['b'], models: [], value: { value: 1 } },
        { parts: ['new'], models: [], value: { value: 1 } },
      ],
      id,
    )
    expect(await attempts()).toBe(0)
  })
})

describe('idempotency keys', () => {
  const kept = (resource: string) => ({ fingerprint: 'f', outcome: { id: resource }, resource })

  test('are found until they expire, and take another outcome then', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z')
    const keys = createIdempotencyKeys(opened.catalog, 60, () => now)
    const key = { scope: '', key: 'once' }
    expect(await keys.keep(opened.catalog, key, kept('first'))).toBe(true)
    expect(await keys.keep(opened.catalog, key, kept('too late'))).toBe(false)
    expect(await keys.find(key)).toEqual({ fingerprint: 'f', outcome: { id: 'first' } })
    expect(await keys.find({ scope: 'other', key: 'once' })).toBeUndefined()
    await keys.amend(key, { id: 'amended' })
    expect(await keys.find(key)).toMatchObject({ outcome: { id: 'amended' } })
    now += 60_000
    expect(await keys.find(key)).toBeUndefined()
    expect(await keys.keep(opened.catalog, key, kept('second'))).toBe(true)
    expect(await keys.find(key)).toMatchObject({ outcome: { id: 'second' } })
    now += 60_000
    await keys.removeExpired()
    expect(await opened.catalog.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
  })

  test('go with the record that they created, and are free if their outcome is damaged', async () => {
    const keys = createIdempotencyKeys(opened.catalog, 60, Date.now)
    await keys.keep(opened.catalog, { scope: '', key: 'a' }, kept('r'))
    await keys.keep(opened.catalog, { scope: '', key: 'b' }, kept('s'))
    await freeKeysOf(opened.catalog, 'r')
    expect(await keys.find({ scope: '', key: 'a' })).toBeUndefined()
    await opened.catalog.updateTable('idempotency_keys').set({ outcome: '{"id' }).where('key', '=', 'b').execute()
    expect(await keys.find({ scope: '', key: 'b' })).toBeUndefined()
    await keys.keep(opened.catalog, { scope: '', key: 'b' }, kept('t'))
    expect(await keys.find({ scope: '', key: 'b' })).toMatchObject({ outcome: { id: 't' } })
  })
})
