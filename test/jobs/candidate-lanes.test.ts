import { expect, test, vi } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import type { Evaluator } from '../../src/evaluate/evaluator-process.ts'
import type { CandidateRange, ComparisonTask, EvaluationOutcome, SoupSource } from '../../src/evaluate/protocol.ts'
import { type CandidateLanes, candidateLanes, type LaneCandidate } from '../../src/jobs/candidate-lanes.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'

const binding = { inputs: [], target: null, output: null, references: [], batchSize: 1, fixed: false }
const metric = { kind: 'registered' as const, name: 'accuracy', metric: 'accuracy', parameters: {} }
const scored = { dataset: { files: [] }, binding, limit: null, threads: 1, targets: 1, metric }
const soups: SoupSource = { inputs: [], plans: new Map(), settings: defaultSettings, calibration: null }
const task = scored
const source = () => ({ soups, readyBytes: 0, datasets: [] })
const bootstrap = { seed: 0, replicates: 1, confidence: 0.95 }
const comparison: ComparisonTask = { ...scored, soups, models: [], compared: [0, 0], bootstrap, gains: null }
const latency = { median: 0, p95: 0 }
const outcome: EvaluationOutcome = { metrics: [], samples: 1, notANumber: 0, seconds: 0, latency }
const model = (name: string) => ({ path: name, data: [] })
const names = (range: CandidateRange) => range.models.map(each => ('path' in each ? each.path : ''))

const scoreIn = (lanes: CandidateLanes, name: string, called = name) => {
  const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
  lanes.add([{ task, model: model(name), name: called, scored: resolve, failed: reject }], 'last')
  return promise
}

type Score = Evaluator['score']

/** Evaluators whose ranges a function scores. `ranges`: the names of the candidates of each range, by evaluator. */
function evaluatorsOf(width: number, score: Score) {
  const ranges: string[][][] = []
  const pool = {
    width,
    lease() {
      const own: string[][] = []
      ranges.push(own)
      return {
        score: (...[range, ...rest]: Parameters<Score>) => {
          own.push(names(range))
          return score(range, ...rest)
        },
        evaluate: () => Promise.reject(new Error('not asked')),
        compare: async () => ({ metrics: [], notANumber: [], samples: 0, interval: null, leftOut: 0, gains: null }),
        tellMistakes: () => Promise.reject(new Error('not asked')),
        measure: () => Promise.reject(new Error('not asked')),
        end: vi.fn(async () => undefined),
      }
    },
  }
  return { pool, ranges }
}

const scoreAll: Score = async ({ models }, _, onScored) => {
  for (const _ of models) {
    await new Promise(resolve => setImmediate(resolve))
    onScored(outcome)
  }
}
const never = new AbortController().signal
const candidates = Array.from({ length: 100 }, (_, index) => `c${index}`)

test('candidates that come together are dealt out in ranges, which get shorter towards the end', async () => {
  const { pool, ranges } = evaluatorsOf(2, scoreAll)
  const lanes = candidateLanes(pool, source, never)
  await Promise.all(candidates.map(name => scoreIn(lanes, name)))
  const sizes = ranges.map(own => own.map(range => range.length))
  expect(sizes.flat().reduce((sum, size) => sum + size, 0)).toBe(candidates.length)
  expect(new Set(ranges.flat(2))).toEqual(new Set(candidates))
  for (const own of sizes) {
    expect(own.length).toBeGreaterThan(3)
    expect(own[0]).toBeLessThanOrEqual(25)
    expect(own.at(-1)).toBe(1)
  }
})

test('of thousands of candidates, an evaluator gets at most twice what it has managed in a range', async () => {
  const managed = 3
  const { pool, ranges } = evaluatorsOf(1, async (range, ...rest) =>
    scoreAll({ ...range, models: range.models.slice(0, managed) }, ...rest),
  )
  const many = Array.from({ length: 3000 }, (_, index) => `c${index}`)
  const lanes = candidateLanes(pool, source, never)
  await Promise.all(many.map(name => scoreIn(lanes, name)))
  const [first = 0, ...others] = ranges.flat().map(({ length }) => length)
  expect(first).toBeLessThanOrEqual(64)
  expect(Math.max(...others)).toBe(2 * managed)
})

test('all terms of a soup follow each other in a range, and candidates that came first come first', async () => {
  const scored: string[] = []
  const { pool, ranges } = evaluatorsOf(1, (range, ...rest) => {
    for (const [index, name] of names(range).entries())
      scored.push(`${name} ${range.terms[range.termOf[index] ?? -1]?.metric.name}`)
    return scoreAll(range, ...rest)
  })
  const lanes = candidateLanes<LaneCandidate>(pool, source, never)
  const terms = ['first', 'second', 'third']
  const tasks = terms.map(name => ({ ...task, metric: { ...metric, name } }))
  // Each term looks up its own kept scores, so all candidates of one may come before those of another.
  const outcomes = tasks.flatMap(each =>
    candidates.map(name => {
      const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
      lanes.add([{ task: each, model: model(name), name, scored: resolve, failed: reject }], 'last')
      return promise
    }),
  )
  await Promise.all(outcomes)
  expect(scored).toEqual(candidates.flatMap(name => terms.map(term => `${name} ${term}`)))
  expect(ranges.flat()[0]?.length).toBeGreaterThan(terms.length)
})

