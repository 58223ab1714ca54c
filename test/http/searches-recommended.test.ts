import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobPage, searchJob } from '../../schemas/job.ts'
import { modelPage } from '../../schemas/model.ts'
import { readProblem } from '../support/http-client.ts'
import { lineData, lineModel } from '../support/line-models.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'

/*
 * Models of y = a x with slopes 1 ("one") and 0.875 ("low"). On val y is 0.95 x, so their mean with the slope 0.9375 wins. Each test set says
 * otherwise in its own way. For x = 1 the squared errors of the winner and of "one" are 0.00390625 and 0 where y is x, and 0.00140625 and
 * 0.01 where y is 0.9 x.
 */

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let one: string
let low: string
let val: string
let worse: string

const steps = [1, 2, 3, -1, -2, -3, 1, -1]
const ones = steps.map(() => 1)
const add = async (slopeAt: (index: number) => number, xs: readonly number[] = steps) =>
  (await client.addDataset(lineData(xs.map((x, index) => ({ x: [x], target: slopeAt(index) * x }))))).id

beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
  one = await client.addModel(lineModel(1), 'one')
  low = await client.addModel(lineModel(0.875), 'low')
  val = await add(() => 0.95)
  worse = await add(() => 1)
})
afterAll(() => app.close())

const request = (more: object = {}) => ({
  models: [{ id: one }, { id: low }],
  strategy: { type: 'sweep', steps: 3 },
  selection: { dataset: val, metric: 'mse' },
  ...more,
})
const look = async (path: string) => (await fetch(`${app.url}${path}`)).json()
const contentOf = async (id: string) =>
  Buffer.from(await (await fetch(`${app.url}/v1/models/${id}/content`)).arrayBuffer())

/** What lists and the last event show of a search. */
async function shownOf(id: string) {
  const { items } = jobPage.parse(await look('/v1/jobs?type=search'))
  const events = await (await fetch(`${app.url}/v1/jobs/${id}/events`)).text()
  const item = items.find(each => each.id === id)
  return { item, last: events.trimEnd().split('\n\n').at(-1) ?? '' }
}

