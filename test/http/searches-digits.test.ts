import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeJob } from '../../schemas/job.ts'
import { recipe as recipeSchema } from '../../schemas/merge.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { evaluating, projectFile, startApp } from '../support/server.ts'

/** What NumPy and onnxruntime in Python make of the same models (examples/digits/train.py). */
type Expected = {
  exhaustive: { weights: [number, number][]; val: { accuracy: number }; test: { accuracy: number } }
  greedy: { order: number[]; weights: [number, number][]; val: { accuracy: number }; test: { accuracy: number } }
  best_single: { model: string; val: { accuracy: number }; test: { accuracy: number } }
  exhaustive_val_accuracy: { models: number[]; accuracy: number }[]
}

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let digits: { ids: string[]; val: string; test: string }
let expected: Expected
/** Of every subset, by its members in order. */
let accuracies: Map<string, number>
const warnings: Error[] = []
const onWarning = (warning: Error) => warnings.push(warning)

beforeAll(async () => {
  process.on('warning', onWarning)
  app = await startApp(evaluating)
  client = searchClient(app.url)
  digits = await client.addDigits()
  expected = JSON.parse(String(await projectFile('examples/digits/expected.json')))
  accuracies = new Map(expected.exhaustive_val_accuracy.map(each => [String(each.models), each.accuracy]))
})
afterAll(async () => {
  await app.close()
  process.off('warning', onWarning)
})

const request = (strategy: object, more: object = {}) => ({
  models: digits.ids.map(id => ({ id })),
  strategy,
  selection: { dataset: digits.val, metric: 'accuracy' },
  ...more,
})
const exampleReadme = async () => String(await projectFile('examples/digits/README.md')).replaceAll(/\s+/g, ' ')
const shown = (interval: readonly number[] | null | undefined) =>
  (interval ?? []).map(end => end.toFixed(3)).join(' to ')
const membersOf = ({ models }: { models: string[] }) => models.map(id => digits.ids.indexOf(id))
const accuracyOf = (members: readonly number[]) =>
  accuracies.get(String([...members].sort((a, b) => a - b))) ?? Number.NaN

/** Shapley's own definition: the mean, over all orders in which models may join, of what each changes on joining. */
function shapleyByOrders(models: number, value: (members: number[]) => number): number[] {
  const sums = Array.from({ length: models }, () => 0)
  let orders = 0
  const join = (members: number[]) => {
    if (members.length === models) orders += 1
    for (let model = 0; model < models; model += 1) {
      if (members.includes(model)) continue
      const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))
      const following = factorial(models - members.length - 1)
      sums[model] = (sums[model] ?? 0) + following * (value([...members, model]) - value(members))
      join([...members, model])
    }
  }
  join([])
  return sums.map(sum => sum / orders)
}

