import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalScorer } from '../support/external-scorer.ts'
import { json, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

/** Outcomes as scorers send them: true ones, and those that lie in their format. */
let app: Awaited<ReturnType<typeof startApp>>
let scorer: ReturnType<typeof externalScorer>
let models: string[]
beforeAll(async () => {
  app = await startApp()
  scorer = externalScorer(app.url)
  models = []
  for (const factor of [1, 2, 3]) models.push((await uploadModel(app.url, linearModel([factor], [0]))).id)
})
afterAll(() => app.close())

/** Starts a search by a scorer of its own, and leases its candidates. */
let versions = 0
async function leased(): Promise<{ job: string; ids: string[] }> {
  versions += 1
  const selection = { external: { name: 'tests', version: `${versions}` }, direction: 'max' }
  const job = await scorer.start(models, { selection })
  const { candidates } = await scorer.lease(job, { count: 100 })
  return { job, ids: candidates.map(({ id }) => id) }
}

const statusOf = async (job: string) =>
  (await json<{ status: string }>(await scorer.ask('GET', `/v1/jobs/${job}`))).status

describe('an outcome', () => {
  test('is a number', async () => {
    const { job, ids } = await leased()
    for (const [index, score] of [0, 1e-320, -1.7976931348623157e308].entries()) {
      const id = ids[index] ?? ''
      const answer = await scorer.score(job, id, { score })
      expect(answer.status).toBe(200)
      const record = { state: 'scored', score, samples: null, error: null, details: null }
      expect(await json(answer)).toMatchObject(record)
      expect(await scorer.candidate(job, id)).toMatchObject(record)
    }
  })

  test('is a number for each sample, and their mean the score', async () => {
    const { job, ids } = await leased()
    const scores = Array.from({ length: 100_000 }, (_, index) => 0.1234567890123456 + index / 1e6)
    const started = performance.now()
    const answer = await scorer.score(job, ids[0] ?? '', { scores })
    const { score, samples } = await json<{ score: number; samples: number }>(answer)
    expect(samples).toBe(100_000)
    expect(score).toBeCloseTo(0.1234567890123456 + 99_999 / 2e6, 12)
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('has details, which are shown as they came', async () => {
    const { job, ids } = await leased()
    const details = { perClass: [0.5, 0.25], text: 'naïve ☕', nested: { deep: [{ er: null }] }, yes: true }
    await scorer.score(job, ids[0] ?? '', { score: 1, details })
    expect((await scorer.candidate(job, ids[0] ?? '')).details).toEqual(details)
  })

  test('is a reason why there is no score, which ends the wait for the candidate', async () => {
    const { job, ids } = await leased()
    const error = 'CUDA out of memory'
    const answer = await scorer.score(job, ids[0] ?? '', { error, details: { batch: 64 } })
    expect(await json(answer)).toMatchObject({ state: 'unscored', score: null, error, details: { batch: 64 } })
    const other = await scorer.score(job, ids[0] ?? '', { score: 1 })
    await readProblem(other, 409, 'TUREEN_CANDIDATE_SCORED')
    expect((await scorer.score(job, ids[0] ?? '', { error })).status).toBe(200)
  })

  test('that comes again changes nothing, and another one is refused with the first', async () => {
    const { job, ids } = await leased()
    const [id = ''] = ids
    const first = await json(await scorer.score(job, id, { score: 0.5 }))
    const again = await Promise.all([1, 2, 3].map(() => scorer.score(job, id, { score: 0.5 })))
    for (const answer of again) {
      expect(answer.status).toBe(200)
      expect(await json(answer)).toEqual(first)
    }
    for (const body of [{ score: 0.25 }, { scores: [0.5, 0.5] }, { error: 'none' }]) {
      const { detail } = await readProblem(await scorer.score(job, id, body), 409, 'TUREEN_CANDIDATE_SCORED')
      expect(detail).toContain('0.5')
    }
    expect(await scorer.candidate(job, id)).toEqual(first)
  })

  test('of two scorers at once is that of one of them', async () => {
    const { job, ids } = await leased()
    for (const id of ids.slice(0, 3)) {
      const answers = await Promise.all([1, 2, 3, 4].map(score => scorer.score(job, id, { score })))
      const statuses = answers.map(({ status }) => status).sort()
      expect(statuses).toEqual([200, 409, 409, 409])
    }
  })

  test('needs no lease', async () => {
    const { job, ids } = await leased()
    const [{ id: lease = '' } = {}] = [await scorer.lease(job, {}, 0)]
    expect(lease).toBeNull()
    for (const id of ids.slice(1)) await scorer.score(job, id, { score: 1 })
    expect(await statusOf(job)).toBe('waiting')
    expect((await scorer.score(job, ids[0] ?? '', { score: 2 })).status).toBe(200)
  })

  test('that is the last one lets the search go on, which an event tells', async () => {
    const { job, ids } = await leased()
    const events = fetch(`${app.url}/v1/jobs/${job}/events`)
    const waited = scorer.ask('GET', `/v1/jobs/${job}?wait=45`)
    for (const [index, id] of ids.entries()) await scorer.score(job, id, { score: index })
    const ended = await scorer.scoreAll(job, () => ({ score: 0 }))
    expect(ended.status).toBe('succeeded')
    expect(await json(await waited)).toMatchObject({ status: 'succeeded' })
    expect(await (await events).text()).toMatch(/event: done/)
  })

  test('after the end of the search is kept for the next one', async () => {
    const { job, ids } = await leased()
    await cancelJob(app.url, job)
    expect((await scorer.score(job, ids[0] ?? '', { score: 0.125 })).status).toBe(200)
    expect(await statusOf(job)).toBe('cancelled')
  })
})

describe('an outcome that lies in its format is refused, and the candidate stays as it is', () => {
  const refused: [string, string | object, string, string][] = [
    ['NaN as Python writes it', '{"score": NaN}', 'TUREEN_BODY_MALFORMED', 'body'],
    ['Infinity', '{"score": Infinity}', 'TUREEN_BODY_MALFORMED', 'body'],
    ['1e999', '{"score": 1e999}', 'TUREEN_REQUEST_INVALID', 'score'],
    ['-1e999', '{"score": -1e999}', 'TUREEN_REQUEST_INVALID', 'score'],
    ['NaN as text', { score: 'NaN' }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['a number as text', { score: '0.5' }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['null', { score: null }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['true', { score: true }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['a list as score', { score: [1] }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['nothing', {}, 'TUREEN_REQUEST_INVALID', 'score'],
    ['only details', { details: {} }, 'TUREEN_REQUEST_INVALID', 'score'],
    ['a score and scores', { score: 1, scores: [1] }, 'TUREEN_REQUEST_INVALID', 'scores'],
    ['a score and an error', { score: 1, error: 'x' }, 'TUREEN_REQUEST_INVALID', 'error'],
    ['no scores', { scores: [] }, 'TUREEN_REQUEST_INVALID', 'scores'],
    ['a number in place of scores', { scores: 1 }, 'TUREEN_REQUEST_INVALID', 'scores'],
    ['null among scores', { scores: [1, null] }, 'TUREEN_REQUEST_INVALID', 'scores.1'],
    ['1e999 among scores', '{"scores": [1, 2, 1e999]}', 'TUREEN_REQUEST_INVALID', 'scores.2'],
    ['lists among scores', { scores: [[1], [2]] }, 'TUREEN_REQUEST_INVALID', 'scores.0'],
    ['too many scores', { scores: Array.from({ length: 100_001 }, () => 1) }, 'TUREEN_REQUEST_INVALID', 'scores'],
    ['many more scores', { scores: Array.from({ length: 150_000 }, () => 1) }, 'TUREEN_TOO_LARGE', 'body'],
    [
      'text far behind',
      { scores: [...Array.from({ length: 99_999 }, () => 1), 'x'] },
      'TUREEN_REQUEST_INVALID',
      'scores.99999',
    ],
    ['an empty error', { error: '' }, 'TUREEN_REQUEST_INVALID', 'error'],
    ['a long error', { error: 'x'.repeat(2001) }, 'TUREEN_REQUEST_INVALID', 'error'],
    ['an error that is no text', { error: { message: 'x' } }, 'TUREEN_REQUEST_INVALID', 'error'],
    ['large details', { score: 1, details: { text: 'x'.repeat(16_384) } }, 'TUREEN_REQUEST_INVALID', 'details'],
    [
      'many details',
      { score: 1, details: Object.fromEntries(Array.from({ length: 4000 }, (_, at) => [at, at])) },
      'TUREEN_REQUEST_INVALID',
      'details',
    ],
    ['details that are a list', { score: 1, details: [1] }, 'TUREEN_REQUEST_INVALID', 'details'],
    ['details that are a text', { score: 1, details: 'fine' }, 'TUREEN_REQUEST_INVALID', 'details'],
    [
      'details with __proto__',
      '{"score": 1, "details": {"__proto__": {"a": 1}}}',
      'TUREEN_REQUEST_INVALID',
      'details.__proto__',
    ],
    [
      'deep details',
      `{"score": 1, "details": {"a": ${'['.repeat(100)}${']'.repeat(100)}}}`,
      'TUREEN_BODY_MALFORMED',
      'body',
    ],
    ['an unknown field', { score: 1, accuracy: 1 }, 'TUREEN_REQUEST_INVALID', 'accuracy'],
    ['a list', [{ score: 1 }], 'TUREEN_REQUEST_INVALID', 'body'],
    ['a bare number', '0.5', 'TUREEN_REQUEST_INVALID', 'body'],
    ['half of a body', '{"score": 0.', 'TUREEN_BODY_MALFORMED', 'body'],
    ['no JSON', 'score=0.5', 'TUREEN_BODY_MALFORMED', 'body'],
    ['a body above 3 MiB', `{"score": 1, "details": {"a": "${'x'.repeat(3 << 20)}"}}`, 'TUREEN_TOO_LARGE', 'body'],
  ]
  let one: { job: string; ids: string[] }
  beforeAll(async () => {
    one = await leased()
  })

  test.each(refused)('%s', async (_, body, code, field) => {
    const { job, ids } = one
    const [id = ''] = ids
    const answer = await scorer.score(job, id, body)
    const { errors } = await readProblem(answer, code === 'TUREEN_TOO_LARGE' ? 413 : 400, code)
    expect(errors[0]?.field).toBe(field)
    expect(errors[0]?.message).toMatch(/\S/)
    expect(await scorer.candidate(job, id)).toMatchObject({ state: 'leased', score: null, error: null })
  })

  test('a body of another type, and none at all', async () => {
    const path = `/v1/jobs/${one.job}/candidates/${one.ids[0]}/score`
    const form = await scorer.ask('PUT', path, 'score=1', { 'content-type': 'application/x-www-form-urlencoded' })
    await readProblem(form, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
    await readProblem(await scorer.ask('PUT', path), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('details of just 16 KiB are taken', async () => {
    const { job, ids } = await leased()
    const details = { text: 'x'.repeat(16_384 - JSON.stringify({ text: '' }).length) }
    expect((await scorer.score(job, ids[0] ?? '', { score: 1, details })).status).toBe(200)
  })
})

test('a token of scope score is all that a scorer needs', async () => {
  const [writer, gpu] = ['writer-0123456789abcdef', 'gpu-0123456789abcdef0']
  const guarded = await startApp({ TUREEN_TOKENS: `ci:write:${writer}, gpu:score:${gpu}` })
  try {
    const owner = externalScorer(guarded.url, writer)
    const outside = externalScorer(guarded.url, gpu)
    const ids: string[] = []
    for (const factor of [1, 2]) {
      const headers = { authorization: `Bearer ${writer}` }
      const body = linearModel([factor], [0])
      const uploaded = await fetch(`${guarded.url}/v1/models`, { method: 'POST', headers, body })
      ids.push((await json<{ id: string }>(uploaded)).id)
    }
    const job = await owner.start(ids)
    for (const path of [`/v1/jobs/${job}`, '/v1/jobs', '/v1/models', `/v1/models/${ids[0]}/content`, '/v1/usage'])
      await readProblem(await outside.ask('GET', path), 403, 'TUREEN_FORBIDDEN')
    await readProblem(await outside.ask('POST', `/v1/jobs/${job}/cancel`), 403, 'TUREEN_FORBIDDEN')
    const lease = await outside.lease(job, { count: 2 })
    await outside.ask('PATCH', `/v1/jobs/${job}/leases/${lease.id}`, { seconds: 60 })
    expect((await outside.ask('DELETE', `/v1/jobs/${job}/leases/${lease.id}`)).status).toBe(204)
    for (let status = ''; status !== 'succeeded'; ) {
      const next = await outside.lease(job, { count: 2 })
      for (const { id, content, weights } of next.candidates) {
        expect((await outside.content(content)).byteLength).toBeGreaterThan(0)
        expect((await outside.score(job, id, { score: weights.length })).status).toBe(200)
      }
      status = next.job.status
    }
    expect(await json(await owner.ask('GET', `/v1/jobs/${job}`))).toMatchObject({ status: 'succeeded' })
  } finally {
    await guarded.close()
  }
})
