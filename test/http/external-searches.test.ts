import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobPage, searchJob } from '../../schemas/job.ts'
import type { Usage } from '../../schemas/service.ts'
import { type Candidate, externalScorer } from '../support/external-scorer.ts'
import { expectTypedCauses, json, readProblem } from '../support/http-client.ts'
import { lineData, lineModel } from '../support/line-models.ts'
import { cancelJob } from '../support/long-merge.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/*
 * Models of y = a x, with slopes that are powers of two, so that the slope of a soup is exact. A scorer outside computes mse from the weights of a
 * candidate: the mean of (a - t)^2 x^2 where y is t x.
 */

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let scorer: ReturnType<typeof externalScorer>
const slopes = new Map<string, number>()
let data: { selection: string; test: string }
let ahead = 0

const xs = [1, 2, -1, -2]
const targets = { selection: 2.25, test: 1.75 }
const add = async (slope: number) =>
  (await client.addDataset(lineData(xs.map(x => ({ x: [x], target: slope * x }))))).id

beforeAll(async () => {
  app = await startApp({ TUREEN_SWEEP_SECONDS: '1', TUREEN_METRICS: 'open' }, () => Date.now() + ahead)
  client = searchClient(app.url)
  scorer = externalScorer(app.url)
  for (const slope of [1, 2, 4]) slopes.set(await client.addModel(lineModel(slope), `slope ${slope}`), slope)
  data = { selection: await add(targets.selection), test: await add(targets.test) }
})
afterAll(() => app.close())

const models = () => [...slopes.keys()]
const slopeOf = (soup: { models: string[]; weights: (number | object)[] }) => {
  const weights = soup.weights.map(Number)
  const sum = soup.models.reduce((total, id, index) => total + (weights[index] ?? 0) * (slopes.get(id) ?? 0), 0)
  return sum / weights.reduce((total, weight) => total + weight, 0)
}
/** The squared errors of a soup of this slope, one for each sample. */
const errorsOf = (slope: number, split: 'selection' | 'test') => xs.map(x => ((slope - targets[split]) * x) ** 2)
const scoresOf = (candidate: Candidate) => ({ scores: errorsOf(slopeOf(candidate), candidate.split) })

let versions = 0
const judge = () => {
  versions += 1
  return { external: { name: 'judge', version: `${versions}` }, direction: 'min' }
}
const jobOf = async (id: string) => searchJob.parse(await json(await fetch(`${app.url}/v1/jobs/${id}`)))

