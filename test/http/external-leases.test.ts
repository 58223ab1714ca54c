import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalScorer, type Lease } from '../support/external-scorer.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

/** The leases of a search with scores from outside, as scorers see them. The test moves the clock. */
let app: Awaited<ReturnType<typeof startApp>>
let clockAhead = 0
let models: string[]
let scorer: ReturnType<typeof externalScorer>
beforeAll(async () => {
  app = await startApp({}, () => Date.now() + clockAhead)
  scorer = externalScorer(app.url)
  models = []
  for (const factor of [1, 2, 3]) models.push((await uploadModel(app.url, linearModel([factor], [0]))).id)
})
afterAll(() => app.close())

const idsOf = ({ candidates }: Lease) => candidates.map(({ id }) => id)
const leasesOf = (job: string) => `${app.url}/v1/jobs/${job}/leases`
const patch = (job: string, lease: string | null, body: unknown = { seconds: 60 }) =>
  scorer.ask('PATCH', `/v1/jobs/${job}/leases/${lease}`, body)
const giveBack = (job: string, lease: string | null) => scorer.ask('DELETE', `/v1/jobs/${job}/leases/${lease}`)

describe('a lease', () => {
  test('has candidates with all that a scorer needs', async () => {
    const job = await scorer.start(models)
    const lease = await scorer.lease(job, { count: 2, seconds: 60 })
    expect(lease).toMatchObject({ job: { id: job, status: 'waiting' }, candidates: [{ state: 'leased' }, {}] })
    const seconds = (Date.parse(lease.expiresAt ?? '') - Date.now()) / 1000
    expect(seconds).toBeGreaterThan(55)
    expect(seconds).toBeLessThanOrEqual(60)
    const [first] = lease.candidates
    expect(first).toMatchObject({
      split: 'selection',
      scorer: { name: 'tests', version: '1' },
      models: [expect.any(String)],
      weights: [1],
      recipe: { method: 'linear', models: [{ id: expect.stringMatching(/^sha256:/), weight: 1 }] },
      attempts: 1,
      lease: lease.id,
      expiresAt: lease.expiresAt,
      score: null,
      content: `/v1/jobs/${job}/candidates/${first?.id}/content`,
      data: [],
    })
  })

  test('is of so many candidates at most, and nobody else gets them', async () => {
    const job = await scorer.start(models)
    const [one, two] = [await scorer.lease(job), await scorer.lease(job, { count: 3 })]
    expect(one.candidates).toHaveLength(1)
    expect(two.candidates).toHaveLength(3)
    const others = await Promise.all(Array.from({ length: 8 }, () => scorer.lease(job, { count: 1 }, 0)))
    const all = [one, two, ...others].flatMap(idsOf)
    expect(new Set(all).size).toBe(all.length)
    expect(await scorer.lease(job, {}, 0)).toEqual({
      id: null,
      job: { id: job, status: 'waiting' },
      expiresAt: null,
      candidates: [],
    })
  })

  test('that expires leaves its candidates to the next one, and a late score still counts', async () => {
    const job = await scorer.start(models)
    const first = await scorer.lease(job, { count: 100, seconds: 60 })
    clockAhead += 61_000
    await readProblem(await patch(job, first.id), 409, 'TUREEN_LEASE_EXPIRED')
    const second = await scorer.lease(job, { count: 100, seconds: 60 })
    expect(idsOf(second)).toEqual(idsOf(first))
    expect(second.candidates[0]).toMatchObject({ attempts: 2 })
    const [late = '', other = ''] = idsOf(first)
    expect((await scorer.score(job, late, { score: 0.5 })).status).toBe(200)
    const beaten = await scorer.score(job, late, { score: 0.25 })
    await readProblem(beaten, 409, 'TUREEN_CANDIDATE_SCORED')
    clockAhead += 61_000
    const third = await scorer.lease(job, { count: 100, seconds: 60 })
    expect(idsOf(third)).toEqual(idsOf(first).slice(1))
    clockAhead += 61_000
    expect(await scorer.lease(job, { count: 100 }, 0)).toMatchObject({ id: null })
    expect(await scorer.candidate(job, other)).toMatchObject({ state: 'unscored', attempts: 3, score: null })
    expect(await scorer.candidate(job, other)).toHaveProperty('error', expect.stringMatching(/\S/))
  })

  test('is renewed from now on, and then lasts longer or shorter', async () => {
    const job = await scorer.start(models)
    const lease = await scorer.lease(job, { count: 1, seconds: 60 })
    clockAhead += 50_000
    const renewed = await json<{ id: string; expiresAt: string }>(await patch(job, lease.id, { seconds: 100 }))
    expect(renewed.id).toBe(lease.id)
    expect(Date.parse(renewed.expiresAt) - Date.parse(lease.expiresAt ?? '')).toBeGreaterThan(85_000)
    const [id = ''] = idsOf(lease)
    expect((await scorer.candidate(job, id)).expiresAt).toBe(renewed.expiresAt)
    clockAhead += 50_000
    expect((await patch(job, lease.id, { seconds: 1 })).status).toBe(200)
    clockAhead += 2_000
    await readProblem(await patch(job, lease.id), 409, 'TUREEN_LEASE_EXPIRED')
  })

  test('that is given back counts as no attempt, and keeps what was scored', async () => {
    const job = await scorer.start(models)
    const lease = await scorer.lease(job, { count: 2 })
    const [scored = '', other = ''] = idsOf(lease)
    await scorer.score(job, scored, { score: 1 })
    expect((await giveBack(job, lease.id)).status).toBe(204)
    expect(await scorer.candidate(job, scored)).toMatchObject({ state: 'scored', score: 1 })
    expect(await scorer.candidate(job, other)).toMatchObject({
      state: 'open',
      attempts: 0,
      lease: null,
      expiresAt: null,
    })
    await readProblem(await giveBack(job, lease.id), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await patch(job, lease.id), 404, 'TUREEN_NOT_FOUND')
  })
})

