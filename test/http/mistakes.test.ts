import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { type Mistake, mistakePage } from '../../schemas/mistake.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { json, postJson, readProblem } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { seededRandom } from '../support/random.ts'
import { type SearchJob, searchClient } from '../support/search-client.ts'
import { startApp } from '../support/server.ts'

/*
 * Linear classifiers of three classes: class = argmax(x W). Inputs and weights are small whole numbers, so that floats hold every score and
 * the mean of two models exactly, and the predictions here are those of the definition.
 */

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
})
afterAll(() => app.close())

const random = seededRandom(4)
const whole = (most: number) => Math.floor(random.next() * (2 * most + 1)) - most
const matrix = (length: number, most: number) => Array.from({ length }, () => whole(most))

/** Returns the class that weights predict: the first with the highest score. */
function predicted(x: readonly number[], weights: readonly number[], classes: number): number {
  const scores = Array.from({ length: classes }, (_, c) =>
    x.reduce((sum, value, row) => sum + value * (weights[row * classes + c] ?? 0), 0),
  )
  if (classes === 1) return (scores[0] ?? 0) > 0 ? 1 : 0
  return scores.indexOf(Math.max(...scores))
}

const rows = (xs: readonly number[][]) => ({
  descr: '<f4',
  shape: [xs.length, xs[0]?.length ?? 0],
  data: Float32Array.from(xs.flat()),
})
const targetsOf = (targets: readonly number[]) => ({
  descr: '<i8',
  shape: [targets.length],
  data: BigInt64Array.from(targets, BigInt),
})

/** Reads all mistakes of a job, page by page. */
async function mistakesOf(job: string, limit: number): Promise<Mistake[]> {
  const found: Mistake[] = []
  let cursor = ''
  for (;;) {
    const page = mistakePage.parse(
      await json(await fetch(`${app.url}/v1/jobs/${job}/mistakes?limit=${limit}${cursor && `&cursor=${cursor}`}`)),
    )
    expect(page.items.length).toBe(page.nextCursor === null ? page.items.length : limit)
    found.push(...page.items)
    if (page.nextCursor === null) return found
    cursor = page.nextCursor
  }
}

function requireResult({ result, error }: SearchJob): SearchResult {
  if (result) return result
  throw new Error(`the search failed: ${error?.detail}`)
}

type Sample = { x: number[]; target: number }

/** Searches two models by their mean, and returns the job with what the definition says. `labelOf`: value of a class in the data. */
async function searched(
  weights: readonly [number[], number[]],
  samples: readonly Sample[],
  selection: object,
  { classes = 3, labelOf = (c: number) => c, ignored = [] as number[], test = false, more = {} } = {},
) {
  const models: { id: string }[] = []
  for (const [index, each] of weights.entries())
    models.push({
      id: await client.addModel(
        linearModel(
          each,
          Array.from({ length: classes }, () => 0),
        ),
        `m${index}`,
      ),
    })
  const data = npz({
    x: rows(samples.map(({ x }) => x)),
    target: targetsOf(samples.map(({ target }) => labelOf(target))),
  })
  const dataset = (await client.addDataset(data)).id
  const chosen = (
    await client.addDataset(
      npz({
        x: rows(samples.slice(0, 40).map(({ x }) => x)),
        target: targetsOf(samples.slice(0, 40).map(({ target }) => labelOf(target))),
      }),
    )
  ).id
  const job = await client.search({
    models,
    strategy: { type: 'greedy' },
    selection: { dataset: test ? chosen : dataset, ...selection },
    ...(test ? { test: { dataset } } : {}),
    ...more,
  })
  const { winner, bestSingle } = requireResult(job)
  const of = ({ models: ids }: { models: string[] }) => {
    const chosenWeights = models.flatMap(({ id }, index) => (ids.includes(id) ? [weights[index] ?? []] : []))
    return (chosenWeights[0] ?? []).map((_, at) => chosenWeights.reduce((sum, each) => sum + (each[at] ?? 0), 0))
  }
  const expected = samples.flatMap(({ x, target }, sample): Mistake[] => {
    const both = { winner: predicted(x, of(winner), classes), bestSingle: predicted(x, of(bestSingle), classes) }
    if (ignored.includes(target) || (both.winner === target) === (both.bestSingle === target)) return []
    const outcome = both.winner === target ? 'newlyRight' : 'newlyWrong'
    const shown = { target: labelOf(target), winner: labelOf(both.winner), bestSingle: labelOf(both.bestSingle) }
    return [{ sample, outcome, ...shown }]
  })
  return { job, expected }
}

/** Two models on both sides of one that is nearly right, so that their mean is best, and samples that tell them apart. */
function twoModels(classes = 3, count = 300): { weights: [number[], number[]]; samples: Sample[] } {
  const truth = matrix(4 * classes, 5)
  const apart = truth.map(() => whole(6))
  const shared = truth.map(() => whole(1))
  const moved = (sign: number) => truth.map((weight, at) => weight + (shared[at] ?? 0) + sign * (apart[at] ?? 0))
  const samples = Array.from({ length: count }, () => {
    const x = matrix(4, 8)
    return { x, target: predicted(x, truth, classes) }
  })
  return { weights: [moved(1), moved(-1)], samples }
}