describe('a winner that does not hold up on test', () => {
  test('is named first in the job, in lists and in the last event', async () => {
    const zero = await client.addModel(lineModel(0), 'zero')
    const strategy = { type: 'sweep', steps: 21 }
    const models = [{ id: one }, { id: zero }]
    const { id, result } = await client.search(request({ models, strategy, test: { dataset: worse } }))
    expect(result?.winner.weights).toEqual([0.95, 0.05])
    expect(result).toMatchObject({ improved: false, bestSingle: { models: [one] }, test: { bestSingle: 0 } })
    expect(result?.recommended).toMatchObject({ choice: 'bestSingle', id: one, name: 'one' })
    expect(result?.notes[0]).toBe(result?.recommended?.reason)
    expect(result?.notes[0]).toMatch(/^the winner does not hold up: .* is wholly worse$/)
    expect(Object.keys(result ?? {})[0]).toBe('recommended')
    // The search returns its winner all the same, because no guard was asked for.
    expect(result?.model.id).not.toBe(one)
    const { item, last } = await shownOf(id)
    expect(last).toMatch(/^event: done$[\s\S]*"result":\{"recommended":\{"choice":"bestSingle"/m)
    expect(item).toMatchObject({ search: { recommended: result?.recommended, winner: result?.model, candidates: 21 } })
  })

  test('is still recommended where it may be better, with the interval of a binomial count', async () => {
    const unsure = await add(index => (index % 2 === 0 ? 1 : 0.9), ones)
    const result = await client.find(request({ test: { dataset: unsure } }))
    // Of 8 draws, B(8, 1/2) are of samples that the winner is better at: 1 at the quantile 0.025, 7 at 0.975.
    const differenceAt = (draws: number) => 0.00390625 - 0.0125 * (draws / 8)
    expect(result.test?.winner).toBeCloseTo(0.00265625, 7)
    expect(result.test?.bestSingle).toBeCloseTo(0.005, 7)
    expect(result.test?.interval?.[0]).toBeCloseTo(differenceAt(7), 7)
    expect(result.test?.interval?.[1]).toBeCloseTo(differenceAt(1), 7)
    expect(result).toMatchObject({ improved: false, recommended: { choice: 'winner', ...result.model } })
    expect(result.notes[0]).toMatch(/^the winner does not hold up: .* includes 0$/)
  })

  test('is none where test is certain, by its own metric and its own arrays of the same file', async () => {
    const x = { descr: '<f4', shape: [steps.length, 1], data: Float32Array.from(steps) }
    const sloped = (slope: number) => ({ ...x, data: Float32Array.from(steps, step => slope * step) })
    const both = await client.addDataset(npz({ x, target: sloped(0.95), x_test: x, target_test: sloped(0.9) }))
    const result = await client.find(
      request({
        selection: { dataset: both.id, metric: 'mse', inputs: { x: 'x' }, target: 'target' },
        test: { dataset: both.id, metric: 'r2', inputs: { x: 'x_test' }, target: 'target_test' },
      }),
    )
    expect(result).toMatchObject({ direction: 'min', improved: true, test: { direction: 'max' }, notes: [] })
    expect(result.recommended).toMatchObject({ choice: 'winner', ...result.model })
  })
})

describe('guard', () => {
  const guarded = (more: object = {}) => request({ guard: true, test: { dataset: worse }, ...more })

  test('returns the best single model, and says that test has chosen', async () => {
    const { id, result } = await client.search(guarded())
    expect(result?.model).toMatchObject({ id: one, name: 'one' })
    expect(result?.recommended).toMatchObject({ choice: 'bestSingle', ...result?.model })
    expect(result?.notes[0]).toMatch(/does not hold up.*guard has now chosen by test.*too optimistic/)
    expect(result?.winner.weights).toEqual([0.5, 0.5])
    const { item } = await shownOf(id)
    expect(item).toMatchObject({ search: { recommended: result?.recommended, score: result?.bestSingle.score } })
  })

  test('gives it the name, labels and ttl of the request, and leaves the model of the request as it is', async () => {
    const labels = { stage: 'candidate' }
    const { id } = await client.search(guarded({ name: 'deploy', labels, ttl: 3600 }))
    const { items } = modelPage.parse(await look('/v1/models?name=deploy'))
    const [record] = items
    expect(record).toMatchObject({ labels, lineage: null, status: 'complete', expiresAt: expect.any(String) })
    expect(await contentOf(record?.id ?? '')).toEqual(await contentOf(one))
    expect(await look(`/v1/models/${one}`)).toMatchObject({ name: 'one', labels: {}, expiresAt: null })
    const { result } = searchJob.parse(await look(`/v1/jobs/${id}`))
    expect(result?.model).toEqual({ id: record?.id, name: 'deploy', sha256: record?.sha256 })
    expect(result?.recommended).toMatchObject({ choice: 'bestSingle', ...result?.model })
  })

  test('keeps a winner that is not worse, and says that test has chosen all the same', async () => {
    const tied = await client.find(guarded({ test: { dataset: val } }))
    expect(tied.recommended).toMatchObject({ choice: 'winner', ...tied.model })
    expect(tied.notes[0]).toContain('guard has now chosen by test')
  })

  test('has nothing to choose where the best single model won', async () => {
    const selection = { dataset: worse, metric: 'mse' }
    const result = await client.find(guarded({ selection, test: { dataset: val }, name: 'single' }))
    expect(result.recommended).toMatchObject({ choice: 'winner', ...result.model, name: 'single' })
    expect(result.notes.join()).not.toMatch(/hold up|guard/)
    expect(await contentOf(result.model.id)).toEqual(await contentOf(one))
  })

  test('returns the best single model in the type that the request asks for', async () => {
    const outputDtype = 'float64'
    const open = await client.find(guarded({ guard: false, outputDtype }))
    expect(open.recommended).toMatchObject({ choice: 'bestSingle', id: one })
    expect(open.notes.join()).toContain('send guard to get it as float64')
    const { recommended, model, test } = await client.find(guarded({ outputDtype, name: 'wide' }))
    expect(recommended).toMatchObject({ choice: 'bestSingle', ...model, name: 'wide' })
    expect(await look(`/v1/models/${model.id}`)).toMatchObject({ dtypes: { float64: 2 } })
    const { result } = await client.evaluate({ dataset: worse, metrics: ['mse'], model: model.id })
    expect(result?.metrics.mse).toBe(test?.bestSingle)
  })

  test('without test is refused, and the refusal says what to send', async () => {
    const answer = await client.post('/v1/searches', request({ guard: true }))
    const { errors } = await readProblem(answer, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'guard', expected: 'a test data set' }])
  })
})