describe('a request for candidates', () => {
  test('waits for them, and wakes when others give theirs back', async () => {
    const job = await scorer.start(models)
    const all = await scorer.lease(job, { count: 100 })
    const waiting = scorer.lease(job, { count: 100 }, 20)
    const started = performance.now()
    setTimeout(() => void giveBack(job, all.id), 300)
    expect(idsOf(await waiting)).toEqual(idsOf(all))
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('waits as a preference, and says so', async () => {
    const job = await scorer.start(models)
    await scorer.lease(job, { count: 100 })
    const started = performance.now()
    const response = await scorer.ask('POST', `/v1/jobs/${job}/leases`, {}, { prefer: 'wait=1' })
    expect(response.headers.get('preference-applied')).toBe('wait=1')
    expect(response.headers.get('tureen-job-status')).toBe('waiting')
    expect(performance.now() - started).toBeGreaterThan(990)
    expect(await json(response)).toMatchObject({ id: null })
  })

  test('answers when the search is cancelled, which ends a scorer’s loop', async () => {
    const job = await scorer.start(models)
    const held = await scorer.lease(job, { count: 100 })
    const waiting = scorer.lease(job, {}, 30)
    await new Promise(resolve => setTimeout(resolve, 200))
    await cancelJob(app.url, job)
    expect(await waiting).toMatchObject({ id: null, candidates: [], job: { status: 'cancelled' } })
    const [id = ''] = idsOf(held)
    await readProblem(await scorer.ask('GET', `/v1/jobs/${job}/candidates/${id}/content`), 409, 'TUREEN_JOB_FINISHED')
    // The record stays, also without the models.
    expect(await scorer.candidate(job, id)).toMatchObject({ id, recipe: expect.anything() })
  })

  test('of a client that hangs up gets none, so that the next one does', async () => {
    const job = await scorer.start(models)
    const all = await scorer.lease(job, { count: 100 })
    const gone = new AbortController()
    const hanging = fetch(`${leasesOf(job)}?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ count: 100 }),
      signal: gone.signal,
    }).catch(() => 'hung up')
    await new Promise(resolve => setTimeout(resolve, 200))
    gone.abort()
    expect(await hanging).toBe('hung up')
    await giveBack(job, all.id)
    const next = await scorer.lease(job, { count: 100 })
    expect(idsOf(next)).toEqual(idsOf(all))
    expect(next.candidates[0]?.attempts).toBe(1)
  })

  test.each([
    [{ count: 0 }, 'count'],
    [{ count: 101 }, 'count'],
    [{ count: '4' }, 'count'],
    [{ count: 1.5 }, 'count'],
    [{ seconds: 0 }, 'seconds'],
    [{ seconds: 86_401 }, 'seconds'],
    [{ scorer: '' }, 'scorer'],
    [{ scorer: 7 }, 'scorer'],
    [{ candidates: 3 }, 'candidates'],
  ])('of %j is refused', async (body, field) => {
    const job = await scorer.start(models)
    const { errors } = await readProblem(await postJson(leasesOf(job), body), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(each => each.field)).toEqual([field])
  })

  test('by the name of a scorer gets the candidates of that scorer', async () => {
    const job = await scorer.start(models)
    expect(await scorer.lease(job, { scorer: 'others' }, 0)).toMatchObject({ id: null })
    expect(await scorer.lease(job, { scorer: 'tests' }, 20)).toMatchObject({ id: expect.any(String) })
  })
})

describe('without such a search', () => {
  test('a job of another kind has no leases and no candidates', async () => {
    const { id } = await json<{ id: string }>(
      await postJson(`${app.url}/v1/merges?wait=30`, { models: models.map(id => ({ id })) }),
    )
    for (const [method, path, body] of [
      ['POST', 'leases', {}],
      ['PATCH', 'leases/a', { seconds: 1 }],
      ['DELETE', 'leases/a', undefined],
      ['GET', 'candidates', undefined],
      ['GET', 'candidates/a', undefined],
      ['GET', 'candidates/a/content', undefined],
      ['GET', 'candidates/a/data/b', undefined],
      ['PUT', 'candidates/a/score', { score: 1 }],
    ] as const) {
      const response = await scorer.ask(method, `/v1/jobs/${id}/${path}`, body)
      await readProblem(response, 409, 'TUREEN_NOT_EXTERNAL')
      const nowhere = await scorer.ask(method, `/v1/jobs/none/${path}`, body)
      await readProblem(nowhere, 404, 'TUREEN_NOT_FOUND')
    }
  })

  test('unknown leases and candidates are 404', async () => {
    const job = await scorer.start(models)
    await scorer.lease(job)
    await readProblem(await patch(job, 'none'), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await giveBack(job, 'none'), 404, 'TUREEN_NOT_FOUND')
    for (const path of ['none', 'none/content', 'none/data/w'])
      await readProblem(await scorer.ask('GET', `/v1/jobs/${job}/candidates/${path}`), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await scorer.score(job, 'none', { score: 1 }), 404, 'TUREEN_NOT_FOUND')
  })

  test('a deleted job has none any more', async () => {
    const job = await scorer.start(models)
    const lease = await scorer.lease(job)
    await readProblem(await scorer.ask('DELETE', `/v1/jobs/${job}`), 409, 'TUREEN_IN_USE')
    await cancelJob(app.url, job)
    expect((await scorer.ask('DELETE', `/v1/jobs/${job}`)).status).toBe(204)
    await readProblem(await scorer.score(job, idsOf(lease)[0] ?? '', { score: 1 }), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await postJson(leasesOf(job), {}), 404, 'TUREEN_NOT_FOUND')
  })
})

describe('the list of candidates', () => {
  test('has them in the order of the search, filtered by state, in pages', async () => {
    const job = await scorer.start(models)
    const lease = await scorer.lease(job, { count: 2 })
    const [first = '', second = ''] = idsOf(lease)
    await scorer.score(job, first, { score: 0.5, details: { why: 'a test' } })
    const all = await scorer.candidates(job)
    expect(all.map(({ place }) => place)).toEqual([...all.keys()])
    expect(all[0]).toMatchObject({ id: first, state: 'scored', score: 0.5, details: { why: 'a test' } })
    expect((await scorer.candidates(job, 'state=leased')).map(({ id }) => id)).toEqual([second])
    expect((await scorer.candidates(job, 'state=open')).length).toBe(all.length - 2)
    const path = `/v1/jobs/${job}/candidates`
    const page = await json<{ items: { id: string }[]; nextCursor: string }>(await scorer.ask('GET', `${path}?limit=1`))
    expect(page.items).toHaveLength(1)
    expect((await scorer.candidates(job, `limit=500&cursor=${page.nextCursor}`)).map(({ id }) => id)).toEqual(
      all.slice(1).map(({ id }) => id),
    )
    await readProblem(await scorer.ask('GET', `${path}?state=lost`), 400, 'TUREEN_REQUEST_INVALID')
    await readProblem(await scorer.ask('GET', `${path}?cursor=x`), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('has each record with an entity tag, which changes with it', async () => {
    const job = await scorer.start(models)
    const [id = ''] = idsOf(await scorer.lease(job))
    const path = `/v1/jobs/${job}/candidates/${id}`
    const before = (await scorer.ask('GET', path)).headers.get('etag') ?? ''
    expect((await scorer.ask('GET', path, undefined, { 'if-none-match': before })).status).toBe(304)
    const stale = await scorer.ask('PUT', `${path}/score`, { score: 1 }, { 'if-match': '"another"' })
    await readProblem(stale, 412, 'TUREEN_PRECONDITION_FAILED')
    const scored = await scorer.ask('PUT', `${path}/score`, { score: 1 }, { 'if-match': before })
    expect(scored.status).toBe(200)
    const after = (await scorer.ask('GET', path)).headers.get('etag') ?? ''
    expect(after).not.toBe(before)
    expect((await scorer.ask('GET', path, undefined, { 'if-none-match': before })).status).toBe(200)
    expect((await scorer.ask('GET', path, undefined, { 'if-none-match': after })).status).toBe(304)
  })
})
