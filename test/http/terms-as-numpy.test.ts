import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { SearchResult } from '../../schemas/search.ts'
import { runNumpy } from '../support/numpy-python.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

/** NumPy's evaluation of the definition: it averages, runs and scores the models itself. */
const script = join(projectRoot, 'test/support/objective_of_terms.py')

const judged = z.object({
  candidates: z.array(
    z.object({
      models: z.array(z.number()),
      weights: z.array(z.number()),
      scores: z.array(z.number()),
      objective: z.number().nullable(),
    }),
  ),
  winner: z.number().nullable(),
  pareto: z.array(z.number()),
  bestSingles: z.array(z.number()),
  greedy: z.array(z.number()),
})

type Term = { data: 'low' | 'high'; metric: 'accuracy' | 'crossEntropy'; weight: number; atLeast: number | null }

/** The best single model of the first two is not the same one. The last has scores that are better when they are lower. */
const low: Term = { data: 'low', metric: 'accuracy', weight: 1, atLeast: null }
const high: Term = { data: 'high', metric: 'accuracy', weight: 2, atLeast: null }
const loss: Term = { data: 'high', metric: 'crossEntropy', weight: 0.5, atLeast: null }

/** Fine-tunes of the search: exhaustive search has 31 subsets of five. */
const models = [0, 1, 3, 5, 7]

let app: Awaited<ReturnType<typeof startApp>>
let files: Awaited<ReturnType<typeof temporaryDirectory>>
let client: ReturnType<typeof searchClient>
const ids: string[] = []
const datasets: Record<string, string> = {}
beforeAll(async () => {
  files = await temporaryDirectory()
  await runNumpy(script, ['data', files.path], {})
  app = await startApp(evaluating)
  client = searchClient(app.url)
  for (const model of models)
    ids.push(await client.addModel(await projectFile(`examples/digits/ft${model}.onnx`), `ft${model}`))
  for (const name of ['low', 'high'])
    datasets[name] = (await client.addDataset(await readFile(join(files.path, `${name}.npz`)))).id
})
afterAll(async () => {
  await app.close()
  await files.remove()
})

const find = (strategy: object, terms: readonly Term[]) =>
  client.find({
    models: ids.map(id => ({ id })),
    strategy,
    selection: terms.map(({ data, metric, weight, atLeast }) => ({
      ...{ dataset: datasets[data], metric, weight },
      ...(atLeast === null ? {} : { atLeast }),
    })),
  })

const numpy = async (terms: readonly Term[], candidates: unknown) =>
  judged.parse(
    await runNumpy(script, ['judge', files.path], {
      models: models.map(model => join(projectRoot, `examples/digits/ft${model}.onnx`)),
      terms: terms.map(({ data, ...term }) => ({ ...term, dataset: join(files.path, `${data}.npz`) })),
      candidates,
    }),
  )

const soupOf = ({ models, weights }: { models: string[]; weights: number[] }) => ({
  models: models.map(id => ids.indexOf(id)),
  weights,
})

/** Compares each candidate, the winner and the Pareto front with NumPy's. */
async function expectAsNumpy(result: SearchResult, terms: readonly Term[]): Promise<z.infer<typeof judged>> {
  const expected = await numpy(terms, result.candidates.map(soupOf))
  expected.candidates.forEach(({ scores, objective }, index) => {
    const candidate = result.candidates[index]
    scores.forEach((score, term) => {
      expect(candidate?.scores?.[term], `candidate ${index}`).toBeCloseTo(score, 5)
    })
    if (objective === null) expect(candidate?.misses).not.toEqual([])
    else expect(candidate?.score, `candidate ${index}`).toBeCloseTo(objective, 5)
  })
  const winner = expected.candidates[expected.winner ?? -1]
  expect(soupOf(result.winner)).toEqual({ models: winner?.models, weights: winner?.weights })
  expect(result.pareto?.toSorted((a, b) => a - b)).toEqual(expected.pareto)
  expect(result.terms?.map(({ bestSingle }) => ids.indexOf(bestSingle.model))).toEqual(expected.bestSingles)
  return expected
}

/** NumPy's scores of all subsets, by accuracy on both data sets. */
let free: z.infer<typeof judged>

describe('a search over two data sets returns the candidate that NumPy gives', () => {
  test('exhaustive', async () => {
    const result = await find({ type: 'exhaustive' }, [low, high])
    free = await expectAsNumpy(result, [low, high])
    expect(new Set(free.candidates.map(each => String(each.models.toSorted())))).toHaveProperty('size', 31)
    expect(free.bestSingles[0]).not.toBe(free.bestSingles[1])
  })

  test('exhaustive, with a bound that rules the best candidate out', async () => {
    const best = free.candidates[free.winner ?? -1]?.scores[0] ?? Number.NaN
    // The least score above that of the best candidate, so that this one is ruled out, and rounding decides nothing.
    const bound = Math.min(...free.candidates.map(({ scores }) => scores[0] ?? 0).filter(score => score > best + 1e-9))
    const terms = [{ ...low, atLeast: bound - 1e-6 }, high]
    const result = await find({ type: 'exhaustive' }, terms)
    const { winner, candidates } = await expectAsNumpy(result, terms)
    expect(candidates[winner ?? -1]?.models).not.toEqual(free.candidates[free.winner ?? -1]?.models)
  })

  test('exhaustive, with a term whose lower scores are better', async () => {
    await expectAsNumpy(await find({ type: 'exhaustive' }, [low, high, loss]), [low, high, loss])
  })

  test('greedy, which NumPy repeats', async () => {
    const result = await find({ type: 'greedy' }, [low, high])
    const { greedy } = await expectAsNumpy(result, [low, high])
    expect(soupOf(result.winner).models.toSorted()).toEqual(greedy.toSorted())
  })

  test.each([
    { type: 'coordinate', step: 0.5, minimumStep: 0.2 },
    { type: 'cmaEs', generations: 5, seed: 3 },
  ])('$type', async strategy => {
    const result = await find(strategy, [low, high])
    expect(result.candidates.length).toBeGreaterThan(10)
    await expectAsNumpy(result, [low, high])
  })
})
