import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { JobStatus } from '../../../schemas/job.ts'
import { embeddedEvents } from '../../../src/jobs/embedded-events.ts'
import type { ExternalCandidate, Leased } from '../../../src/jobs/external/candidate-ledger.ts'
import { createLeaseWithin } from '../../../src/jobs/external/lease-within.ts'
import { until } from '../../support/store-client.ts'

const unending = AbortSignal.any([])
const wanted = { count: 1, seconds: 60 }
const times = { createdAt: '2026-01-01T00:00:00.000Z', settledAt: null, lease: null, expiresAt: null }
const candidate: ExternalCandidate = {
  ...{ id: 'candidate', place: 0, soup: { members: [0], weights: [1], rules: [] }, split: 'selection', state: 'open' },
  ...{ scorer: { name: 'map', version: '1' }, attempts: 0, score: null, samples: null, error: null, details: null },
  ...times,
}

/** A search whose books the test writes. A lease takes 20 ms, in which a client may go away. */
function openSearch() {
  const events = embeddedEvents()
  const books: { isOpen: boolean; status: JobStatus; retryAt: string | null } = {
    isOpen: false,
    status: 'waiting',
    retryAt: null,
  }
  const calls = { lease: 0, giveBack: 0 }
  const closing = new AbortController()
  const ledger = {
    async lease(): Promise<Leased> {
      calls.lease += 1
      await delay(20)
      const { isOpen, status, retryAt } = books
      const job = { id: 'job', status }
      if (!isOpen) return { id: null, expiresAt: null, retryAt, job, candidates: [] }
      books.isOpen = false
      return { id: 'lease', expiresAt: '2100-01-01T00:00:00.000Z', job, candidates: [candidate] }
    },
    async giveBack() {
      calls.giveBack += 1
      books.isOpen = true
      events.changed('job')
    },
    list: async () => ({ items: books.isOpen ? [candidate] : [], nextCursor: null }),
  }
  const lease = createLeaseWithin(ledger, events, async () => books.status === 'succeeded', closing.signal, Date.now)
  const change = (changes: Partial<typeof books>) => {
    Object.assign(books, changes)
    events.changed('job')
  }
  return { lease, change, books, calls, closing, events }
}

const milliseconds = async (run: Promise<unknown>) => {
  const started = performance.now()
  await run
  return performance.now() - started
}

describe('a request for candidates', () => {
  test('without a wait answers at once', async () => {
    const { lease } = openSearch()
    expect(await lease('job', wanted, 0, unending)).toMatchObject({ id: null, candidates: [] })
  })

  test('with a wait answers when there are candidates, and only then asks for them again', async () => {
    const { lease, change, calls, events } = openSearch()
    const leased = lease('job', wanted, 30, unending)
    await until('the first try is over', async () => calls.lease === 1)
    await delay(40)
    for (let news = 0; news < 20; news += 1) {
      events.changed('job')
      await delay(1)
    }
    expect(calls.lease).toBe(1)
    change({ isOpen: true })
    expect(await leased).toMatchObject({ id: 'lease', candidates: [{ id: 'candidate' }] })
  })

  test('of many that wait gives a candidate to one of them', async () => {
    const { lease, change, calls } = openSearch()
    const asked = Array.from({ length: 20 }, () => lease('job', wanted, 1, unending))
    await until('all have tried', async () => calls.lease === 20)
    await delay(40)
    change({ isOpen: true })
    const ids = (await Promise.all(asked)).map(({ id }) => id)
    expect(ids.filter(id => id !== null)).toEqual(['lease'])
  })

  test('answers when the time is over, and when the search or the server ends', async () => {
    const { lease, change, closing } = openSearch()
    const waited = await milliseconds(lease('job', wanted, 0.3, unending))
    expect(waited).toBeGreaterThanOrEqual(295)
    const ended = lease('job', wanted, 30, unending)
    await delay(50)
    change({ status: 'succeeded' })
    expect(await ended).toMatchObject({ id: null, job: { status: 'succeeded' } })
    change({ status: 'waiting' })
    const closed = lease('job', wanted, 30, unending)
    await delay(50)
    closing.abort()
    expect(await closed).toMatchObject({ id: null })
  })

  test('asks again when a lease of others expires, of which nothing tells', async () => {
    const { lease, books } = openSearch()
    books.retryAt = new Date(Date.now() + 300).toISOString()
    const leased = lease('job', wanted, 30, unending)
    await delay(100)
    books.isOpen = true
    expect(await milliseconds(leased)).toBeLessThan(2000)
    expect(await leased).toMatchObject({ id: 'lease' })
  })

  test('of a client that goes away meanwhile gives its candidates back', async () => {
    const { lease, books, calls } = openSearch()
    books.isOpen = true
    const gone = new AbortController()
    const leased = lease('job', wanted, 30, gone.signal)
    gone.abort()
    await leased
    expect(calls).toEqual({ lease: 1, giveBack: 1 })
    expect(books.isOpen).toBe(true)
  })
})
