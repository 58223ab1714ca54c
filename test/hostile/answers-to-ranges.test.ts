import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import type { CandidateRange } from '../../src/evaluate/protocol.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { type HostileEvaluators, hostileEvaluators } from '../support/hostile-evaluators.ts'

let evaluators: HostileEvaluators
beforeAll(async () => {
  evaluators = await hostileEvaluators()
})
afterAll(() => evaluators.remove())

describe('an evaluator that scores a range of candidates', () => {
  const range = (): CandidateRange => {
    const { model, ...task } = evaluators.task
    return {
      terms: [{ ...task, metric: { kind: 'registered', name: 'mse', metric: 'mse', parameters: {} } }],
      termOf: [0, 0, 0],
      models: [model, model, model],
      soups: { inputs: [], plans: new Map(), settings: defaultSettings, calibration: null },
      milliseconds: 1000,
      readyBytes: 0,
      datasets: [],
    }
  }
  /** Scores the range with an evaluator that acts like this. @returns the outcomes so far, and the problem */
  const scored = async (code: string, seconds = 30) => {
    await evaluators.act(`const partial = change => json('partial', { type: 'evaluated', outcome: { ...outcome, ...change } })
      const pause = milliseconds => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
      taken(); ${code}; wait()`)
    const child = await evaluators.start({ seconds })
    const samples: number[] = []
    const scoring = child.score(range(), new AbortController().signal, outcome => samples.push(outcome.samples))
    const problem = await scoring.then(
      () => null,
      error => asTureenError(error).code,
    )
    await child.end()
    await child.gone
    return { samples, problem }
  }

  test('answers each by itself, and may leave the last ones to others', async () => {
    expect(await scored(`partial({ samples: 1 }); partial({ samples: 2 }); answer()`)).toEqual({
      samples: [1, 2, 3],
      problem: null,
    })
    expect(await scored(`partial({ samples: 1 }); answer()`)).toEqual({ samples: [1, 3], problem: null })
  })

  test('has the time of one evaluation for each', async () => {
    const slow = `partial({ samples: 1 }); pause(1600); partial({ samples: 2 }); pause(1600); answer()`
    expect(await scored(slow, 3)).toEqual({ samples: [1, 2, 3], problem: null })
    expect(await scored(`partial({ samples: 1 })`, 1)).toEqual({ samples: [1], problem: 'TUREEN_EVALUATION_TIMEOUT' })
  })

  test.each([
    ['gives more answers than it was asked for', `partial(); partial(); partial(); answer()`, 2],
    [
      'gives an answer with a score that is a text',
      `partial(); partial({ metrics: [{ name: 'mse', value: 'x', ignored: 0 }] })`,
      1,
    ],
    ['gives an answer by another metric', `partial({ metrics: [{ name: 'mae', value: 1, ignored: 0 }] })`, 0],
    ['gives an answer that is no JSON', `frame('partial', 'x')`, 0],
    ['dies between two answers', `partial(); process.exit(1)`, 1],
  ])('fails if it %s, and what it answered before counts', async (_, code, answers) => {
    const { samples, problem } = await scored(code)
    expect(problem).toBe('TUREEN_EVALUATION_CRASHED')
    expect(samples).toHaveLength(answers)
  })
})

test('after all of them no evaluator and none of its files is left', () => evaluators.expectNothingLeft())
