import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { job as jobSchema } from '../../schemas/job.ts'
import { modelPage } from '../../schemas/model.ts'
import { readProblem } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, startApp } from '../support/server.ts'
import { absoluteSum, absoluteSumData } from '../support/two-layer-model.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let digits: { ids: string[]; val: string; test: string }

beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
  digits = await client.addDigits()
})
afterAll(() => app.close())

const exhaustive = { type: 'exhaustive' }
const request = (more: object = {}) => ({
  models: digits.ids.map(id => ({ id })),
  strategy: exhaustive,
  selection: { dataset: digits.val, metric: 'accuracy' },
  ...more,
})

describe('a search over networks that were trained apart', () => {
  test.each([['greedy'], ['exhaustive'], ['topK'], ['coordinate'], ['cmaEs']])(
    '%s keeps the best single one and says so',
    async type => {
      const ids: string[] = []
      for (const [index, scale] of [0.9, 0.99, 0.95].entries())
        ids.push(await client.addModel(absoluteSum(index + 1, scale), `net ${index}`))
      const { id: dataset } = await client.addDataset(absoluteSumData())
      const scoring = { dataset, metric: 'mse', target: 'target' }
      const result = await client.find({
        models: ids.map(id => ({ id })),
        strategy: { type, ...(type === 'cmaEs' ? { generations: 3 } : {}) },
        selection: scoring,
        test: scoring,
        name: 'not made',
      })
      expect(result).toMatchObject({ direction: 'min', improved: false, model: { id: ids[1] } })
      expect(result.winner).toEqual(result.bestSingle)
      expect(result.winner.models).toEqual([ids[1]])
      expect(result.uniform?.score).toBeGreaterThan(10 * (result.winner.score ?? Number.NaN))
      expect(result.test).toMatchObject({ difference: 0, interval: [0, 0] })
      expect(result.notes.join()).toContain('no soup scored better than the best single model')
      const made = modelPage.parse(await (await fetch(`${app.url}/v1/models?name=not%20made`)).json())
      expect(made.items).toEqual([])
    },
  )
})

describe('budgets', () => {
  test('of evaluations end a search early, with the best so far', async () => {
    const result = await client.find(request({ budget: { evaluations: 11 } }))
    expect(result).toMatchObject({ stopped: 'evaluations', evaluations: 11 })
    expect(result.uniform).not.toBeNull()
    expect(result.contributions).toBeUndefined()
    // The uniform soup is scored for comparison before the strategy comes to it.
    expect(result.candidates).toHaveLength(10)
    expect(result.winner.score).toBe(Math.max(...result.candidates.map(({ score }) => score ?? 0)))
    expect(result.notes.join()).toContain('budget of 11 evaluations')
  })

  test('that end among the single models leave the others out', async () => {
    const result = await client.find(request({ budget: { evaluations: 3 } }))
    expect(result.candidates.map(({ models }) => models)).toEqual(digits.ids.slice(0, 3).map(id => [id]))
    expect(result.uniform).toBeNull()
  })

  test('of seconds end a search in time', async () => {
    // Sample by sample, 255 candidates take seconds on any machine.
    const selection = { dataset: digits.val, metric: 'crossEntropy', batchSize: 1 }
    const result = await client.find(request({ selection, budget: { seconds: 0.4 } }))
    expect(result.stopped).toBe('seconds')
    expect(result.seconds).toBeLessThan(20)
    expect(result.candidates.length).toBeGreaterThan(0)
    expect(result.candidates.length).toBeLessThan(255)
  })
})