test('pairs measures the barriers between the digits as Python scores them, and groups what has none', async () => {
  const result = await client.find(request({ type: 'pairs', tolerance: 0.005 }))
  expect(result).toMatchObject({ evaluations: 8 + 28 + 1, stopped: null })
  const { barriers = [], groups = [], spoilers = [] } = result.pairs ?? {}
  const at = (id: string) => digits.ids.indexOf(id)
  const found = barriers.map(({ a, b, barrier }) => ({ a: at(a), b: at(b), barrier }))
  const all = digits.ids.flatMap((_, a) => digits.ids.slice(a + 1).map((_, further) => [a, a + 1 + further] as const))
  expect(found).toEqual(
    all.map(([a, b]) => ({
      a,
      b,
      barrier: expect.closeTo((accuracyOf([a]) + accuracyOf([b])) / 2 - accuracyOf([a, b]), 9),
    })),
  )
  const largest = Math.max(...groups.map(members => members.length))
  expect(groups.flatMap(members => members.map(at)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  for (const members of groups)
    for (const { a, b, barrier } of barriers)
      if (members.includes(a) && members.includes(b)) expect(barrier).toBeLessThanOrEqual(0.005)
  expect(spoilers).toEqual(largest > 1 ? groups.filter(({ length }) => length === 1).flat() : [])
})

describe('an exhaustive search of the digits', () => {
  let result: SearchResult
  beforeAll(async () => {
    result = await client.find(request({ type: 'exhaustive' }, { test: { dataset: digits.test }, name: 'best' }))
  })

  test('is answered to a client that waits for its large result, without a warning of Node', () => {
    expect(warnings).toEqual([])
  })

  test('scores all 255 subsets as Python does', () => {
    const found = new Map(result.candidates.map(each => [String(membersOf(each)), each.score]))
    expect(found.size).toBe(255)
    expect(result).toMatchObject({ evaluations: 255, stopped: null, direction: 'max' })
    for (const { models, accuracy } of expected.exhaustive_val_accuracy)
      expect(found.get(String(models)), String(models)).toBeCloseTo(accuracy, 9)
  })

  test('finds the best of them, and says how much better it is on data that did not choose it', async () => {
    const { exhaustive, best_single } = expected
    expect(membersOf(result.winner)).toEqual(exhaustive.weights.map(([index]) => index))
    expect(result.winner.score).toBeCloseTo(exhaustive.val.accuracy, 9)
    expect(membersOf(result.bestSingle)).toEqual([5])
    expect(result.bestSingle.score).toBeCloseTo(best_single.val.accuracy, 9)
    expect(result.uniform?.score).toBeCloseTo(accuracyOf([0, 1, 2, 3, 4, 5, 6, 7]), 9)
    expect(result.test?.winner).toBeCloseTo(exhaustive.test.accuracy, 5)
    expect(result.test?.bestSingle).toBeCloseTo(best_single.test.accuracy, 5)
    const { difference, interval, samples } = result.test ?? {}
    expect(samples).toBe(597)
    expect(difference).toBeCloseTo(exhaustive.test.accuracy - best_single.test.accuracy, 5)
    expect(interval?.[0]).toBeLessThan(difference ?? Number.NaN)
    expect(interval?.[1]).toBeGreaterThan(difference ?? Number.NaN)
    expect(result.improved).toBe((interval?.[0] ?? 0) > 0)
    expect(await exampleReadme()).toContain(`${shown(interval)} for the exhaustive one`)
  })

  test('keeps the winner as a model whose recipe makes it again', async () => {
    const record = await (await fetch(`${app.url}/v1/models/${result.model.id}`)).json()
    expect(record).toMatchObject({ sha256: result.model.sha256, name: 'best', lineage: { method: 'linear' } })
    const recipe = recipeSchema.parse(await (await fetch(`${app.url}/v1/models/${result.model.id}/recipe`)).json())
    const models = result.winner.models.map(id => ({ id, weight: 1 }))
    for (const merge of [recipe, { models }]) {
      const job = mergeJob.parse(await (await client.post('/v1/merges?wait=30', merge)).json())
      expect(job.result?.model.sha256).toBe(result.model.sha256)
    }
    const evaluated = await client.evaluate({ model: result.model.id, dataset: digits.val, metrics: ['accuracy'] })
    expect(evaluated.result?.metrics.accuracy).toBe(result.winner.score)
  })

  test('gives each model its exact Shapley value', () => {
    const byOrders = shapleyByOrders(8, members => (members.length === 0 ? 0 : accuracyOf(members)))
    const { contributions = [] } = result
    expect(contributions.map(({ model }) => model)).toEqual(digits.ids)
    contributions.forEach(({ shapley }, index) => {
      expect(shapley).toBeCloseTo(byOrders[index] ?? Number.NaN, 9)
    })
    expect(result.emptyScore).toBe(0)
    // ft4 had too high a learning rate.
    expect(contributions.map(({ spoils }) => spoils)[4]).toBe(true)
    expect(contributions.map(({ spoils }) => spoils)[1]).toBe(false)
  })

  test('is not computed again, whatever strategy asks for the same soups', async () => {
    const again = await client.find(request({ type: 'exhaustive' }, { test: { dataset: digits.test } }))
    expect(again.candidates.every(({ cached }) => cached)).toBe(true)
    expect(repeatable(again)).toEqual(repeatable(result))
    const greedy = await client.find(request({ type: 'greedy' }))
    expect(greedy.candidates.every(({ cached }) => cached)).toBe(true)
  })
})

describe('other strategies on the digits', () => {
  test('greedy adds what does not harm, best first', async () => {
    const result = await client.find(request({ type: 'greedy' }, { test: { dataset: digits.test } }))
    const { order, weights, val, test: onTest } = expected.greedy
    expect(membersOf(result.winner)).toEqual(weights.map(([index]) => index))
    expect(result.winner.score).toBeCloseTo(val.accuracy, 9)
    expect(result.test?.winner).toBeCloseTo(onTest.accuracy, 5)
    expect(await exampleReadme()).toContain(`${shown(result.test?.interval)} for the greedy soup`)
    const soups = result.candidates.map(membersOf)
    expect(soups.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map(model => [model]))
    let soup = order.slice(0, 1)
    const tried = order.slice(1).map(model => {
      const next = [...soup, model].sort((a, b) => a - b)
      if (accuracyOf(next) >= accuracyOf(soup)) soup = next
      return next
    })
    expect(soups.slice(8)).toEqual(tried)
  })

  test('topK averages the best one, two, and so on', async () => {
    const result = await client.find(request({ type: 'topK', k: 5 }))
    const { order } = expected.greedy
    const best = [2, 3, 4, 5].map(k => order.slice(0, k).sort((a, b) => a - b))
    expect(result.candidates.slice(8).map(membersOf)).toEqual(best)
    const scores = [...best.map(accuracyOf), 0.808]
    expect(result.winner.score).toBeCloseTo(Math.max(...scores), 9)
  })

  test('a sweep goes from one model to the other', async () => {
    const models = [0, 1].map(index => ({ id: digits.ids[index] }))
    const result = await client.find({ ...request({ type: 'sweep', steps: 5 }), models })
    const weights = result.candidates.map(each => each.weights)
    expect(weights).toEqual([[1], [1], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75]])
    expect(result.candidates[3]?.score).toBeCloseTo(accuracyOf([0, 1]), 9)
    const [first = 0, second = 0] = [accuracyOf([0]), accuracyOf([1])]
    const below = (alpha: number, score: number | null) => (1 - alpha) * first + alpha * second - (score ?? 0)
    const barriers = result.candidates.slice(2).map((each, index) => below((index + 1) / 4, each.score))
    expect(result.barrier?.value).toBeCloseTo(Math.max(0, ...barriers), 9)
  })

  test.each<
    [string, { type: string; groups?: string[]; minimumStep?: number; generations?: number; population?: number }]
  >([
    ['coordinate', { type: 'coordinate', minimumStep: 0.25 }],
    ['cmaEs', { type: 'cmaEs', generations: 3, population: 8 }],
    ['coordinate over groups', { type: 'coordinate', minimumStep: 0.5, groups: ['conv*', 'fc?.weight'] }],
    ['cmaEs over groups', { type: 'cmaEs', generations: 3, population: 6, groups: ['conv*'] }],
  ])('%s weighs: no worse than any single model, and its recipe makes the winner again', async (_, strategy) => {
    const models = [1, 3, 5].map(index => ({ id: digits.ids[index] }))
    const result = await client.find({ ...request(strategy), models })
    expect(result.winner.score).toBeGreaterThanOrEqual(result.bestSingle.score ?? Number.NaN)
    expect(result.candidates.length).toBeGreaterThan(5)
    for (const { weights, rules = [] } of result.candidates) {
      expect([0, strategy.groups?.length ?? 0]).toContain(rules.length)
      for (const row of [weights, ...rules.map(rule => rule.weights)]) {
        expect(row.every(weight => weight >= 0)).toBe(true)
        expect(row.some(weight => weight > 0)).toBe(true)
      }
    }
    if (result.winner.models.length > 1) {
      const { models: ids, weights, rules = [] } = result.winner
      const merge = { models: ids.map((id, index) => ({ id, weight: weights[index] })), rules }
      const job = mergeJob.parse(await (await client.post('/v1/merges?wait=30', merge)).json())
      expect(job.result?.model.sha256).toBe(result.model.sha256)
    }
    expect(repeatable(await client.find({ ...request(strategy), models }))).toEqual(repeatable(result))
  })
})

describe('whatever the way, the result is the same', () => {
  test.each([
    ['samples that are read from the disk for every candidate', { ...evaluating, TUREEN_SEARCH_MEMORY: '0' }],
    ['one candidate at a time', { TUREEN_EVAL_THREADS: String(availableParallelism()) }],
  ])('%s', async (_, variables) => {
    const other = await startApp(variables)
    try {
      const there = searchClient(other.url)
      const models: { id: string }[] = []
      for (const index of [1, 3, 5])
        models.push({ id: await there.addModel(await projectFile(`examples/digits/ft${index}.onnx`)) })
      const { id: val } = await there.addDataset(await projectFile('examples/digits/val.npz'))
      const result = await there.find({
        ...request({ type: 'exhaustive' }),
        models,
        selection: { dataset: val, metric: 'accuracy' },
      })
      expect(result.candidates.map(({ score }) => score)).toEqual(
        [[1], [3], [5], [1, 3], [1, 5], [3, 5], [1, 3, 5]].map(accuracyOf).map(accuracy => expect.closeTo(accuracy, 9)),
      )
    } finally {
      await other.close()
    }
  })
})