test('the terms of a soup stay together while there is a soup for each evaluator', async () => {
  const { pool, ranges } = evaluatorsOf(2, scoreAll)
  const lanes = candidateLanes<LaneCandidate>(pool, source, never)
  const outcomes = ['a', 'b'].flatMap(soup =>
    ['first', 'second'].map(name => {
      const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
      const of = { ...task, metric: { ...metric, name } }
      lanes.add([{ task: of, model: model(soup), name: soup, scored: resolve, failed: reject }], 'last')
      return promise
    }),
  )
  await Promise.all(outcomes)
  expect(ranges.map(own => own.flat()).sort()).toEqual([
    ['a', 'a'],
    ['b', 'b'],
  ])
})

test('the terms of a single soup are shared among evaluators that are idle', async () => {
  const { pool, ranges } = evaluatorsOf(3, scoreAll)
  const lanes = candidateLanes<LaneCandidate>(pool, source, never)
  const outcomes = ['first', 'second', 'third'].map(name => {
    const { promise, resolve, reject } = Promise.withResolvers<EvaluationOutcome>()
    const of = { ...task, metric: { ...metric, name } }
    lanes.add([{ task: of, model: model('a'), name: 'a', scored: resolve, failed: reject }], 'last')
    return promise
  })
  await Promise.all(outcomes)
  expect(ranges.map(own => own.flat())).toEqual([['a'], ['a'], ['a']])
})

test('a candidate by itself uses one evaluator, always the same', async () => {
  const { pool, ranges } = evaluatorsOf(4, scoreAll)
  const lanes = candidateLanes(pool, source, never)
  for (const name of candidates.slice(0, 5)) await scoreIn(lanes, name)
  expect(ranges.filter(own => own.length > 0)).toEqual([candidates.slice(0, 5).map(name => [name])])
})

test('candidates that an evaluator gives back go to the next range, before those that came later', async () => {
  const { pool, ranges } = evaluatorsOf(1, async (_, _signal, onScored) => onScored(outcome))
  const lanes = candidateLanes(pool, source, never)
  await Promise.all(candidates.slice(0, 6).map(name => scoreIn(lanes, name)))
  expect(ranges.flat().map(([first]) => first)).toEqual(candidates.slice(0, 6))
})

test('an error names the candidate at which it happened, and scores before it stay', async () => {
  const { pool } = evaluatorsOf(1, async (_, _signal, onScored) => {
    onScored(outcome)
    throw new TureenError('TUREEN_EVALUATION_CRASHED', 'The evaluator died.', [])
  })
  const lanes = candidateLanes(pool, source, never)
  const scores = await Promise.allSettled(['a', 'b', 'c', 'd'].map(name => scoreIn(lanes, name, `soup ${name}`)))
  expect(scores.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(scores[1]).toMatchObject({
    reason: {
      code: 'TUREEN_EVALUATION_CRASHED',
      message: expect.stringMatching(/^soup b: /),
      errors: [{ model: 'soup b' }],
    },
  })
})

test('a comparison gets the next free evaluator, before candidates that wait', async () => {
  const { pool } = evaluatorsOf(1, scoreAll)
  const lanes = candidateLanes(pool, source, never)
  const done: string[] = []
  const scoring = ['a', 'b', 'c', 'd'].map(name => scoreIn(lanes, name).then(() => done.push(name)))
  await scoring[0]
  await lanes.compare(comparison).then(() => done.push('compared'))
  await Promise.all(scoring)
  expect(done.indexOf('compared')).toBeLessThan(3)
})

test('waiting candidates can be withdrawn from the last on, dropped, and added before the others', async () => {
  const held = Promise.withResolvers<void>()
  const { pool, ranges } = evaluatorsOf(1, async (...range) => {
    await held.promise
    await scoreAll(...range)
  })
  const dealt = vi.fn()
  const lanes = candidateLanes<LaneCandidate>(pool, source, never, dealt)
  const heard: string[] = []
  const candidate = (name: string): LaneCandidate => {
    return { task, model: model(name), name, scored: () => void heard.push(name), failed: () => undefined }
  }
  lanes.add([candidate('a')], 'last')
  await vi.waitFor(() => expect(dealt).toHaveBeenCalledTimes(1))
  expect(lanes.hasIdle).toBe(false)
  const [b, c, d, e] = ['b', 'c', 'd', 'e'].map(candidate)
  if (!b || !c || !d || !e) throw new Error('no candidates')
  lanes.add([b, c, d, e], 'last')
  expect(lanes.withdraw(2, each => each !== e)).toEqual([c, d])
  lanes.drop(new Set([b]))
  lanes.add([d], 'first')
  expect(lanes.waiting).toBe(2)
  held.resolve()
  await vi.waitFor(() => expect(heard).toEqual(['a', 'd', 'e']))
  await vi.waitFor(() => expect(lanes.hasIdle).toBe(true))
  expect(ranges.flat(2)).toEqual(['a', 'd', 'e'])
})

test('waiting candidates and comparisons fail when the search is over', async () => {
  const over = new AbortController()
  const { pool } = evaluatorsOf(1, () => new Promise(() => undefined))
  const lanes = candidateLanes(pool, source, over.signal)
  const scoring = ['a', 'b', 'c'].map(name => scoreIn(lanes, name))
  await new Promise(resolve => setImmediate(resolve))
  const compared = lanes.compare(comparison)
  over.abort(new Error('over'))
  lanes.end()
  for (const waiting of [...scoring.slice(2), compared]) await expect(waiting).rejects.toThrow('over')
})
