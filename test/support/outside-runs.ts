import pino from 'pino'
import { type SearchRequest, searchRequest } from '../../schemas/search.ts'
import { createJobs } from '../../src/composition/jobs.ts'
import { bootstrapOfSamples } from '../../src/evaluate/bootstrap-of-samples.ts'
import { openOutsideRun } from '../../src/jobs/external/outside-run.ts'
import { noEvaluators, openStart, replayed } from '../../src/jobs/external/outside-start.ts'
import { outsideTests } from '../../src/jobs/external/outside-test.ts'
import { searchBooks } from '../../src/jobs/external/search-books.ts'
import { ResultText } from '../../src/jobs/job-results.ts'
import type { JobContext } from '../../src/jobs/job-runner.ts'
import { createKeptScores } from '../../src/jobs/kept-scores.ts'
import type { ResolvedSearch } from '../../src/jobs/resolve-search.ts'
import { scoreCandidates } from '../../src/jobs/score-candidates.ts'
import { searchClock } from '../../src/jobs/search-clock.ts'
import { createSearchScorer } from '../../src/jobs/search-scorer.ts'
import { soupName } from '../../src/jobs/search-soups.ts'
import type { TermScoring } from '../../src/jobs/search-term.ts'
import { type SampledTestScores, scoreOnTest } from '../../src/jobs/search-test.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import type { SearchEnd } from '../../src/search/search-end.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { createScores } from '../../src/storage/scores.ts'
import { digestOf } from './outside-search.ts'

/** The end of a search, as its result tells it. */
export type OutsideEnd = { end: SearchEnd; test: SampledTestScores | null }

/** Returns a request for a search of `models` models by scorers outside. */
export function outsideRequest(models: number, more: object): SearchRequest {
  return searchRequest.parse({
    models: Array.from({ length: models }, (_, index) => ({ id: `m${index}` })),
    selection: { external: { name: 'judge', version: '1' }, direction: 'max' },
    ...more,
  })
}

/** Returns a search without models: only their digests are there. @param salt tells its soups from those of other searches */
export function outsideResolved({ models, selection, test }: SearchRequest, salt: string): ResolvedSearch {
  const files = models.map(({ id }) => ({
    id,
    label: id,
    name: id,
    sha256: digestOf(`${salt} ${id}`),
    paths: { path: id, data: [] },
    path: id,
    data: [],
    weight: 1,
    standsForItself: true,
  }))
  const list = Array.isArray(selection) ? selection : [{ ...selection, weight: 1, atLeast: undefined }]
  const scoringOf = (term: (typeof list)[number]): TermScoring => {
    if (!('external' in term)) throw new Error('only scorers outside')
    return { kind: 'external', scorer: term.external, direction: term.direction, reuse: term.reuse }
  }
  return {
    models: files,
    inputs: { models: files, base: null, companions: [] },
    groups: [],
    settings: defaultSettings,
    dimensions: [],
    method: { hasWeights: true, fewest: 1 },
    terms: list.map(term => ({
      weight: term.weight,
      atLeast: null,
      selection: scoringOf(term),
      test: test ? scoringOf(term) : null,
    })),
    isList: Array.isArray(selection),
    base: null,
    recalibration: null,
    inputIds: [],
  }
}

/** Ends a search whose scores are all known. */
async function conclude(
  request: SearchRequest,
  search: ResolvedSearch,
  services: Parameters<typeof openOutsideRun>[0] & { seconds?: number },
  signal: AbortSignal,
): Promise<OutsideEnd> {
  const run = openOutsideRun(services, signal)
  const soups = { source: () => fail(), runnable: async () => fail() }
  const session = {
    terms: search.terms.map(() => null),
    isList: search.isList,
    width: 0,
    soups,
    nameOf: (soup: CandidateSoup) => soupName(soup, search),
  }
  const { kept, jobId } = services
  const scorer = createSearchScorer(session, noEvaluators, { kept, jobId, external: run }, signal)
  const clock = searchClock(request.budget.seconds, services.seconds ?? 0)
  const end = await scoreCandidates(request, search, scorer, clock, () => undefined, run)
  run.endChoice()
  const threads = { bootstrap: async (task: Parameters<typeof bootstrapOfSamples>[0]) => bootstrapOfSamples(task) }
  const external = outsideTests({ run, threads, signal })
  const test = await scoreOnTest(end, search, { kept, soups, compare: scorer.compare, threads: 1, jobId, external })
  return { end, test }
}

function fail(): never {
  throw new RangeError('nothing runs models here')
}

