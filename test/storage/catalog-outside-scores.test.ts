import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CandidateOutcome, Leased } from '../../src/jobs/external/candidate-ledger.ts'
import { outsideKey } from '../../src/jobs/external/outside-scores.ts'
import { searchBooks } from '../../src/jobs/external/search-books.ts'
import { saveProgress } from '../../src/jobs/job-records.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { expectTypedCauses } from '../support/http-client.ts'
import { digestOf, outsideSearches } from '../support/outside-search.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
beforeAll(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
})
afterAll(() => opened.close())

const searches = (idleSeconds?: number) => outsideSearches(catalog, opened.directory, idleSeconds)

const leaseOf = (leased: Leased) => {
  if (leased.id === null) throw new Error('nothing was leased')
  return leased.id
}
const codeOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => ({ code: 'none' }),
    (reason: unknown) => reason,
  )
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
}

test('a search waits until the last candidate that it needs is settled, and goes back into the queue with it', async () => {
  const { ledger, newJob, ask, wanted, jobOf } = searches()
  const id = await newJob()
  expect(await ask(id, [wanted(0), wanted(1), wanted(2, { isRequired: false })])).toBe('waiting')
  expect(await jobOf(id)).toMatchObject({ status: 'waiting', attempts: 0, finishedAt: null })
  const first = await ledger.lease(id, { count: 1, seconds: 60 })
  expect(first).toMatchObject({
    id: expect.any(String),
    job: { id, status: 'waiting' },
    candidates: [
      { place: 0, state: 'leased', attempts: 1, split: 'selection', scorer: { name: 'judge', version: '1' } },
    ],
  })
  expect(first.candidates[0]?.expiresAt).toBe(first.expiresAt)
  const others = await ledger.lease(id, { count: 9, seconds: 60 })
  expect(others.candidates.map(({ place }) => place)).toEqual([1, 2])
  expect(await ledger.lease(id, { count: 9, seconds: 60 })).toEqual({
    id: null,
    expiresAt: null,
    retryAt: [first.expiresAt, others.expiresAt].sort()[0],
    job: { id, status: 'waiting' },
    candidates: [],
  })
  const scored = await ledger.score(id, String(first.candidates[0]?.id), { score: 0.5, details: { ap: [1, 2] } })
  expect(scored).toMatchObject({ state: 'scored', score: 0.5, samples: null, details: { ap: [1, 2] }, expiresAt: null })
  expect((await jobOf(id)).status).toBe('waiting')
  await ledger.score(id, String(others.candidates[0]?.id), { scores: [1, 0, 0, 1] })
  expect((await jobOf(id)).status).toBe('queued')
  const settled = await searchBooks(catalog, id, Date.now).settled()
  expect([...settled.values()]).toMatchObject([
    { kind: 'scored', score: { score: 0.5, samples: null } },
    { kind: 'scored', score: { score: 0.5, samples: 4 } },
  ])
})

test('two last scores at the same time put the search back into the queue once, and it never waits for ever', async () => {
  const { ledger, newJob, ask, wanted, jobOf } = searches()
  for (let round = 0; round < 20; round += 1) {
    const id = await newJob()
    await ask(id, [wanted(0), wanted(1)])
    const { candidates } = await ledger.lease(id, { count: 2, seconds: 60 })
    await Promise.all(candidates.map(candidate => ledger.score(id, candidate.id, { score: round })))
    expect((await jobOf(id)).status).toBe('queued')
  }
})

test('candidates of an expired lease go to the next scorer, and are unscored after three leases', async () => {
  const { ledger, upkeep, newJob, ask, wanted, jobOf, pass } = searches()
  const id = await newJob()
  await ask(id, [wanted(0)])
  const places: number[] = []
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const { candidates } = await ledger.lease(id, { count: 1, seconds: 10 })
    places.push(...candidates.map(({ attempts }) => attempts))
    pass(11)
  }
  expect(places).toEqual([1, 2, 3])
  await upkeep.sweep()
  expect((await jobOf(id)).status).toBe('queued')
  expect((await ledger.list(id, { limit: 10 })).items).toMatchObject([
    { state: 'unscored', score: null, error: expect.stringContaining('3 leases'), settledAt: expect.any(String) },
  ])
  const events = await catalog.selectFrom('job_events').select('data').where('job_id', '=', id).execute()
  expect(events.map(({ data }) => data).join()).toContain('is unscored')
})

