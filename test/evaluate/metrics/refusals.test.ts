import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { refused } from './refused.ts'
import { full, score, scoreBatches, values } from './score.ts'

function refusal(action: () => unknown): TureenError {
  try {
    action()
  } catch (error) {
    if (error instanceof TureenError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('refuses', () => {
  test.each(Object.entries(refused))('%s', (_, { metric, output, target, parameters, detail }) => {
    const error = refusal(() => score(metric, output, target, parameters))
    expect(error).toMatchObject({ code: 'TUREEN_METRIC_MISMATCH', status: 422 })
    expect(error.message).toMatch(detail)
    expect(error.errors).toMatchObject([
      { field: expect.stringMatching(/^(output|target)$/), message: error.message.slice(metric.length + 2) },
    ])
  })

  test('batches that do not belong together', () => {
    const batches = (first: readonly number[], second: readonly number[], target: readonly number[]) => [
      { output: full(first), target: full(target) },
      { output: full(second), target: full(target) },
    ]
    const classes = refusal(() => scoreBatches('accuracy', batches([2, 5], [2, 6], [2])))
    expect(classes.message).toBe('accuracy: a batch has 6 classes, those before it have 5')
    const channels = refusal(() => scoreBatches('meanIoU', batches([1, 2, 2, 2], [1, 1, 2, 2], [1, 2, 2])))
    expect(channels.message).toBe('meanIoU: a batch has 1 channels, those before it have 2')
    const differing = [
      { output: full([2, 3]), target: full([2, 3]) },
      { output: full([2, 4]), target: full([2, 4]) },
    ]
    for (const metric of ['rmse', 'r2']) {
      const error = refusal(() => scoreBatches(metric, differing))
      expect(error.message).toBe(`${metric}: a batch has 4 numbers a sample, those before it have 3`)
    }
  })

  test('names samples by their place in the set, not in the batch', () => {
    const batch = { output: full([3, 2, 4]), target: full([3, 4]) }
    const bad = { output: full([2, 2, 4]), target: values([2, 4], [0, 0, 0, 0, 0, 0, 9, 0]) }
    const error = refusal(() => scoreBatches('accuracy', [batch, bad]))
    expect(error.message).toContain('the target of sample 4 is 9')
  })
})

test('arrays that are not what their dims say are the caller’s mistake, not the client’s', () => {
  expect(() => score('mse', values([2, 3], [1, 2]), full([2, 3]))).toThrow(RangeError)
  expect(() => score('accuracy', full([2, 3]), values([2], [1]))).toThrow(RangeError)
})
