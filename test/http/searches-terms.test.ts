import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scorePage } from '../../schemas/score.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { externalScorer, scorerOfTests } from '../support/external-scorer.ts'
import { json, readProblem } from '../support/http-client.ts'
import { lineData, lineModel } from '../support/line-models.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'

/*
 * Models of y = a x with slopes 1 ("one") and 2 ("two"), and a base with the slope 1.5. By mse, which is the mean of (a - t)^2 x^2 where y is
 * t x, "one" is the best model on data with the slope 1.125, "two" on data with the slope 1.875, and their mean is best for both.
 */

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
let one: string
let two: string
let base: string
let low: string
let high: string

const steps = [1, 2, -1, -2]
const meanSquare = 2.5
const add = async (slope: number, xs: readonly number[] = steps) =>
  (await client.addDataset(lineData(xs.map(x => ({ x: [x], target: slope * x }))))).id

beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
  one = await client.addModel(lineModel(1), 'one')
  two = await client.addModel(lineModel(2), 'two')
  base = await client.addModel(lineModel(1.5), 'base')
  low = await add(1.125)
  high = await add(1.875)
})
afterAll(() => app.close())

const mse = (dataset: string, more: object = {}) => ({ dataset, metric: 'mse', ...more })
const request = (more: object = {}) => ({
  models: [{ id: one }, { id: two }],
  strategy: { type: 'sweep', steps: 9 },
  selection: [mse(low), mse(high)],
  ...more,
})
const errorOf = (slope: number, target: number) => meanSquare * (slope - target) ** 2
/** The definition: the weighted sum of (score - best) x direction / |best|. */
const objectiveOf = (slope: number, weights: readonly [number, number]) => {
  const best = errorOf(1, 1.125)
  return [1.125, 1.875].reduce(
    (sum, target, term) => sum - (weights[term] ?? 0) * ((errorOf(slope, target) - best) / best),
    0,
  )
}
const slopeOf = ({ models, weights }: { models: string[]; weights: number[] }) =>
  models.reduce((sum, id, index) => sum + (weights[index] ?? 0) * (id === one ? 1 : 2), 0) /
  weights.reduce((sum, weight) => sum + weight, 0)
const refused = async (more: object, status: number, code: string) =>
  readProblem(await client.post('/v1/searches', request(more)), status, code)

describe('a search by two data sets whose best models differ', () => {
  let result: SearchResult
  beforeAll(async () => {
    result = await client.find(request({ base, test: [{ dataset: await add(1.25) }, { dataset: await add(1.75) }] }))
  })

  test('returns the soup that the definition of the objective finds, with all scores of all candidates', () => {
    expect(result).toMatchObject({ direction: 'max', winner: { weights: [0.5, 0.5], misses: [] }, improved: true })
    for (const candidate of result.candidates) {
      const slope = slopeOf(candidate)
      expect(candidate.scores?.[0]).toBeCloseTo(errorOf(slope, 1.125), 5)
      expect(candidate.scores?.[1]).toBeCloseTo(errorOf(slope, 1.875), 5)
      expect(candidate.score).toBeCloseTo(objectiveOf(slope, [1, 1]), 4)
    }
    const best = Math.max(...result.candidates.map(candidate => objectiveOf(slopeOf(candidate), [1, 1])))
    expect(result.winner.score).toBeCloseTo(best, 4)
  })

  test('says for each term how the winner compares with the best single model by it', () => {
    const [first, second] = result.terms ?? []
    expect(first).toMatchObject({ dataset: { id: low }, metric: 'mse', direction: 'min', weight: 1, isRelative: true })
    expect(first).toMatchObject({ bestSingle: { model: one, name: 'one' }, outcome: 'lost' })
    expect(second).toMatchObject({ bestSingle: { model: two, name: 'two' }, outcome: 'lost' })
    expect(first?.gain).toBeCloseTo(-(errorOf(1.5, 1.125) - errorOf(1, 1.125)) / errorOf(1, 1.125), 4)
    expect(result.notes).toContainEqual(
      expect.stringMatching(/^the winner loses in mse on .*the best single model by it \(one\)/),
    )
  })

  test('tests each term, with the interval of its difference', () => {
    const [first] = result.terms ?? []
    expect(first?.test?.winner).toBeCloseTo(errorOf(1.5, 1.25), 5)
    expect(first?.test?.bestSingle).toBeCloseTo(errorOf(1, 1.25), 5)
    // Both errors are equal in every sample.
    expect(first?.test).toMatchObject({ samples: 4, outcome: 'neither' })
    expect(first?.test?.interval?.[0]).toBeCloseTo(0, 5)
    expect(result.test).toMatchObject({ direction: 'max', samples: null, leftOut: 0 })
    expect(result.test?.winner).toBeCloseTo(0, 4)
    expect(result.recommended?.choice).toBe('winner')
  })

  test('tests the objective, whose interval is a point where gains are equal in every sample', () => {
    // The winner has the errors of the best model in both terms. Those of the other model are 9 times as high in one: a gain of -8.
    for (const end of result.test?.interval ?? [0, 0]) expect(end).toBeCloseTo(8, 3)
    expect(result.test?.difference).toBeCloseTo(8, 3)
    expect(result.recommended?.reason).toMatch(/the 95 % interval of the difference, 8.* is wholly better/)
  })

  test('shows the scores of the base beside, on selection and on test', () => {
    expect(result.base).toMatchObject({ id: base, name: 'base' })
    expect(result.base?.scores[0]).toBeCloseTo(errorOf(1.5, 1.125), 5)
    expect(result.base?.test?.[1]).toBeCloseTo(errorOf(1.5, 1.75), 5)
    expect(result.terms?.[0]?.base).toBe(result.base?.scores[0])
    expect(result.candidates).toHaveLength(9)
  })

  test('has the candidates between both data sets in its Pareto front', () => {
    const front = (result.pareto ?? []).map(index => slopeOf(result.candidates[index] ?? { models: [], weights: [] }))
    expect(front).toEqual([1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 1.875])
  })

  test('is the same again, without scoring anything', async () => {
    const again = await client.find(
      request({ base, test: [{ dataset: await add(1.25) }, { dataset: await add(1.75) }] }),
    )
    expect(again.candidates.every(({ cached }) => cached)).toBe(true)
    expect(repeatable(again).candidates).toEqual(repeatable(result).candidates)
    expect(again.test).toEqual(result.test)
    expect(again.terms).toMatchObject([{ bestSingle: { model: one } }, { bestSingle: { model: two } }])
  })
})