test('a lease that is renewed in time lives on, and one that has expired is refused', async () => {
  const { ledger, newJob, ask, wanted, pass } = searches()
  const id = await newJob()
  await ask(id, [wanted(0)])
  const lease = leaseOf(await ledger.lease(id, { count: 1, seconds: 10 }))
  pass(8)
  await ledger.renew(id, lease, 10)
  pass(8)
  expect(await ledger.lease(id, { count: 1, seconds: 10 })).toMatchObject({ id: null, candidates: [] })
  pass(8)
  expect(await codeOf(ledger.renew(id, lease, 10))).toBe('TUREEN_LEASE_EXPIRED')
  expect(await ledger.lease(id, { count: 1, seconds: 10 })).toMatchObject({ candidates: [{ attempts: 2 }] })
  expect(await codeOf(ledger.renew(id, 'unknown', 10))).toBe('TUREEN_NOT_FOUND')
})

test('a lease that is given back is no attempt, unless it has expired', async () => {
  const { ledger, newJob, ask, wanted, pass } = searches()
  const id = await newJob()
  await ask(id, [wanted(0), wanted(1)])
  const lease = leaseOf(await ledger.lease(id, { count: 2, seconds: 10 }))
  const [scored] = (await ledger.list(id, { limit: 1 })).items
  await ledger.score(id, String(scored?.id), { score: 1 })
  await ledger.giveBack(id, lease)
  expect((await ledger.list(id, { limit: 9 })).items).toMatchObject([
    { state: 'scored', attempts: 1 },
    { state: 'open', attempts: 0, expiresAt: null },
  ])
  expect(await codeOf(ledger.giveBack(id, lease))).toBe('TUREEN_NOT_FOUND')
  const late = leaseOf(await ledger.lease(id, { count: 2, seconds: 10 }))
  pass(11)
  await ledger.giveBack(id, late)
  expect((await ledger.list(id, { limit: 9, state: 'open' })).items).toMatchObject([{ attempts: 1 }])
})

test('a late score counts if the candidate has none, also while another scorer has it', async () => {
  const { ledger, newJob, ask, wanted, pass, jobOf } = searches()
  const id = await newJob()
  await ask(id, [wanted(0)])
  const [candidate] = (await ledger.lease(id, { count: 1, seconds: 10 })).candidates
  pass(11)
  await ledger.lease(id, { count: 1, seconds: 10 })
  expect(await ledger.score(id, String(candidate?.id), { score: 3 })).toMatchObject({ state: 'scored', attempts: 2 })
  expect((await jobOf(id)).status).toBe('queued')
})

test('the same outcome again changes nothing, and another one is refused', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  await ask(id, [wanted(0), wanted(1), wanted(2)])
  const [a, b, c] = (await ledger.lease(id, { count: 3, seconds: 10 })).candidates.map(({ id }) => id)
  const outcomes: [string | undefined, CandidateOutcome, CandidateOutcome[]][] = [
    [a, { score: 1, details: { first: true } }, [{ score: 2 }, { scores: [1] }, { error: 'late' }]],
    [b, { scores: [0, 1] }, [{ score: 0.5 }, { scores: [1, 0] }]],
    [c, { error: 'out of memory' }, [{ error: 'another' }, { score: 1 }]],
  ]
  for (const [candidate, outcome, others] of outcomes) {
    const before = await ledger.score(id, String(candidate), outcome)
    expect(await ledger.score(id, String(candidate), { ...outcome, details: { again: true } })).toEqual(before)
    for (const other of others)
      expect(await codeOf(ledger.score(id, String(candidate), other))).toBe('TUREEN_CANDIDATE_SCORED')
    expect(await ledger.get(id, String(candidate))).toEqual(before)
  }
})

test('what a search does not lack any more is withdrawn, and a leased one may still be scored', async () => {
  const { ledger, newJob, ask, wanted, jobOf } = searches()
  const id = await newJob()
  await ask(id, [wanted(0), wanted(1, { isRequired: false }), wanted(2, { isRequired: false })])
  const leased = await ledger.lease(id, { count: 2, seconds: 10 })
  const [a, b] = leased.candidates.map(each => each.id)
  await ledger.score(id, String(a), { score: 1 })
  expect(await ask(id, [wanted(3)])).toBe('waiting')
  expect((await ledger.list(id, { limit: 9 })).items.map(({ place, state }) => [place, state])).toEqual([
    [0, 'scored'],
    [1, 'leased'],
    [3, 'open'],
  ])
  await ledger.giveBack(id, leaseOf(leased))
  const next = await ledger.lease(id, { count: 9, seconds: 10 })
  expect(next.candidates.map(({ place }) => place)).toEqual([3])
  await ledger.score(id, String(b), { score: 2 })
  await ledger.score(id, String(next.candidates[0]?.id), { score: 3 })
  expect((await jobOf(id)).status).toBe('queued')
})

