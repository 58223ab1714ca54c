import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StrategyRequest } from '../../schemas/strategy.ts'
import { TureenError } from '../../src/errors.ts'
import type { CandidateSoup } from '../../src/merge/candidate-plan.ts'
import { baseSoup, isBase } from '../../src/search/candidate-soup.ts'
import type { ObjectiveTerm } from '../../src/search/objective.ts'
import { runSearch } from '../../src/search/run-search.ts'
import type { Search } from '../../src/search/search.ts'
import { endOf } from '../../src/search/search-end.ts'
import { notesOf } from '../../src/search/search-notes.ts'
import { createStrategy } from '../../src/search/strategies/strategy-registry.ts'

const exhaustive: StrategyRequest = { type: 'exhaustive', maxModels: 12, emptyScore: 0 }
const ofSubsets: StrategyRequest[] = [exhaustive, { type: 'greedy', accept: '>=' }, { type: 'topK' }]
const ofWeights: StrategyRequest[] = [
  { type: 'coordinate', groups: [], step: 0.5, minimumStep: 0.05 },
  { type: 'cmaEs', groups: [], seed: 1, generations: 4, sigma: 0.2 },
]

type TermScorer = (soup: CandidateSoup) => number | null

/** A score that depends on all of a soup and follows no shape, with ties. */
function scrambled(soup: CandidateSoup, salt: number): number {
  let hash = salt
  for (const char of JSON.stringify(soup)) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0
  return hash % 7
}

const term = (change: Partial<ObjectiveTerm> = {}): ObjectiveTerm => {
  return { direction: 'max', weight: 1, atLeast: null, ...change }
}

type Searched = { terms: readonly ObjectiveTerm[]; scorers: readonly TermScorer[]; models?: number } & Partial<Search>

/** Runs a search by terms whose scores are functions of the soup. */
async function searchByTerms(strategy: StrategyRequest, { terms, scorers, models = 3, ...change }: Searched) {
  const outcome = await runSearch({
    strategy: createStrategy(strategy),
    models,
    groups: [],
    direction: 'max',
    terms,
    maximumEvaluations: Number.POSITIVE_INFINITY,
    deadline: new AbortController().signal,
    score: async soup => {
      const scored = scorers.map(scorer => ({ value: scorer(soup), seconds: 0, cached: false }))
      return { value: null, seconds: 0, cached: false, terms: scored }
    },
    turn: async () => undefined,
    hasSpare: () => true,
    onScored: () => undefined,
    ...change,
  })
  return { outcome, end: () => endOf(outcome, 'max') }
}

const members = ({ soup }: { soup: CandidateSoup }) => soup.members
const refusal = (run: () => unknown): TureenError => {
  try {
    run()
  } catch (error) {
    if (error instanceof TureenError) return error
  }
  throw new Error('not refused')
}

describe.each([...ofSubsets, ...ofWeights])('a search by $type', strategy => {
  test('of one term asks for the soups that a search without terms asks for, and has the same winner', async () => {
    const sizes = fc.integer({ min: 2, max: 4 })
    await fc.assert(
      fc.asyncProperty(fc.nat(), sizes, fc.constantFrom(0.5, 1, 8), async (salt, models, weight) => {
        const scoreOf = (soup: CandidateSoup) => scrambled(soup, salt) + 1
        const byTerm = await searchByTerms(strategy, { terms: [term({ weight })], scorers: [scoreOf], models })
        const plain = await runSearch({
          strategy: createStrategy(strategy),
          models,
          groups: [],
          direction: 'max',
          maximumEvaluations: Number.POSITIVE_INFINITY,
          deadline: new AbortController().signal,
          score: async soup => ({ value: scoreOf(soup), seconds: 0, cached: false }),
          turn: async () => undefined,
          hasSpare: () => true,
          onScored: () => undefined,
        })
        expect(byTerm.outcome.candidates.map(({ soup }) => soup)).toEqual(plain.candidates.map(({ soup }) => soup))
        expect(byTerm.end().winner.soup).toEqual(endOf(plain, 'max').winner.soup)
        expect(byTerm.end().bestSingle.soup).toEqual(endOf(plain, 'max').bestSingle.soup)
      }),
      { numRuns: 20 },
    )
  })

  test('finds the winner whatever the units of the terms', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.constantFrom(0.125, 2, 4096), async (one, two, unit) => {
        const terms = [term({ weight: 2 }), term({ direction: 'min' })]
        const first = (soup: CandidateSoup) => scrambled(soup, one) + 1
        const second = (soup: CandidateSoup) => scrambled(soup, two) - 9
        const plain = await searchByTerms(strategy, { terms, scorers: [first, second] })
        const scaled = await searchByTerms(strategy, { terms, scorers: [first, soup => unit * second(soup)] })
        expect(scaled.end().winner.soup).toEqual(plain.end().winner.soup)
        expect(scaled.end().winner.value).toBe(plain.end().winner.value)
      }),
      { numRuns: 20 },
    )
  })

  test('chooses no soup that misses a threshold, and fails where all of them do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 7 }), async (one, two, atLeast) => {
        const scorers: TermScorer[] = [soup => scrambled(soup, one) + 1, soup => scrambled(soup, two)]
        const { outcome, end } = await searchByTerms(strategy, { terms: [term(), term({ atLeast })], scorers })
        const meets = ({ soup }: { soup: CandidateSoup }) => scrambled(soup, two) >= atLeast
        expect(outcome.candidates.every(each => meets(each) === (each.misses?.length === 0))).toBe(true)
        if ([...outcome.candidates, outcome.uniform].some(each => each && meets(each)))
          expect(meets(end().winner)).toBe(true)
        else expect(refusal(end)).toMatchObject({ code: 'TUREEN_CONSTRAINTS_UNMET' })
      }),
      { numRuns: 30 },
    )
  })
})

