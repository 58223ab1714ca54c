import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SearchRequest } from '../../schemas/search.ts'
import { TureenError } from '../../src/errors.ts'
import type { CandidateLedger, ExternalCandidate } from '../../src/jobs/external/candidate-ledger.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { type Crash, type OutsideEnd, outsideProcess, outsideRequest, runInside } from '../support/outside-runs.ts'
import { type Random, runSeed, seededRandom } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
beforeAll(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
})
afterAll(() => opened.close())

/** A landscape of scores: each soup has scores of some samples, the same in each run. Some soups have none. */
function landscape(seed: number, failing: number) {
  return (soup: CandidateSoup, term: number, split: 'selection' | 'test'): number[] | null => {
    const text = JSON.stringify(soup)
    const random = seededRandom(
      [...`${seed} ${term} ${text}`].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) | 0, 7),
    )
    if (random.next() < failing && soup.members.length > 1) return null
    // Neighbours have similar scores, so that strategies have something to find.
    const slope = soup.members.reduce(
      (sum, member, index) => sum + (soup.weights[index] ?? 0) * Math.sin(seed + member),
      0,
    )
    const shift = split === 'test' ? 0.1 : 0
    return Array.from({ length: 8 }, () => Math.round(100 * (slope + shift + random.next())) / 100)
  }
}

type Played = { end: OutsideEnd; scored: Map<string, number>; starts: number; crashes: number }

/** Plays a search with scorers that do as they like, in processes that die. */
async function play(request: SearchRequest, seed: number, failing: number): Promise<Played> {
  const random = seededRandom(seed)
  const scoreOf = landscape(seed, failing)
  const ends = new Map<string, OutsideEnd>()
  const scored = new Map<string, number>()
  let [ahead, starts, crashes, deathsInARow] = [0, 0, 0, 0]
  const clock = () => Date.now() + ahead
  const crash = (): Crash => {
    starts += 1
    const chosen =
      starts === 1 || (deathsInARow < 2 && random.next() < 0.25)
        ? random.pick<Crash>(['before', 'asking', 'asked'])
        : null
    deathsInARow = chosen ? deathsInARow + 1 : 0
    if (chosen) crashes += 1
    return chosen
  }
  const open = async () => {
    const opened = outsideProcess(catalog, directoryOf(), `${seed}`, clock, ends, crash)
    await opened.jobs.executor.start()
    return opened
  }
  let process = await open()
  const job = await process.jobs.commands.create({ type: 'search', request, labels: {}, inputIds: [] })
  const terms = Array.isArray(request.selection) ? request.selection.length : 1
  const termOf = ({ scorer }: ExternalCandidate) => (terms === 1 ? 0 : Number(scorer.name.slice(-1)))
  const outcomeOf = (candidate: ExternalCandidate) => {
    const scores = scoreOf(candidate.soup, termOf(candidate), candidate.split)
    return scores ? { scores } : { error: 'no score here' }
  }
  while (!ends.has(job.id)) {
    if (process.isDead()) process = await open()
    ahead += random.integer(0, 40) * 1000
    const leased = await process.jobs.ledger.lease(job.id, { count: random.integer(1, 4), seconds: 60 })
    if (leased.id === null) await delay(1)
    for (const candidate of random.shuffled(leased.candidates))
      await actOn(process.jobs.ledger, job.id, candidate, outcomeOf(candidate), random, scored)
    if (leased.id !== null && random.next() < 0.2) await process.jobs.ledger.giveBack(job.id, leased.id)
    if (random.next() < 0.1) await process.jobs.external.sweep()
  }
  await process.jobs.executor.close()
  const end = ends.get(job.id)
  if (!end) throw new Error('the search has no end')
  return { end, scored, starts, crashes }
}

const directoryOf = () => opened.directory

/** Scores a candidate, or dies with it, or answers twice, or lies. A candidate that has its last lease gets its score. */
async function actOn(
  ledger: CandidateLedger,
  job: string,
  candidate: ExternalCandidate,
  outcome: { scores: number[] } | { error: string },
  random: Random,
  scored: Map<string, number>,
): Promise<void> {
  const action = candidate.attempts > 2 ? 0 : random.next()
  if (action > 0.85) return
  await ledger.score(job, candidate.id, outcome)
  const key = JSON.stringify([candidate.soup, candidate.split, candidate.scorer])
  scored.set(key, (scored.get(key) ?? 0) + 1)
  if (action > 0.75) await ledger.score(job, candidate.id, outcome)
  if (action > 0.65) {
    const other = await ledger.score(job, candidate.id, { score: 12_345 }).catch((error: unknown) => error)
    expect(other).toBeInstanceOf(TureenError)
  }
}

/** The parts of an end in which a search from outside must equal one whose scores are all there. */
function comparable({ end, test }: OutsideEnd) {
  const { candidates, uniform, winner, bestSingle, findings, stopped, evaluations } = end
  const plain = ({ soup, value, terms }: (typeof candidates)[number]) => ({
    soup,
    value,
    terms: terms?.map(term => term.value),
  })
  return {
    candidates: candidates.map(plain),
    uniform: uniform && plain(uniform),
    winner: plain(winner),
    bestSingle: plain(bestSingle),
    findings,
    stopped,
    evaluations,
    test: test && { ...test, notes: undefined, terms: test.terms?.map(term => ({ ...term, notes: undefined })) },
  }
}

const strategies: [number, object][] = [
  [4, { type: 'exhaustive' }],
  [6, { type: 'greedy' }],
  [5, { type: 'topK' }],
  [2, { type: 'sweep' }],
  [3, { type: 'coordinate', minimumStep: 0.2 }],
  [4, { type: 'cmaEs', generations: 4, population: 5 }],
]
const judges = [0, 1].map(index => ({
  external: { name: `judge ${index}`, version: '1' },
  direction: index ? 'min' : 'max',
}))

describe(`a search by scorers that die, answer twice and lie, in processes that die (TUREEN_TEST_SEED=${runSeed})`, () => {
  for (const [models, strategy] of strategies) {
    const name = 'type' in strategy ? String(strategy.type) : ''
    test(`ends as one whose scores are all there at once: ${name}`, async () => {
      const random = seededRandom(runSeed + models)
      let crashes = 0
      for (let round = 0; round < randomCases(6); round += 1) {
        const seed = random.integer(1, 2 ** 30)
        const failing = round % 3 === 1 ? 0.2 : 0
        const more = {
          strategy,
          ...(round % 2 === 0 ? { test: {} } : {}),
          ...(round % 3 === 2 ? { budget: { evaluations: models + 4 } } : {}),
        }
        const request = outsideRequest(models, more)
        const played = await play(request, seed, failing)
        const inside = await runInside(request, landscape(seed, failing))
        expect(comparable(played.end)).toEqual(comparable(inside))
        expect(Math.max(...played.scored.values())).toBe(1)
        crashes += played.crashes
      }
      expect(crashes).toBeGreaterThan(0)
    })
  }

  test('ends so with a list of two scorers, and tests by both', async () => {
    const random = seededRandom(runSeed)
    for (const [models, strategy] of strategies.filter((_, index) => index !== 3)) {
      const seed = random.integer(1, 2 ** 30)
      const selection = judges.map((judge, index) => ({ ...judge, weight: index + 0.5 }))
      const request = outsideRequest(models, { strategy, selection, test: [{}, {}] })
      const played = await play(request, seed, 0)
      expect(comparable(played.end)).toEqual(comparable(await runInside(request, landscape(seed, 0))))
    }
  })
})