test('weights move the winner', async () => {
  const { winner } = await client.find(request({ selection: [mse(low, { weight: 3 }), mse(high)] }))
  // The minimum of 3 (a - 1.125)^2 + (a - 1.875)^2 is at 1.3125, and of the candidates at both neighbours of it.
  expect([1.25, 1.375]).toContain(slopeOf(winner))
  expect(winner.score).toBeCloseTo(Math.max(objectiveOf(1.25, [3, 1]), objectiveOf(1.375, [3, 1])), 4)
})

test('a list of one data set has the winner of that data set', async () => {
  const [list, plain] = [
    await client.find(request({ selection: [mse(low)] })),
    await client.find(request({ selection: mse(low) })),
  ]
  expect(list.winner.weights).toEqual(plain.winner.weights)
  expect(list.candidates.map(({ scores }) => scores?.[0])).toEqual(plain.candidates.map(({ score }) => score))
  expect(plain).not.toHaveProperty('terms')
  expect(plain).not.toHaveProperty('pareto')
  expect(plain.candidates[0]).not.toHaveProperty('scores')
  expect(plain.winner).not.toHaveProperty('misses')
})

describe('a list', () => {
  test('may have terms on different numbers of samples, which do not weigh', async () => {
    const many = await add(1.875, [...steps, ...steps, ...steps])
    const [few, more] = [await client.find(request()), await client.find(request({ selection: [mse(low), mse(many)] }))]
    expect(more.winner.weights).toEqual(few.winner.weights)
    expect(more.winner.score).toBeCloseTo(few.winner.score ?? Number.NaN, 5)
  })

  test('may name a model of the search as the base, which is scored once', async () => {
    const { base: scored, candidates, evaluations } = await client.find(request({ base: one }))
    const own = candidates.find(
      ({ models, weights }) => models.length === 1 && weights.length === 1 && models[0] === one,
    )
    expect(scored).toMatchObject({ id: one, name: 'one', scores: own?.scores })
    // The candidates, and the mean of all models, which a sweep does not propose in this form.
    expect(evaluations).toBe(candidates.length + 1)
  })

  test('returns the best single model by guard if the winner loses on test', async () => {
    const test = [{ dataset: await add(1) }, { dataset: await add(1.0625) }]
    const result = await client.find(request({ test, guard: true }))
    expect(result.recommended?.choice).toBe('bestSingle')
    expect(result.recommended?.reason).toMatch(/guard has now chosen by test/)
    expect(result.model.id).toBe(result.bestSingle.models[0])
    expect(result.notes[0]).toBe(result.recommended?.reason)
  })

  test('keeps the scores of its winner in every term', async () => {
    const { model } = await client.find(request({ test: [{ dataset: low }, { dataset: high }] }))
    const { items } = scorePage.parse(await json(await fetch(`${app.url}/v1/models/${model.id}/scores`)))
    // Other searches may have stored the same bytes.
    expect(items.map(({ dataset }) => dataset.id)).toEqual(expect.arrayContaining([low, high]))
  })

  test.each([{ type: 'greedy' }, { type: 'topK' }, { type: 'coordinate' }, { type: 'cmaEs', seed: 3, generations: 4 }])(
    'is searched by $type: the winner has the best objective of all candidates',
    async strategy => {
      const { winner, candidates } = await client.find(request({ strategy }))
      const objectives = candidates.map(each => objectiveOf(slopeOf(each), [1, 1]))
      expect(objectiveOf(slopeOf(winner), [1, 1])).toBeCloseTo(Math.max(...objectives), 3)
    },
  )
})