/** Runs a search whose scores are all there at once. */
export async function runInside(
  request: SearchRequest,
  scoreOf: (soup: CandidateSoup, term: number, split: 'selection' | 'test') => number[] | number | null,
): Promise<OutsideEnd> {
  const search = outsideResolved(request, 'inside')
  const direct = (term: number, soup: CandidateSoup, split: 'selection' | 'test') => {
    const scores = scoreOf(soup, term, split)
    const list = typeof scores === 'number' ? [scores] : (scores ?? [])
    const score = scores === null ? null : list.reduce((sum, each) => sum + each, 0) / list.length
    return { score, list }
  }
  const kept = createKeptScores({
    get: async () => undefined,
    find: async parts => parts.map(() => undefined),
    findKeys: async keys => keys.map(() => undefined),
    put: async () => undefined,
    list: async () => ({ items: [], nextCursor: null }),
  })
  const soups = { source: () => fail(), runnable: async () => fail() }
  const session = {
    terms: search.terms.map(() => null),
    isList: search.isList,
    width: 3,
    soups,
    nameOf: (soup: CandidateSoup) => soupName(soup, search),
  }
  const external = {
    width: 0,
    score: async (term: number, soup: CandidateSoup) => ({
      value: direct(term, soup, 'selection').score,
      seconds: 0,
      cached: false,
    }),
    track: <Value>(work: Promise<Value>) => work,
    computing: () => undefined,
  }
  const scorer = createSearchScorer(
    session,
    noEvaluators,
    { kept, jobId: 'inside', external },
    new AbortController().signal,
  )
  const clock = searchClock(undefined, 0)
  const end = await scoreCandidates(request, search, scorer, clock, () => undefined)
  const terms = search.terms.map(({ test }) => test)
  const tests = outsideTests({
    run: {
      track: work => work,
      async onTest(scoring, soup) {
        const { score, list } = direct(terms.indexOf(scoring), soup, 'test')
        const found = score === null ? null : { score, samples: list.length, sampleScores: list }
        return { score: found, failure: undefined, seconds: 0, cached: false }
      },
    },
    threads: { bootstrap: async task => bootstrapOfSamples(task) },
    signal: new AbortController().signal,
  })
  const test = await scoreOnTest(end, search, {
    kept,
    soups,
    compare: scorer.compare,
    threads: 1,
    jobId: 'inside',
    external: tests,
  })
  return { end, test }
}

/** The place of a start at which its process dies. */
export type Crash = 'before' | 'asking' | 'asked' | null

/**
 * A process of a server that runs searches by scorers outside, whose models are digests only.
 * @param ends gets the end of each search
 * @param crashes decides for each start where its process dies; from then on the process does nothing any more
 */
export function outsideProcess(
  catalog: Catalog,
  directory: string,
  salt: string,
  clock: () => number,
  ends: Map<string, OutsideEnd>,
  crashes: () => Crash,
) {
  const kept = createKeptScores(createScores(catalog))
  let isDead = false
  const died = Promise.withResolvers<void>()
  const die = (): Promise<never> => {
    isDead = true
    died.resolve()
    return new Promise(() => undefined)
  }
  const runner = async (request: SearchRequest, context: JobContext<'search'>) => {
    if (isDead) return die()
    const crash = crashes()
    if (crash === 'before') return die()
    const search = outsideResolved(request, salt)
    const start = await openStart(searchBooks(catalog, context.id, clock), request.budget.seconds)
    const mortal: JobContext<'search'> = {
      ...context,
      async waitFor(want) {
        if (crash === 'asking') return die()
        await context.waitFor(want)
        if (crash === 'asked') return die()
      },
    }
    const budget = searchClock(request.budget.seconds, start.secondsBefore)
    if (await replayed(request, search, { kept, start, clock: budget }, mortal)) return
    const services = { ...start, search, kept, jobId: context.id, clock: budget, seconds: start.secondsBefore }
    const end = await conclude(request, search, services, context.signal)
    if (crash === 'asking') return die()
    await context.succeed(async () => {
      ends.set(context.id, end)
      return new ResultText(['{}'])
    })
  }
  const none = { runner: () => Promise.reject(new RangeError('only searches')) }
  const unused = { merge: none, evaluation: none, comparison: none, export: none, conversion: none }
  const jobs = createJobs(
    { catalog, notifications: null, reserve: createReserve(directory, async () => undefined) },
    { ...unused, search: { runner } },
    pino({ level: 'silent' }),
    { concurrency: 2, maximumQueued: 100, ttl: null },
    { jobEnded() {}, jobCutOff() {} },
    new AbortController().signal,
    undefined,
    { clock, externalIdleSeconds: 86_400 },
  )
  return { jobs, died: died.promise, isDead: () => isDead }
}