/** Rounds scores, since models compute in float32. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    typeof each === 'number'
      ? Math.round(each * 1e4) / 1e4
      : typeof each === 'string'
        ? each.replaceAll(/\d+\.\d{4,}/g, text => Number(text).toFixed(4))
        : each,
  )
}

describe('a search by a scorer outside that computes what the server would', () => {
  const strategies: [string, object][] = [
    ['exhaustive', { type: 'exhaustive' }],
    ['greedy', { type: 'greedy' }],
    ['topK', { type: 'topK' }],
    ['coordinate', { type: 'coordinate', minimumStep: 0.25 }],
    ['cmaEs', { type: 'cmaEs', generations: 3, population: 4 }],
  ]
  for (const [name, strategy] of strategies)
    test(`has the result of the search inside: ${name}`, async () => {
      const common = { models: models().map(id => ({ id })), strategy, name: 'best' }
      const metric = { metric: 'mse' }
      const inside = await client.find({
        ...common,
        selection: { dataset: data.selection, ...metric },
        test: { dataset: data.test },
      })
      const job = await scorer.start(models(), { ...common, selection: judge(), test: {} })
      const { result, progress, error } = await scorer.scoreAll(job, scoresOf)
      if (!result) throw new Error(JSON.stringify(error))
      const scored = await scorer.candidates(job)
      expect(scored.every(({ attempts, state }) => attempts <= 1 && (state === 'scored' || state === 'open'))).toBe(
        true,
      )
      expect(rounded(repeatable(result))).toEqual(rounded(repeatable(inside)))
      expect(progress).toMatchObject({ done: result.candidates.length, total: result.candidates.length })
      expect(result.candidates.every(({ cached }) => !cached)).toBe(true)
    })

  test('asks nobody again for scores that are kept, unless the request says so', async () => {
    const selection = judge()
    const first = await scorer.start(models(), { selection, test: {} })
    const { result } = await scorer.scoreAll(first, scoresOf)
    const second = await scorer.start(models(), { selection, test: {} })
    const again = searchJob.parse(await json(await fetch(`${app.url}/v1/jobs/${second}?wait=30`)))
    expect(again.status).toBe('succeeded')
    expect(await scorer.candidates(second)).toEqual([])
    expect(again.result?.candidates.every(({ cached }) => cached)).toBe(true)
    expect(again.result?.test).toEqual(result?.test)
    const anew = await scorer.start(models(), { selection: { ...selection, reuse: false } })
    await scorer.scoreAll(anew, scoresOf)
    expect((await scorer.candidates(anew)).filter(({ state }) => state === 'scored')).toHaveLength(7)
  })
})

test('a list of a data set and a scorer outside is that of two data sets', async () => {
  const strategy = { type: 'greedy' }
  const other = { dataset: data.test, metric: 'mse', weight: 0.5 }
  const inside = await client.find({
    models: models().map(id => ({ id })),
    strategy,
    selection: [{ dataset: data.selection, metric: 'mse' }, other],
    test: [{ dataset: data.test }, { dataset: data.selection }],
  })
  const job = await scorer.start(models(), {
    strategy,
    selection: [judge(), other],
    test: [{}, { dataset: data.selection }],
  })
  const { result, error } = await scorer.scoreAll(job, scoresOf)
  if (!result) throw new Error(JSON.stringify(error))
  const plain = ({ terms, notes, ...rest }: ReturnType<typeof repeatable>) => ({
    ...rest,
    recommended: { sha256: rest.recommended.sha256 },
    terms: terms?.map(({ dataset: _, metric: __, external: ___, ...term }) => term),
    notes: notes.length,
  })
  expect(rounded(plain(repeatable(result)))).toEqual(rounded(plain(repeatable(inside))))
})

describe('a search that waits for scores', () => {
  test('is shown as waiting, keeps its models in use, and can be cancelled', async () => {
    const id = await scorer.start(models(), { selection: judge() })
    await until('the search waits', async () => (await jobOf(id)).status === 'waiting')
    const job = await jobOf(id)
    expect(job).toMatchObject({ finishedAt: null, attempts: 0, progress: { done: 0, total: 7, best: null } })
    const page = jobPage.parse(await json(await fetch(`${app.url}/v1/jobs?status=waiting&type=search`)))
    expect(page.items.map(each => [each.id, each.status])).toContainEqual([id, 'waiting'])
    const queued = jobPage.parse(await json(await fetch(`${app.url}/v1/jobs?status=queued`)))
    expect(queued.items.map(each => each.id)).not.toContain(id)
    expect((await json<Usage>(await fetch(`${app.url}/v1/usage`))).jobs).toMatchObject({ queued: 0, waiting: 1 })
    const metrics = await (await fetch(`${app.url}/metrics`)).text()
    expect(metrics).toContain('tureen_jobs{type="search",status="waiting"} 1')
    expect(metrics).toContain('tureen_job_queue_depth 0')
    const deletion = () => fetch(`${app.url}/v1/models/${models()[0]}`, { method: 'DELETE' })
    await readProblem(await deletion(), 409, 'TUREEN_IN_USE')
    await readProblem(await fetch(`${app.url}/v1/jobs/${id}`, { method: 'DELETE' }), 409, 'TUREEN_IN_USE')
    await cancelJob(app.url, id)
    expect((await jobOf(id)).status).toBe('cancelled')
    expect(await scorer.lease(id, {}, 0)).toMatchObject({ id: null, job: { status: 'cancelled' } })
  })

  test('tells its progress with each score, and the best so far', async () => {
    const id = await scorer.start(models(), { selection: judge() })
    const { candidates } = await scorer.lease(id, { count: 100 })
    const best: (number | null | undefined)[] = []
    for (const [index, candidate] of candidates.entries()) {
      await scorer.score(id, candidate.id, scoresOf(candidate))
      const { progress } = await jobOf(id)
      if (index + 1 < candidates.length) expect(progress).toMatchObject({ done: index + 1, total: 7 })
      best.push(progress?.best)
    }
    const errors = candidates.map(each =>
      errorsOf(slopeOf(each), 'selection').reduce((sum, error) => sum + error / 4, 0),
    )
    expect(best.slice(0, -1)).toEqual(errors.map((_, at) => Math.min(...errors.slice(0, at + 1))).slice(0, -1))
    await until('the end', async () => (await jobOf(id)).status === 'succeeded')
    const events = await (await fetch(`${app.url}/v1/jobs/${id}/events`)).text()
    expect(events).toContain('"message":"candidate 3 of 7"')
    expect(events).toContain('event: done')
  })

  test('leaves out candidates that have no score, names them, and passes over them', async () => {
    const id = await scorer.start(models(), { selection: judge() })
    const best = Math.min(...[1, 2, 4, 1.5, 2.5, 3, 7 / 3].map(slope => Math.abs(slope - targets.selection)))
    const { result } = await scorer.scoreAll(id, candidate =>
      Math.abs(slopeOf(candidate) - targets.selection) === best ? { error: 'too good' } : scoresOf(candidate),
    )
    expect(result?.candidates.filter(({ score }) => score === null)).toHaveLength(1)
    expect(result?.winner.score).not.toBeNull()
    expect(result?.notes).toContainEqual(
      expect.stringMatching(/1 of the candidates have no score from outside.*too good/),
    )
  })

  test('names the mean of all models if the scorer gives it no score', async () => {
    const id = await scorer.start(models(), { selection: judge(), strategy: { type: 'topK', k: 1 } })
    const { result } = await scorer.scoreAll(id, candidate =>
      candidate.recipe?.models.length === 3 ? { error: 'ran out of memory' } : scoresOf(candidate),
    )
    expect(result?.uniform?.score).toBeNull()
    expect(result?.notes).toContain('the mean of all models has no score from outside: ran out of memory')
  })

  test('fails without any score, and says why', async () => {
    const id = await scorer.start(models(), { selection: judge() })
    const { error } = await scorer.scoreAll(id, () => ({ error: 'no GPU' }))
    expect(error).toMatchObject({ code: 'TUREEN_METRIC_MISMATCH' })
  })

  test('fails after a while without a scorer, and goes on with the kept scores when it is posted again', async () => {
    const selection = judge()
    const id = await scorer.start(models(), { selection })
    const [candidate] = (await scorer.lease(id, { count: 1 })).candidates
    if (candidate) await scorer.score(id, candidate.id, scoresOf(candidate))
    ahead += 86_401_000
    await until('the failure', async () => (await jobOf(id)).status === 'failed')
    const { error } = await jobOf(id)
    if (!error) throw new Error('the search has no error')
    expectTypedCauses(error)
    expect(error).toMatchObject({ code: 'TUREEN_EXTERNAL_IDLE' })
    expect(error.detail).toMatch(/1 candidates are scored.*6 wait.*best score so far is/)
    const again = await scorer.start(models(), { selection })
    await scorer.scoreAll(again, scoresOf)
    expect(await scorer.candidates(again)).toHaveLength(6)
  })

  test('ends with the best so far when its budget of seconds is spent, also if scores came out of order', async () => {
    const id = await scorer.start(models(), { selection: judge(), test: {}, budget: { seconds: 100 } })
    const { candidates } = await scorer.lease(id, { count: 100, seconds: 1000 })
    const scored = candidates.filter((_, index) => index === 1 || index === 4 || index === 5)
    for (const candidate of scored) await scorer.score(id, candidate.id, scoresOf(candidate))
    ahead += 101_000
    const tested: string[] = []
    const { result, error } = await scorer.scoreAll(id, candidate => {
      tested.push(candidate.split)
      return scoresOf(candidate)
    })
    if (!result) throw new Error(JSON.stringify(error))
    expect(result.stopped).toBe('seconds')
    expect(result.candidates.map(slopeOf).sort()).toEqual(scored.map(slopeOf).sort())
    const errors = scored.map(each => Math.abs(slopeOf(each) - targets.selection))
    expect(Math.abs(slopeOf(result.winner) - targets.selection)).toBe(Math.min(...errors))
    expect(new Set(tested)).toEqual(new Set(['test']))
    const late = candidates.find(candidate => !scored.includes(candidate))
    const answer = await scorer.score(id, String(late?.id), { score: 1 })
    await readProblem(answer, 409, 'TUREEN_CANDIDATE_SCORED')
  })

  test('waits for its first score even if the budget of seconds is spent', async () => {
    const id = await scorer.start(models(), {
      selection: judge(),
      strategy: { type: 'greedy' },
      budget: { seconds: 1 },
    })
    await until('the search waits', async () => (await jobOf(id)).status === 'waiting')
    ahead += 10_000
    await until('the sweep', async () => (await jobOf(id)).startedAt !== null)
    const { result } = await scorer.scoreAll(id, scoresOf)
    expect(result?.stopped).toBe('seconds')
    expect(result?.winner.score).not.toBeNull()
  })
})

test('a search by plain numbers has no interval on test, and its notes say why', async () => {
  const id = await scorer.start(models(), { selection: judge(), test: { external: { name: 'other', version: '2' } } })
  const { result } = await scorer.scoreAll(id, candidate => ({ score: slopeOf(candidate) }))
  expect(result?.test).toMatchObject({ interval: null, samples: null, difference: expect.any(Number) })
  expect(result?.notes.join()).toContain('the scorer did not send a score for each sample')
  const tests = (await scorer.candidates(id)).filter(({ split }) => split === 'test')
  expect(tests.map(each => each.scorer.name)).toEqual(tests.map(() => 'other'))
})