describe('the mistakes of a search are the samples that exactly one of winner and best single model gets right', () => {
  test.each([
    ['accuracy', {}],
    ['balancedAccuracy', {}],
    ['macroF1', {}],
    ['crossEntropy', {}],
    [{ name: 'topK', k: 1 }, {}],
    ['accuracy', { test: true }],
    [{ name: 'accuracy', classes: [10, 20, 30] }, { labelOf: (c: number) => 10 * (c + 1) }],
    [{ name: 'accuracy', ignoreIndex: 1 }, { ignored: [1] }],
  ])('by %j %j', async (metric, options) => {
    const { weights, samples } = twoModels()
    const { job, expected } = await searched(weights, samples, { metric }, options)
    expect(await mistakesOf(job.id, 7)).toEqual(expected)
    const newlyRight = expected.filter(({ outcome }) => outcome === 'newlyRight').length
    expect(job.result?.mistakes).toEqual({
      on: 'test' in options ? 'test' : 'selection',
      newlyRight,
      newlyWrong: expected.length - newlyRight,
      listed: expected.length,
    })
    expect(job.result?.winner.models).toHaveLength(2)
    expect(new Set(expected.map(({ outcome }) => outcome)).size).toBe(2)
  })

  test('of a binary head, which has one score', async () => {
    const { weights, samples } = twoModels(1)
    const { job, expected } = await searched(weights, samples, { metric: 'accuracy' }, { classes: 1 })
    expect(await mistakesOf(job.id, 500)).toEqual(expected)
  })

  test('of a list of terms: of the first with classes, which it names', async () => {
    const { weights, samples } = twoModels()
    const list = await searched(weights, samples, { metric: 'accuracy' })
    const dataset = String(Reflect.get(list.job.request.selection, 'dataset'))
    const selection = [{ dataset, metric: 'accuracy', weight: 2 }]
    const job = await client.search({ ...list.job.request, selection })
    expect(job.result?.mistakes).toMatchObject({ term: 0, on: 'selection' })
    expect(await mistakesOf(job.id, 500)).toEqual(list.expected)
  })
})

test('a long list comes page by page, and again from the kept mistakes', async () => {
  const { weights, samples } = twoModels(3, 6000)
  const { job, expected } = await searched(weights, samples, { metric: 'accuracy' })
  expect(expected.length).toBeGreaterThan(1000)
  for (const limit of [500, 333]) expect(await mistakesOf(job.id, limit)).toEqual(expected)
  const typed = createClient({ url: app.url })
  expect((await typed.listMistakes(job.id, { limit: 3 })).items).toEqual(expected.slice(0, 3))
  const again = await client.search(job.request)
  expect(await mistakesOf(again.id, 500)).toEqual(expected)
  const refused = await fetch(`${app.url}/v1/jobs/${job.id}/mistakes?cursor=wrong`)
  await readProblem(refused, 400, 'TUREEN_REQUEST_INVALID')
  const deleted = await fetch(`${app.url}/v1/jobs/${job.id}`, { method: 'DELETE' })
  expect(deleted.status).toBe(204)
  await readProblem(await fetch(`${app.url}/v1/jobs/${job.id}/mistakes`), 404, 'TUREEN_NOT_FOUND')
})

test('a winner that is the best single model has none', async () => {
  const { samples } = twoModels()
  const zeros = Array.from({ length: 12 }, () => 0)
  const { job } = await searched(
    [zeros, zeros],
    samples,
    { metric: 'accuracy' },
    { more: { strategy: { type: 'topK', k: 1 } } },
  )
  expect(job.result?.mistakes).toEqual({ on: 'selection', newlyRight: 0, newlyWrong: 0, listed: 0 })
  expect(await mistakesOf(job.id, 500)).toEqual([])
})

test('jobs without mistakes say why', async () => {
  const { weights, samples } = twoModels()
  const { job } = await searched(weights, samples, { metric: 'accuracy' })
  const models = job.request.models
  const merge = await json<{ id: string }>(await postJson(`${app.url}/v1/merges?wait=45`, { models }))
  const selection = { external: { name: 'of-tests', version: '1' }, direction: 'max' }
  const body = { models, strategy: { type: 'greedy' }, selection }
  const waiting = await json<{ id: string }>(await postJson(`${app.url}/v1/searches`, body))
  for (const [id, reason] of [
    [merge.id, 'only searches have mistakes'],
    [waiting.id, 'when it has succeeded'],
    ['none', 'no job'],
  ] as const) {
    const problem = await readProblem(await fetch(`${app.url}/v1/jobs/${id}/mistakes`), 404, 'TUREEN_NOT_FOUND')
    expect(problem.detail).toContain(reason)
  }
})
