import { describe, expect, test } from 'vitest'
import { ZodError, z } from 'zod'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../../../src/evaluate/metrics/parameter-schema.ts'
import { rows, score, start } from './score.ts'

test('the metrics, what is better, and what they take', () => {
  expect([...metrics].filter(([name, metric]) => name !== metric.name)).toEqual([])
  const listed = [...metrics.values()].map(({ name, direction, per, target }) => [name, direction, per, target])
  expect(listed).toEqual([
    ['accuracy', 'max', 'sample', 'classes'],
    ['topK', 'max', 'sample', 'classes'],
    ['crossEntropy', 'min', 'sample', 'classes'],
    ['macroF1', 'max', 'set', 'classes'],
    ['balancedAccuracy', 'max', 'set', 'classes'],
    ['rocAuc', 'max', 'set', 'classes'],
    ['mse', 'min', 'sample', 'values'],
    ['mae', 'min', 'sample', 'values'],
    ['rmse', 'min', 'set', 'values'],
    ['r2', 'max', 'set', 'values'],
    ['meanIoU', 'max', 'set', 'masks'],
    ['cosine', 'max', 'sample', 'reference'],
    ['maxAbsDifference', 'min', 'set', 'reference'],
    ['allClose', 'max', 'sample', 'reference'],
  ])
})

describe.each([...metrics.values()])('$name', metric => {
  const { name, description } = metric
  test('is described, and its parameters have defaults and a JSON Schema', () => {
    expect(description).toMatch(/^(?!The ).{20,}[^.]$/)
    expect(parameterSchema(metric).safeParse({}).success).toBe(true)
    expect(z.toJSONSchema(parameterSchema(metric), { io: 'input' })).toMatchObject({
      type: 'object',
      additionalProperties: false,
    })
  })

  test('refuses parameters that it does not have', () => {
    expect(() => start(name, { surprise: 1 })).toThrow(ZodError)
  })

  test('has no value where no sample counts, and says so', () => {
    const nothing = { value: Number.NaN, note: expect.stringMatching(/^there is no value: /) }
    expect(start(name).result()).toEqual(nothing)
    expect(score(name, { dims: [0, 4, 2, 2], data: [] }, emptyTarget(name))).toEqual(nothing)
  })
})

function emptyTarget(metric: string) {
  const target = metrics.get(metric)?.target
  if (target === 'masks') return { dims: [0, 2, 2], data: [] }
  return { dims: target === 'classes' ? [0, 2, 2] : [0, 4, 2, 2], data: [] }
}

test.each([
  ['topK', { k: 0 }],
  ['topK', { k: 1.5 }],
  ['crossEntropy', { from: 'scores' }],
  ['accuracy', { ignoreIndex: 0.5 }],
  ['meanIoU', { ignoreIndex: '255' }],
  ['allClose', { rtol: -1 }],
  ['allClose', { atol: Number.POSITIVE_INFINITY }],
])('%s refuses the parameters %o', (metric, parameters) => {
  expect(() => start(metric, parameters)).toThrow(ZodError)
})

test.each(['accuracy', 'crossEntropy', 'topK', 'macroF1', 'balancedAccuracy', 'rocAuc'])(
  '%s has no value where every sample is ignored',
  metric => {
    const result = score(metric, rows([[1, 2, 3]]), rows([-100]))
    expect(result).toEqual({ value: Number.NaN, note: 'there is no value: no sample counts' })
  },
)
