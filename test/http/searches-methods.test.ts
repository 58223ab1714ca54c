import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, merge, readProblem } from '../support/http-client.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let ids: string[]
let base: string
let val: string

beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
  ids = []
  for (const index of [0, 1, 2])
    ids.push(await client.addModel(await projectFile(`examples/digits/ft${index}.onnx`), `ft${index}`))
  base = await client.addModel(await projectFile('examples/digits/base.onnx'), 'base')
  val = (await client.addDataset(await projectFile('examples/digits/val.npz'))).id
})
afterAll(() => app.close())

const request = (models: readonly string[], more: object) => ({
  models: models.map(id => ({ id })),
  selection: { dataset: val, metric: 'accuracy' },
  ...more,
})

describe('a search by another method', () => {
  test('sweeps a parameter, and the winner is the merge with the parameter that it names', async () => {
    const strategy = { type: 'sweep', steps: 5, parameter: 't', range: [0.1, 0.9] }
    const result = await client.find(request(ids.slice(0, 2), { method: 'slerp', strategy }))
    const swept = result.candidates.filter(({ parameters }) => parameters)
    expect(swept.map(({ parameters }) => parameters?.t)).toEqual([0.1, 0.3, 0.5, 0.7, 0.9])
    for (const { score } of swept) expect(result.winner.score).toBeGreaterThanOrEqual(score ?? 0)
    expect(result.winner.parameters).toBeDefined()
    const models = result.winner.models.map(id => ({ id }))
    const again = await merge(app.url, { method: 'slerp', models, parameters: result.winner.parameters })
    expect(again.result?.model.sha256).toBe(result.model.sha256)
  })

  test('sweeps from a base to one model', async () => {
    const strategy = { type: 'sweep', steps: 3, parameter: 'alpha', range: [0, 1] }
    const result = await client.find(request(ids.slice(0, 1), { method: 'wise_ft', base, strategy }))
    const swept = result.candidates.flatMap(({ parameters }) => parameters?.alpha ?? [])
    expect(swept).toEqual([0, 0.5, 1])
    const end = result.candidates.find(({ parameters }) => parameters?.alpha === 1)
    expect(end?.score).toBe(result.bestSingle.score)
  })

  /** The score of a merge by itself. */
  async function accuracyOf(request: object): Promise<number> {
    const job = await merge(app.url, request)
    const evaluation = await client.post('/v1/evaluations?wait=60', {
      model: job.result?.model.id,
      dataset: val,
      metrics: ['accuracy'],
    })
    return (await json<{ result: { metrics: { accuracy: number } } }>(evaluation)).result.metrics.accuracy
  }

  test('chooses subsets of what models changed of a base', async () => {
    const how = { method: 'ties', base, parameters: { density: 0.5 }, strategy: { type: 'exhaustive' } }
    const result = await client.find(request(ids, how))
    expect(result.candidates).toHaveLength(7)
    const pair = result.candidates.find(({ models }) => models.length === 2)
    const members = pair?.models.map(id => ({ id }))
    expect(pair?.score).toBe(await accuracyOf({ ...how, strategy: undefined, models: members }))
  })

  test('takes to each soup what is said of its members alone', async () => {
    const how = { method: 'ties', base, parameters: { density: [0.9, 0.2, 0.6] }, strategy: { type: 'topK' } }
    const result = await client.find(request(ids, how))
    const pair = result.candidates.find(({ models }) => models.length === 2)
    const members = pair?.models.map(id => ids.indexOf(id)) ?? []
    const parameters = { density: members.map(member => how.parameters.density[member]) }
    const models = pair?.models.map(id => ({ id }))
    expect(pair?.score).toBe(await accuracyOf({ method: 'ties', base, parameters, models }))
  })

  test('weighs each model of a soup with its own Fisher information', async () => {
    // Weights stand in for information: what is negative in them counts as the least there may be.
    const fishers = [base, ids[2], ids[0]]
    const models = ids.map((id, index) => ({ id, fisher: fishers[index] }))
    const strategy = { type: 'exhaustive' }
    const result = await client.find({ ...request(ids, { method: 'fisher', strategy }), models })
    const merged = async (members: readonly string[] = []) =>
      merge(app.url, { method: 'fisher', models: models.filter(({ id }) => members.includes(id)) })
    const last = result.candidates.find(({ models: members }) => members.join() === ids.slice(1).join())
    const evaluation = await client.post('/v1/evaluations?wait=60', {
      model: (await merged(last?.models)).result?.model.id,
      dataset: val,
      metrics: ['accuracy'],
    })
    const { result: scored } = await json<{ result: { metrics: { accuracy: number } } }>(evaluation)
    expect(last?.score).toBe(scored.metrics.accuracy)
    const job = await merged(result.winner.models)
    expect(result.winner.models.length).toBeGreaterThan(1)
    expect(result.model.sha256).toBe(job.result?.model.sha256)
  })

  test.each([
    ['coordinate', { step: 0.5, minimumStep: 0.5 }],
    ['cmaEs', { generations: 2, population: 4 }],
  ])('searches weights and parameters together by %s', async (type, more) => {
    const strategy = { type, ...more, parameters: { lambda: [0.2, 1.2] } }
    const how = { method: 'task_arithmetic', base, strategy, budget: { evaluations: 16 } }
    const result = await client.find(request(ids.slice(0, 2), how))
    const lambdas = result.candidates.flatMap(({ parameters }) => parameters?.lambda ?? [])
    expect(new Set(lambdas).size).toBeGreaterThan(1)
    for (const lambda of lambdas) {
      expect(lambda).toBeGreaterThanOrEqual(0.2)
      expect(lambda).toBeLessThanOrEqual(1.2)
    }
  })

  test('without weights is searched for its parameters alone', async () => {
    const strategy = { type: 'coordinate', step: 0.5, minimumStep: 0.25, parameters: { topk: [0, 1] } }
    const result = await client.find(request(ids, { method: 'sce', base, strategy }))
    for (const { weights, models } of result.candidates) if (models.length > 1) expect(weights).toEqual([1, 1, 1])
  })
})

describe('a search that a method cannot follow is refused', () => {
  test.each([
    [
      'a parameter that it does not have',
      { method: 'slerp', strategy: { type: 'sweep', parameter: 's', range: [0, 1] }, parameters: { t: 0.5 } },
      'strategy.parameter',
    ],
    [
      'a range beyond what it takes',
      { method: 'slerp', strategy: { type: 'sweep', parameter: 't', range: [0, 2] } },
      'strategy.parameter',
    ],
    [
      'a parameter without a range',
      { method: 'slerp', strategy: { type: 'sweep', parameter: 't' }, parameters: { t: 0.5 } },
      'strategy.range',
    ],
    [
      'weights that it does not take',
      { method: 'slerp', strategy: { type: 'cmaEs' }, parameters: { t: 0.5 } },
      'strategy.type',
    ],
    ['Fisher information that is missing', { method: 'fisher', strategy: { type: 'greedy' } }, 'models'],
    ['no base', { method: 'ties', strategy: { type: 'greedy' } }, 'base'],
    ['parameters that it does not have', { strategy: { type: 'greedy' }, parameters: { t: 0.5 } }, 'parameters.t'],
  ])('%s', async (_, more, field) => {
    const response = await client.post('/v1/searches', request(ids.slice(0, 2), more))
    const problem = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors.map(each => each.field)).toContain(field)
  })
})