describe('scores that are not finite', () => {
  test('of every model by itself do not end a search that finds a soup', async () => {
    const up = await client.addModel(lineModel(3e38), 'up')
    const down = await client.addModel(lineModel(-3e38), 'down')
    const data = await client.addDataset(lineData([10, 20, 30, 40].map(x => ({ x: [x], target: 0 }))))
    const scoring = { dataset: data.id, metric: 'mse' }
    const models = [{ id: up }, { id: down }]
    const result = await client.find({ models, strategy: { type: 'greedy' }, selection: scoring, test: scoring })
    expect(result).toMatchObject({ winner: { score: 0 }, bestSingle: { models: [up], score: null } })
    expect(result).toMatchObject({ recommended: { choice: 'winner' }, test: { bestSingle: null, interval: null } })
    expect(result.notes.join()).toContain('the best single model (up) has no score there')
    expect(result.notes.join()).toContain('2 of the candidates have no score')
  })

  test('of the winner on test alone make the best single model the recommended one', async () => {
    // The second input is 0 on val. On test it exceeds float32 in every soup of "steep".
    const flat = await client.addModel(lineModel(1, 0), 'flat')
    const steep = await client.addModel(lineModel(0.9, 3e38), 'steep')
    const onVal = await client.addDataset(lineData(steps.map(x => ({ x: [x, 0], target: 0.95 * x }))))
    const onTest = await client.addDataset(lineData(steps.map(x => ({ x: [x, 100], target: x }))))
    const scoring = { selection: { dataset: onVal.id, metric: 'mse' }, test: { dataset: onTest.id } }
    const result = await client.find({ ...request(scoring), models: [{ id: flat }, { id: steep }] })
    expect(result.winner.weights).toEqual([0.5, 0.5])
    expect(result.test).toMatchObject({ winner: null, bestSingle: 0, difference: null, interval: null })
    expect(result).toMatchObject({ improved: null, recommended: { choice: 'bestSingle', id: flat } })
    expect(result.notes[0]).toMatch(/^the winner does not hold up: it has no score on test, and .* \(flat\) has 0$/)
  })

  test('are not hidden on test by a metric that finds a class among NaN', async () => {
    // The softmax of two infinite logits is NaN. Its class counts as 0, which is right on test.
    const classifier = (...weights: number[]) =>
      linearModel(weights, [0, 0], ({ graph }) => {
        for (const node of graph.node ?? []) if (node.name === 'add') node.output = ['logits']
        graph.node?.push({ name: 'softmax', opType: 'Softmax', input: ['logits'], output: ['y'] })
      })
    const flat = await client.addModel(classifier(1, -1, 0, 0), 'calm')
    const steep = await client.addModel(classifier(-3, 3, 3e38, 3e38), 'wild')
    const data = async (xs: readonly number[], label: number) =>
      client.addDataset(
        npz({
          x: { descr: '<f4', shape: [3, 2], data: Float32Array.from(xs) },
          label: { descr: '<i8', shape: [3], data: BigInt64Array.from([label, label, label], BigInt) },
        }),
      )
    const onVal = await data([1, 0, 2, 0, 3, 0], 1)
    const onTest = await data([1, 100, 2, 100, -1, 100], 0)
    const result = await client.find({
      models: [{ id: flat }, { id: steep }],
      strategy: { type: 'exhaustive' },
      selection: { dataset: onVal.id, metric: 'accuracy' },
      test: { dataset: onTest.id },
    })
    expect(result.winner.models).toEqual([steep])
    expect(result.test).toMatchObject({ winner: null, uniform: null })
    expect(result.notes.join()).toContain('the mean of all models has no score on test')
  })
})