test('a data set and a scorer from outside are weighed together, and the scorer gets the base as it is', async () => {
  const scorer = externalScorer(app.url)
  const outside = { external: scorerOfTests, direction: 'max', weight: 0.5, atLeast: { of: 'base', margin: 0.375 } }
  const more = { strategy: { type: 'exhaustive' }, base, selection: [mse(low), outside], test: [{ dataset: high }, {}] }
  const job = await scorer.start([one, two], more)
  const contents = new Map<string, Uint8Array>()
  // The base has 1, a single model 0.5, and a soup 0.75.
  const { result } = await scorer.scoreAll(job, async ({ id, models, content }) => {
    if (models.length === 0) contents.set(id, await scorer.content(content))
    return { score: [1, 0.5, 0.75][models.length] }
  })
  expect(result?.candidates.map(({ scores, misses }) => [scores?.[1], misses])).toEqual([
    [0.5, [1]],
    [0.5, [1]],
    [0.75, []],
  ])
  expect(slopeOf(result?.winner ?? { models: [], weights: [] })).toBe(1.5)
  expect(result?.winner.score).toBeCloseTo(-(errorOf(1.5, 1.125) / errorOf(1, 1.125) - 1) + 0.5 * 0.5, 4)
  expect(result?.terms).toMatchObject([
    { metric: 'mse' },
    { external: scorerOfTests, atLeast: 0.625, base: 1, gain: 0.5 },
  ])
  expect(result?.terms?.[1]?.test).toMatchObject({
    winner: 0.75,
    base: 1,
    interval: null,
    outcome: null,
    samples: null,
  })
  expect(result).toMatchObject({ improved: null, test: { interval: null } })
  expect(result?.notes).toContainEqual(
    expect.stringMatching(/^the objective on test has no interval, because there is no score for each sample by tests/),
  )
  expect(result?.base?.scores[1]).toBe(1)
  const own = new Uint8Array(await (await fetch(`${app.url}/v1/models/${base}/content`)).arrayBuffer())
  expect([...contents.values()]).toEqual([own, own])
})

test('the objective has an interval if a scorer from outside sends a score for each sample', async () => {
  const scorer = externalScorer(app.url)
  const outside = { external: scorerOfTests, direction: 'max', weight: 20, reuse: false }
  const more = { strategy: { type: 'exhaustive' }, selection: [mse(low), outside], test: [{ dataset: high }, {}] }
  const job = await scorer.start([one, two], more)
  const { result } = await scorer.scoreAll(job, async ({ models }) => ({
    scores: models.length === 1 ? [0.5, 0.5, 0.5] : [0.75, 0.75, 0.75],
  }))
  expect(result?.terms?.[1]?.test).toMatchObject({ samples: 3, interval: [0.25, 0.25] })
  // Every sample has the same gains, so that the interval is the difference: the winner is the mean of both models, and "one" the best single model.
  const [best, single, winner] = [1, 1, 1.5].map(slope => errorOf(slope, 1.875))
  const expected = -((winner ?? 0) - (single ?? 0)) / (best ?? 0) + 20 * ((0.75 - 0.5) / 0.5)
  for (const end of result?.test?.interval ?? [0, 0]) expect(end).toBeCloseTo(expected, 4)
  expect(result?.test?.difference).toBeCloseTo(expected, 4)
  expect(result?.improved).toBe(true)
})

test('a winner that misses atLeast on test is no improvement, whatever its objective is', async () => {
  const selection = [mse(low, { atLeast: errorOf(1.5, 1.125) + 1e-6 }), mse(high)]
  // On its test data, the winner has the error of slope 1.5 against 2: above the threshold.
  const result = await client.find(
    request({ selection, test: [{ dataset: await add(2) }, { dataset: await add(1.75) }] }),
  )
  expect(result.notes.join('\n')).toMatch(/on test the winner misses atLeast of mse/)
  expect(result.test?.interval?.[0]).toBeGreaterThan(0)
  expect(result.improved).toBe(false)
})