test('a score that comes while the search runs again is there for it, and it need not wait', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  await ask(id, [wanted(0), wanted(1, { isRequired: false })])
  const [a, b] = (await ledger.lease(id, { count: 2, seconds: 10 })).candidates.map(each => each.id)
  await ledger.score(id, String(a), { score: 1 })
  await ledger.score(id, String(b), { score: 2 })
  expect(await ask(id, [wanted(1)])).toBe('queued')
})

test('scores are kept for other searches with the number of samples, on test with all scores, and failures are not', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  const model = digestOf('of kept scores')
  await ask(id, [wanted(0, { model }), wanted(0, { model, split: 'test' }), wanted(1, { model: digestOf('failing') })])
  const [a, b, c] = (await ledger.lease(id, { count: 3, seconds: 10 })).candidates.map(each => each.id)
  await ledger.score(id, String(a), { scores: [1, 2, 3] })
  await ledger.score(id, String(b), { scores: [1, 2, 3] })
  await ledger.score(id, String(c), { error: 'no boxes' })
  const scorer = { name: 'judge', version: '1' }
  const keys = [
    outsideKey(model, scorer, 'selection'),
    outsideKey(model, scorer, 'test'),
    outsideKey(digestOf('failing'), scorer, 'selection'),
    outsideKey(model, { ...scorer, version: '2' }, 'selection'),
  ]
  const rows = await catalog.selectFrom('scores').select(['key', 'value', 'job_id']).where('key', 'in', keys).execute()
  expect(Object.fromEntries(rows.map(({ key, value }) => [key, JSON.parse(value)]))).toEqual({
    [String(keys[0])]: { score: 2, samples: 3 },
    [String(keys[1])]: { score: 2, samples: 3, sampleScores: [1, 2, 3] },
  })
  expect(rows.map(({ job_id }) => job_id)).toEqual([id, id])
})

test('the mean of scores near the largest number is finite', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  await ask(id, [wanted(0)])
  const [candidate] = (await ledger.lease(id, { count: 1, seconds: 10 })).candidates
  const most = Number.MAX_VALUE
  expect((await ledger.score(id, String(candidate?.id), { scores: [most, most] })).score).toBe(most)
})

test('progress counts each candidate once it has all of its scores, and tells the best so far', async () => {
  const { ledger, newJob, ask, wanted, jobOf } = searches()
  const id = await newJob({ selection: { external: { name: 'judge', version: '1' }, direction: 'min' } })
  const two = { name: 'second', version: '1' }
  await ask(id, [wanted(0), wanted(0, { scorer: two }), wanted(1)])
  const progress = { done: 3, total: 5, message: 'candidate 3 of 5', best: 0.7, seconds: 1, secondsLeft: null }
  await catalog
    .updateTable('jobs')
    .set({ progress: JSON.stringify(progress) })
    .where('id', '=', id)
    .execute()
  const [a, b, c] = (await ledger.lease(id, { count: 3, seconds: 10 })).candidates.map(each => each.id)
  await ledger.score(id, String(a), { score: 0.9 })
  expect((await jobOf(id)).progress).toMatchObject({ done: 3, best: 0.7 })
  await ledger.score(id, String(b), { score: 0.9 })
  expect((await jobOf(id)).progress).toMatchObject({ done: 4, total: 5, best: 0.7, message: 'candidate 4 of 5' })
  await ledger.score(id, String(c), { score: 0.25 })
  expect((await jobOf(id)).progress).toMatchObject({ done: 5, best: 0.25 })
  expect(await saveProgress(catalog, { id, startedAt: 'earlier' }, progress)).toBeUndefined()
})

test('a waiting search can be cancelled, keeps a score that comes later, and is not handed out again', async () => {
  const { ledger, newJob, ask, wanted, jobOf, end } = searches()
  const id = await newJob()
  await ask(id, [wanted(0, { model: digestOf('of a cancelled search') })])
  const [candidate] = (await ledger.lease(id, { count: 1, seconds: 10 })).candidates
  await catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', {}))
  expect(await ledger.lease(id, { count: 1, seconds: 10 })).toMatchObject({
    id: null,
    retryAt: null,
    job: { status: 'cancelled' },
  })
  await ledger.score(id, String(candidate?.id), { score: 1 })
  expect((await jobOf(id)).status).toBe('cancelled')
  const events = await catalog.selectFrom('job_events').select('type').where('job_id', '=', id).execute()
  expect(events).toEqual([{ type: 'done' }])
})