describe('while it runs', () => {
  /** Scores that no other test asks for, so that there is something to compute. */
  const running = async (batchSize: number, more: object = {}) => {
    const selection = { dataset: digits.val, metric: 'crossEntropy', batchSize }
    const models = digits.ids.slice(0, 6).map(id => ({ id }))
    const answer = await client.post('/v1/searches', request({ models, selection, ...more }))
    expect(answer.status).toBe(202)
    return jobSchema.parse(await answer.json()).id
  }
  /** A search that no machine ends before a test cancels it: it has more than 6,000 candidates. @param seed tells it from others */
  const runningLong = (seed: number) => running(5, { strategy: { type: 'cmaEs', seed, generations: 1000 } })
  const look = async (id: string) => jobSchema.parse(await (await fetch(`${app.url}/v1/jobs/${id}`)).json())
  const until = async (id: string, check: (job: Awaited<ReturnType<typeof look>>) => boolean) => {
    for (;;) {
      const job = await look(id)
      if (check(job)) return job
      await delay(20)
    }
  }

  test('it tells which candidate it is at, the best so far and the seconds left', async () => {
    const id = await runningLong(1)
    const { progress } = await until(id, job => (job.progress?.done ?? 0) > 5)
    await client.post(`/v1/jobs/${id}/cancel`, {})
    expect(progress?.total).toBeGreaterThan(6_000)
    expect(progress).toMatchObject({ message: `candidate ${progress?.done} of ${progress?.total}` })
    expect(progress?.best).toBeGreaterThan(0)
    expect(progress?.secondsLeft).toBeGreaterThan(0)
    expect(progress?.seconds).toBeGreaterThan(0)
  })

  test('it tells when it has come to its end', async () => {
    const models = digits.ids.slice(0, 4).map(id => ({ id }))
    const id = await running(10, { models })
    const done = await until(id, job => job.finishedAt !== null)
    expect(done).toMatchObject({ status: 'succeeded', progress: { done: 15, total: 15 } })
    const events = await (await fetch(`${app.url}/v1/jobs/${id}/events`)).text()
    expect(events).toMatch(/event: progress\ndata: \{[^}]*"best":/)
  })

  test('cancelling ends it within a second, and keeps nothing but scores', async () => {
    const id = await runningLong(2)
    await until(id, job => (job.progress?.done ?? 0) > 5)
    const asked = performance.now()
    expect((await client.post(`/v1/jobs/${id}/cancel`, {})).status).toBe(202)
    expect(await look(id)).toMatchObject({ status: 'cancelled', error: { code: 'TUREEN_JOB_CANCELLED' } })
    // The next search needs the evaluators: it gets on at once.
    const next = await client.find({
      ...request(),
      models: digits.ids.slice(0, 2).map(each => ({ id: each })),
      selection: { dataset: digits.val, metric: 'macroF1' },
    })
    expect(next.candidates).toHaveLength(3)
    expect(performance.now() - asked).toBeLessThan(20_000)
    expect((await look(id)).result).toBeUndefined()
  })
})