describe('atLeast', () => {
  test('rules candidates out, and shows what they miss', async () => {
    const selection = [mse(low, { atLeast: 0.1 }), mse(high)]
    const result = await client.find(request({ selection }))
    // 2.5 (a - 1.125)^2 is at most 0.1 up to a = 1.325.
    expect(slopeOf(result.winner)).toBe(1.25)
    const misses = new Map(result.candidates.map(each => [slopeOf(each), each.misses]))
    expect(misses.get(1.25)).toEqual([])
    expect(misses.get(1.375)).toEqual([0])
    expect(result.terms?.[0]).toMatchObject({ atLeast: 0.1 })
    expect((result.pareto ?? []).map(index => result.candidates[index]?.misses)).toEqual([[], []])
    expect(result.notes.join('\n')).toMatch(/6 of the 9 candidates miss atLeast of a term/)
  })

  test('may be the base, or worse than the best single model by a margin', async () => {
    const byBase = await client.find(
      request({ base, selection: [mse(low, { atLeast: 'base' }), mse(high, { weight: 9 })] }),
    )
    expect(slopeOf(byBase.winner)).toBe(1.5)
    expect(byBase.terms?.[0]?.atLeast).toBe(byBase.base?.scores[0])
    const margin = errorOf(1.375, 1.125) - errorOf(1, 1.125) + 1e-3
    const selection = [mse(low, { atLeast: { of: 'best', margin } }), mse(high, { weight: 9 })]
    expect(slopeOf((await client.find(request({ selection }))).winner)).toBe(1.375)
  })

  test('that nothing meets fails the search, and names what was needed and reached', async () => {
    const { error } = await client.search(
      request({ selection: [mse(low, { atLeast: 1e-9 }), mse(high, { atLeast: 'best' })] }),
    )
    expect(error).toMatchObject({
      code: 'TUREEN_CONSTRAINTS_UNMET',
      status: 422,
      errors: [{ field: 'selection.0.atLeast', expected: '1e-9 or less' }, { field: 'selection.1.atLeast' }],
    })
  })
})

describe('a request is refused', () => {
  test.each<[string, () => object, string, RegExp]>([
    [
      'with the same data set twice',
      () => ({ selection: [mse(low), mse(high), mse(low, { weight: 2 })] }),
      'selection.2',
      /one term of weight 3/,
    ],
    [
      'with base as atLeast and no base',
      () => ({ selection: [mse(low, { atLeast: 'base' })] }),
      'selection.0.atLeast',
      /send base/,
    ],
    ['with one test for a list', () => ({ test: { dataset: low } }), 'test', /one test for each term/],
    [
      'with a shorter list of tests',
      () => ({ test: [{ dataset: low }] }),
      'test',
      /has 1 entries, and selection has 2/,
    ],
    [
      'with a list of tests for one data set',
      () => ({ selection: mse(low), test: [{ dataset: low }] }),
      'test',
      /selection is none/,
    ],
    ['with a test without a data set', () => ({ selection: mse(low), test: {} }), 'test.dataset', /is missing/],
    [
      'with a scorer as the test of a data set',
      () => ({ selection: mse(low), test: { external: { name: 'a', version: '1' } } }),
      'test.dataset',
      /is missing/,
    ],
    [
      'with a misspelt field of a data set',
      () => ({ selection: { ...mse(low), ouput: 'y' } }),
      'selection.ouput',
      /output/,
    ],
    [
      'with a misspelt field of a term',
      () => ({ selection: [mse(low, { wieght: 2 })] }),
      'selection.0.wieght',
      /weight/,
    ],
    ['with a weight of 0', () => ({ selection: [mse(low, { weight: 0 })] }), 'selection.0.weight', /0/],
    ['with an empty list', () => ({ selection: [] }), 'selection', /1/],
    ['with nine terms', () => ({ selection: Array.from({ length: 9 }, () => mse(low)) }), 'selection', /8/],
    [
      'with a negative margin',
      () => ({ selection: [mse(low, { atLeast: { of: 'best', margin: -1 } })] }),
      'selection.0.atLeast.margin',
      /0/,
    ],
    [
      'with a reference that is none',
      () => ({ selection: [mse(low, { atLeast: 'mean' })] }),
      'selection.0.atLeast',
      /base/,
    ],
  ])('%s', async (_, more, field, message) => {
    const problem = await refused(more(), 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors?.[0]).toMatchObject({ field })
    expect(JSON.stringify(problem.errors?.[0])).toMatch(message)
  })

  test('with a data set that is not there', async () => {
    const problem = await refused({ selection: [mse(low), mse('gone')] }, 404, 'TUREEN_NOT_FOUND')
    expect(problem.errors?.[0]).toMatchObject({ field: 'selection.1.dataset' })
  })
})