test('a search that no scorer works for fails with what it has, and one with a lease does not', async () => {
  const { ledger, upkeep, newJob, ask, wanted, jobOf, pass, failed } = searches(100)
  const [idle, busy] = [await newJob(), await newJob()]
  for (const id of [idle, busy]) await ask(id, [wanted(0), wanted(1)])
  const [candidate] = (await ledger.lease(idle, { count: 1, seconds: 50 })).candidates
  await ledger.score(idle, String(candidate?.id), { score: 0.5 })
  await ledger.lease(busy, { count: 1, seconds: 200 })
  pass(90)
  await upkeep.sweep()
  expect((await jobOf(idle)).status).toBe('waiting')
  await ledger.heard(idle)
  pass(90)
  await upkeep.sweep()
  expect((await jobOf(idle)).status).toBe('waiting')
  pass(11)
  await upkeep.sweep()
  const { error } = await jobOf(idle)
  if (!error) throw new Error('it has no error')
  expectTypedCauses(error)
  expect(await jobOf(idle)).toMatchObject({
    status: 'failed',
    error: { code: 'TUREEN_EXTERNAL_IDLE', errors: [{ actual: '1 of 2 candidates scored' }] },
  })
  expect(failed).toContain(idle)
  expect((await jobOf(busy)).status).toBe('waiting')
  pass(200)
  await upkeep.sweep()
  expect((await jobOf(busy)).status).toBe('failed')
})

test('a search whose budget of seconds is spent goes back into the queue, and the choice ends with what it has', async () => {
  const { ledger, upkeep, newJob, ask, wanted, jobOf, pass, clock } = searches()
  const id = await newJob()
  const books = searchBooks(catalog, id, clock)
  expect(await books.begin(30)).toBe(0)
  await ask(id, [wanted(0), wanted(1)])
  const [a, b] = (await ledger.lease(id, { count: 2, seconds: 600 })).candidates.map(each => each.id)
  await ledger.score(id, String(a), { score: 1 })
  pass(31)
  await upkeep.sweep()
  expect((await jobOf(id)).status).toBe('queued')
  expect(await books.begin(30)).toBeGreaterThan(30)
  expect(await ask(id, [wanted(0, { split: 'test' })], 'chosen')).toBe('waiting')
  await upkeep.sweep()
  expect((await jobOf(id)).status).toBe('waiting')
  expect(await codeOf(ledger.score(id, String(b), { score: 2 }))).toBe('TUREEN_CANDIDATE_SCORED')
  expect([...(await books.settled()).values()].map(({ kind }) => kind).sort()).toEqual(['over', 'scored'])
})

test('lists pages of candidates by state, and tells jobs that have none', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  await ask(
    id,
    [0, 1, 2, 3, 4].map(member => wanted(member)),
  )
  const first = await ledger.list(id, { limit: 2, state: 'open' })
  const second = await ledger.list(id, { limit: 2, cursor: String(first.nextCursor) })
  expect([...first.items, ...second.items].map(({ place }) => place)).toEqual([0, 1, 2, 3])
  expect(await codeOf(ledger.list(id, { limit: 2, cursor: 'x' }))).toBe('TUREEN_REQUEST_INVALID')
  expect(await codeOf(ledger.get(id, 'unknown'))).toBe('TUREEN_NOT_FOUND')
  expect(await codeOf(ledger.list('unknown', { limit: 2 }))).toBe('TUREEN_NOT_FOUND')
  const other = await newJob({ selection: { dataset: 'd', metric: 'accuracy' } })
  expect(await codeOf(ledger.lease(other, { count: 1, seconds: 10 }))).toBe('TUREEN_NOT_EXTERNAL')
})

test('the deletion of a job takes its candidates and leases along', async () => {
  const { ledger, newJob, ask, wanted } = searches()
  const id = await newJob()
  await ask(id, [wanted(0)])
  await ledger.lease(id, { count: 1, seconds: 10 })
  await catalog.deleteFrom('jobs').where('id', '=', id).execute()
  for (const table of ['external_searches', 'search_candidates', 'search_leases'] as const)
    expect(await catalog.selectFrom(table).select('job_id').where('job_id', '=', id).execute()).toEqual([])
})