/** Scores by the members of a soup; 0.1 for soups that are not named. */
const named =
  (scores: Record<string, number | null>): TermScorer =>
  soup => {
    const key = isBase(soup) ? 'base' : soup.members.join('+')
    return key in scores ? (scores[key] ?? null) : 0.1
  }
// Model 0 is good at the first term, model 1 at the second, and their soup at both.
const specialists: TermScorer[] = [
  named({ 0: 0.9, 1: 0.5, 2: 0.4, '0+1': 0.8, '0+1+2': 0.7, base: 0.6 }),
  named({ 0: 0.4, 1: 0.8, 2: 0.5, '0+1': 0.7, '0+1+2': 0.6, base: 0.2 }),
]

describe('an exhaustive search by two terms', () => {
  const twoTerms = [term(), term()]

  test('chooses the soup that is good at both', async () => {
    const { end } = await searchByTerms(exhaustive, { terms: twoTerms, scorers: specialists })
    const { winner, bestSingle, standings } = end()
    expect(members(winner)).toEqual([0, 1])
    expect(winner.value).toBeCloseTo((0.8 - 0.9) / 0.9 + (0.7 - 0.8) / 0.8, 12)
    expect(members(bestSingle)).toEqual([1])
    expect(standings?.terms.map(({ best, bestSingle: single }) => [best, single?.soup.members])).toEqual([
      [0.9, [0]],
      [0.8, [1]],
    ])
  })

  test('follows the weights', async () => {
    const terms = [term({ weight: 10 }), term()]
    const { end } = await searchByTerms(exhaustive, { terms, scorers: specialists })
    expect(members(end().winner)).toEqual([0])
  })

  test('has Shapley values of the objective, also of soups that miss a threshold', async () => {
    const terms = [term({ atLeast: 0.75 }), term({ atLeast: { of: 'best', margin: 0.25 } })]
    const { outcome } = await searchByTerms(exhaustive, { terms, scorers: specialists })
    const whole = outcome.candidates.find(({ soup }) => soup.members.length === 3)
    const sum = (outcome.findings.contributions ?? []).reduce((total, { shapley }) => total + shapley, 0)
    expect(whole?.misses).toEqual([0])
    expect(sum).toBeCloseTo(whole?.value ?? Number.NaN, 12)
  })

  test('measures thresholds by the base, which is scored beside and is no candidate', async () => {
    const terms = [term({ atLeast: { of: 'base', margin: 0.05 } }), term({ atLeast: { of: 'base', margin: 0 } })]
    const { outcome, end } = await searchByTerms(exhaustive, { terms, scorers: specialists, base: baseSoup })
    expect(outcome.standings?.terms.map(({ threshold }) => threshold)).toEqual([0.6 - 0.05, 0.2])
    expect(outcome.standings?.base).toEqual([0.6, 0.2])
    expect(outcome.evaluations).toBe(7)
    expect(outcome.candidates.some(({ soup }) => isBase(soup))).toBe(false)
    expect(members(end().winner)).toEqual([0, 1])
    expect(outcome.candidates.find(({ soup }) => String(soup.members) === '1')?.misses).toEqual([0])
  })

  test('says what was needed and what was reached where no candidate meets all thresholds', async () => {
    const terms = [term({ atLeast: 0.85 }), term({ atLeast: 0.75 }), term()]
    const scorers = [...specialists, named({ 0: 1, 1: 1, 2: 1 })]
    const { end } = await searchByTerms(exhaustive, { terms, scorers })
    const error = refusal(end)
    expect(error).toMatchObject({
      code: 'TUREEN_CONSTRAINTS_UNMET',
      errors: [
        { field: 'selection.0.atLeast', expected: '0.85 or more', actual: '0.9' },
        { field: 'selection.1.atLeast', expected: '0.75 or more', actual: '0.8' },
      ],
    })
    expect(error.errors[0]?.message).toContain('1 of 7 meet it')
  })

  test('says that the base has no score where thresholds need it', async () => {
    const terms = [term(), term({ atLeast: { of: 'base', margin: 0 } })]
    const scorers = [named({}), named({ base: null })]
    const { end } = await searchByTerms(exhaustive, { terms, scorers, base: baseSoup })
    expect(refusal(end).errors).toMatchObject([
      { field: 'selection.1.atLeast', message: expect.stringMatching(/^the base has no score/) },
    ])
  })

  test('takes differences where the best single model scores 0, and notes it', async () => {
    const scorers = [named({ 0: 0, 1: -1, 2: -1, '0+1': 0.5 }), named({ 0: 1, 1: 1, 2: 1, '0+1': 1 })]
    const { end } = await searchByTerms(exhaustive, { terms: twoTerms, scorers })
    expect(end().winner).toMatchObject({ soup: { members: [0, 1] }, value: 0.5 })
    expect(notes(end()).join('\n')).toMatch(
      /the best single model by first scores 0, so gains in this term are differences/,
    )
  })

  test('notes the terms in which the winner loses', async () => {
    const { end } = await searchByTerms(exhaustive, { terms: twoTerms, scorers: specialists })
    expect(notes(end())).toEqual(
      expect.arrayContaining([
        'the winner loses in first: 0.8, and the best single model by it (a) 0.9',
        'the winner loses in second: 0.7, and the best single model by it (b) 0.8',
      ]),
    )
  })

  test('names the term without any score', async () => {
    const { end } = await searchByTerms(exhaustive, { terms: twoTerms, scorers: [named({}), () => null] })
    expect(refusal(end)).toMatchObject({ code: 'TUREEN_METRIC_MISMATCH', errors: [{ field: 'selection.1.metric' }] })
  })

  test('passes over soups without a score in one of the terms', async () => {
    const scorers = [specialists[0] ?? named({}), named({ 0: 0.4, 1: 0.8, 2: 0.5, '0+1': null, '0+1+2': 0.6 })]
    const { outcome, end } = await searchByTerms(exhaustive, { terms: twoTerms, scorers })
    expect(outcome.candidates.find(({ soup }) => String(soup.members) === '0,1')?.value).toBeNull()
    expect(outcome.findings.contributions).toBeUndefined()
    expect(members(end().winner)).toEqual([1])
  })

  test('measures terms by the single models that were scored when the budget is spent', async () => {
    const limited = { terms: twoTerms, scorers: specialists, maximumEvaluations: 1, base: baseSoup }
    const { outcome, end } = await searchByTerms(exhaustive, limited)
    expect(outcome).toMatchObject({ stopped: 'evaluations', evaluations: 1, standings: { base: [0.6, 0.2] } })
    expect(end().winner).toMatchObject({ soup: { members: [0] }, value: 0 })
    expect(outcome.standings?.terms.map(({ best }) => best)).toEqual([0.9, 0.4])
  })

  test('takes the best single model despite its misses where all single models miss thresholds', async () => {
    const terms = [term({ atLeast: 0.6 }), term({ atLeast: 0.6 })]
    const { end } = await searchByTerms(exhaustive, { terms, scorers: specialists })
    expect(members(end().winner)).toEqual([0, 1])
    expect(end().bestSingle).toMatchObject({ soup: { members: [1] }, misses: [0] })
  })
})

test('a search by terms tells the best soup so far once all single models are scored', async () => {
  const told: (number | null | undefined)[] = []
  await searchByTerms(exhaustive, {
    terms: [term(), term()],
    scorers: specialists,
    onScored: (_, __, best) => void told.push(best?.value),
  })
  expect(told.slice(0, 3)).toEqual([undefined, undefined, undefined])
  expect(told.at(-1)).toBeCloseTo((0.8 - 0.9) / 0.9 + (0.7 - 0.8) / 0.8, 12)
})

function notes(end: ReturnType<typeof endOf>): string[] {
  return notesOf({
    request: { strategy: exhaustive, budget: {} },
    names: ['a', 'b', 'c'],
    termNames: ['first', 'second'],
    end,
    test: null,
    sameData: false,
    recommendation: { choice: 'winner', reason: '', isNoted: false },
  })
}