describe('what is refused before there is a job', () => {
  const refused = async (body: object, status: number, code: string) => {
    const before = await (await fetch(`${app.url}/v1/jobs?type=search`)).json()
    const problem = await readProblem(await client.post('/v1/searches', body), status, code)
    expect(await (await fetch(`${app.url}/v1/jobs?type=search`)).json()).toEqual(before)
    return problem
  }

  test('fewer than two models', async () => {
    const { errors } = await refused(request({ models: [{ id: digits.ids[0] }] }), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'models', message: expect.stringContaining('at least two') }])
  })

  test('a strategy that does not exist', async () => {
    await refused(request({ strategy: { type: 'best' } }), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('a model or data set that does not exist', async () => {
    const models = [{ id: digits.ids[0] }, { id: 'nobody' }]
    const { errors } = await refused(request({ models }), 404, 'TUREEN_NOT_FOUND')
    expect(errors[0]).toMatchObject({ field: 'models.1.id' })
    const selection = { dataset: 'nothing', metric: 'accuracy' }
    const other = await refused(request({ selection }), 404, 'TUREEN_NOT_FOUND')
    expect(other.errors[0]).toMatchObject({ field: 'selection.dataset' })
    const test = await refused(request({ test: { dataset: 'nothing' } }), 404, 'TUREEN_NOT_FOUND')
    expect(test.errors[0]).toMatchObject({ field: 'test.dataset' })
  })

  test('models that are not one network, with the reasons of a merge', async () => {
    const id = await client.addModel(linearModel([1, 2], [3, 4]), 'another')
    const models = [{ id: digits.ids[0] }, { id }]
    const { errors } = await refused(request({ models }), 422, 'TUREEN_MODELS_DIFFER')
    const merge = await client.post('/v1/merges', { models })
    expect(errors).toEqual((await readProblem(merge, 422, 'TUREEN_MODELS_DIFFER')).errors)
  })

  test('more models than an exhaustive search takes, with the number of soups that they have', async () => {
    const models = Array.from({ length: 13 }, (_, index) => ({ id: digits.ids[index % 8] }))
    const { detail, errors } = await refused(request({ models }), 422, 'TUREEN_SEARCH_TOO_LARGE')
    expect(detail).toContain('8,191')
    expect(errors[0]?.field).toBe('models')
    const small = { strategy: { type: 'exhaustive', maxModels: 7 } }
    expect((await refused(request(small), 422, 'TUREEN_SEARCH_TOO_LARGE')).detail).toContain('255')
  })

  test('a sweep over other than two models', async () => {
    const { errors } = await refused(request({ strategy: { type: 'sweep' } }), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toBe('models')
  })

  test('a metric that does not exist, or does not fit the target', async () => {
    const named = { selection: { dataset: digits.val, metric: 'precision' } }
    expect((await refused(request(named), 400, 'TUREEN_REQUEST_INVALID')).errors[0]?.field).toBe('selection.metric')
    const misfit = { selection: { dataset: digits.val, metric: 'mse' } }
    expect((await refused(request(misfit), 422, 'TUREEN_METRIC_MISMATCH')).errors[0]?.field).toBe('selection.metric')
    const data = npz({
      x: { descr: '<f4', shape: [2, 1, 8, 8], data: new Float32Array(128) },
      y: { descr: '<f4', shape: [2, 3, 4], data: new Float32Array(24) },
    })
    const { id: dataset } = await client.addDataset(data)
    const test = { dataset, target: 'y' }
    expect((await refused(request({ test }), 422, 'TUREEN_METRIC_MISMATCH')).errors[0]?.field).toBe('test.metric')
  })

  test('a group that no tensor belongs to', async () => {
    const strategy = { type: 'coordinate', groups: ['conv*', 'encoder.*'] }
    const { errors } = await refused(request({ strategy }), 422, 'TUREEN_RULE_UNMATCHED')
    expect(errors.map(({ field }) => field)).toEqual(['strategy.groups.1'])
  })
})

test('the result says what each group met', async () => {
  const models = [0, 1].map(index => ({ id: digits.ids[index] }))
  const strategy = { type: 'coordinate', groups: ['conv1*', '/conv?/*'], minimumStep: 0.5 }
  const { groups } = await client.find(request({ models, strategy, budget: { evaluations: 4 } }))
  expect(groups).toEqual([
    { match: 'conv1*', tensors: 2, elements: 16 * 9 + 16, overruled: 0 },
    { match: '/conv?/*', tensors: 2, elements: 32 * 16 * 9 + 32, overruled: 2 },
  ])
})

test('models and data sets that a search needs are not deleted', async () => {
  const selection = { dataset: digits.val, metric: 'crossEntropy', batchSize: 2 }
  const { id } = jobSchema.parse(await (await client.post('/v1/searches', request({ selection }))).json())
  for (const path of [`/v1/models/${digits.ids[7]}`, `/v1/datasets/${digits.val}`])
    expect((await fetch(`${app.url}${path}`, { method: 'DELETE' })).status).toBe(409)
  await client.post(`/v1/jobs/${id}/cancel`, {})
})

test('a model that puts out NaN does not win, though NaN can be taken for a class', async () => {
  const bytes = await projectFile('examples/digits/ft2.onnx')
  const broken = Uint8Array.from(bytes)
  broken.fill(0xff, bytes.byteLength >> 1, (bytes.byteLength >> 1) + 4000)
  const ids = [await client.addModel(broken, 'broken'), digits.ids[0] ?? '']
  // All are of class 0, which is what the first of ten NaN counts as.
  const { id: dataset } = await client.addDataset(
    npz({
      image: { descr: '<f4', shape: [2, 1, 8, 8], data: new Float32Array(128).fill(0.5) },
      label: { descr: '<i8', shape: [2], data: new BigInt64Array(2) },
    }),
  )
  const models = ids.map(id => ({ id }))
  const result = await client.find({ models, strategy: exhaustive, selection: { dataset, metric: 'accuracy' } })
  expect(result.winner.models).toEqual([ids[1]])
  expect(result.candidates.map(({ score }) => score === null)).toEqual([true, false, true])
  expect(result.notes.join()).toContain('2 of the candidates have no score')
})

test('notes say that a test on the data that chose the winner is too optimistic', async () => {
  const models = [0, 1].map(index => ({ id: digits.ids[index] }))
  const result = await client.find(request({ models, test: { dataset: digits.val } }))
  expect(result.winner.models).toHaveLength(2)
  expect(result).toMatchObject({ improved: null, test: { winner: result.winner.score } })
  expect(result.notes.join()).toContain('too optimistic')
})

test('notes tell which arrays were guessed, for selection and test', async () => {
  const ids = [await client.addModel(linearModel([1], [0]), 'a'), await client.addModel(linearModel([2], [0]), 'b')]
  const column = (values: number[]) => ({ descr: '<f4', shape: [values.length, 1], data: Float32Array.from(values) })
  const data = (name: string, values: number[]) => npz({ [name]: column(values), target: column(values) })
  const { id: val } = await client.addDataset(data('features', [1, 2, 3]))
  const { id: test } = await client.addDataset(data('held', [4, 5]))
  const { notes } = await client.find({
    models: ids.map(id => ({ id })),
    strategy: { type: 'topK' },
    selection: { dataset: val, metric: 'mse' },
    test: { dataset: test },
  })
  expect(notes.filter(note => note.includes('was taken'))).toEqual([
    expect.stringMatching(/features was taken for the input x,.*selection\.inputs\.x/),
    expect.stringMatching(/held was taken for the input x,.*test\.inputs\.x/),
  ])
})
