import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SearchResult } from '../../schemas/search.ts'
import {
  digitSearches,
  expectSame,
  killOneOfTwo,
  patience,
  resultOf,
  startExternal,
} from '../support/external-digits.ts'
import { candidatesOf, startDigitScorer } from '../support/scorer-process.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let digits: { ids: string[]; val: string; test: string }
let internal: SearchResult
beforeAll(async () => {
  app = await startApp(evaluating)
  const client = searchClient(app.url)
  digits = await client.addDigits()
  internal = await client.find(digitSearches(digits, '').internal)
}, patience)
afterAll(() => app.close())

test(
  'a scorer from outside that computes accuracy finds the winner, the numbers and the bytes of the server',
  async () => {
    const job = await startExternal(app.url, digitSearches(digits, 'accuracy').external)
    const scorer = startDigitScorer(job)
    expectSame(await resultOf(job), internal)
    expect(await scorer.exited).toBe(0)
    const candidates = await candidatesOf(job)
    // All 255 subsets; then the winner, the best single model and the mean on test.
    expect(candidates.filter(({ split }) => split === 'selection')).toHaveLength(255)
    expect(candidates.filter(({ split }) => split === 'test')).toHaveLength(3)
    expect(candidates.every(({ state, attempts }) => state === 'scored' && attempts === 1)).toBe(true)
  },
  patience,
)

test(
  'a second search with the same scorer asks for nothing',
  async () => {
    const job = await startExternal(app.url, digitSearches(digits, 'accuracy').external)
    const result = await resultOf(job)
    expectSame(result, internal)
    expect(result.candidates.every(({ cached }) => cached)).toBe(true)
    expect((await candidatesOf(job)).filter(({ attempts }) => attempts > 0)).toEqual([])
  },
  patience,
)

test(
  'of two scorers one is killed: only candidates that it held are scored by the other one too',
  async () => {
    const job = await startExternal(app.url, digitSearches(digits, 'accuracy-of-two').external)
    const held = await killOneOfTwo([job, job])
    expectSame(await resultOf(job), internal)
    const twice = (await candidatesOf(job)).filter(({ attempts }) => attempts !== 1)
    expect(twice.map(({ id, attempts }) => ({ id, attempts }))).toEqual(held.map(id => ({ id, attempts: 2 })))
  },
  patience,
)

test(
  'a term on the server and a term outside that computes the same are equal in every candidate, and choose what one of them chooses',
  async () => {
    const { internal: alone } = digitSearches(digits, '')
    const strategy = { type: 'greedy' }
    const outside = { external: { name: 'accuracy-beside', version: '1' }, direction: 'max', weight: 2 }
    const request = { ...alone, strategy, selection: [alone.selection, outside], test: [alone.test, {}] }
    const job = await startExternal(app.url, request)
    const scorer = startDigitScorer(job)
    const [result, expected] = [await resultOf(job), await searchClient(app.url).find({ ...alone, strategy })]
    expect(await scorer.exited).toBe(0)
    expect(result.candidates.map(({ models }) => models)).toEqual(expected.candidates.map(({ models }) => models))
    for (const [index, { score }] of expected.candidates.entries())
      expect(result.candidates[index]?.scores).toEqual([score, score])
    expect(result.model.sha256).toBe(expected.model.sha256)
    for (const { winner, bestSingle, test: onTest } of result.terms ?? []) {
      expect([winner, bestSingle.score]).toEqual([expected.winner.score, expected.bestSingle.score])
      expect(onTest).toMatchObject({ winner: expected.test?.winner, interval: expected.test?.interval })
    }
  },
  patience,
)
