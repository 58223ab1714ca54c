import { describe, expect, test } from 'vitest'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { goldenSets } from './golden.ts'
import { score } from './score.ts'

function expectClose(value: number, expected: number, tolerance: number) {
  if (!Number.isFinite(expected)) expect(value).toBe(expected)
  else
    expect(Math.abs(value - expected), `${value} is not ${expected}`).toBeLessThanOrEqual(
      tolerance * Math.abs(expected),
    )
}

describe.each(goldenSets)('$name', ({ output, target, answers }) => {
  test.each(answers)('$metric $parameters', ({ metric, parameters, tolerance, value, perClass }) => {
    const result = score(metric, output, target, parameters)
    expectClose(result.value, value, tolerance)
    if (!perClass) return
    const found = result.perClass ?? []
    expect(found.map(({ class: c, support }) => [c, support])).toEqual(
      perClass.map(({ class: c, support }) => [c, support]),
    )
    for (const [index, expected] of perClass.entries()) {
      expectClose(found[index]?.value ?? Number.NaN, expected.value, tolerance)
    }
  })
})

test('every metric is among the golden answers', () => {
  const answered = new Set(goldenSets.flatMap(({ answers }) => answers.map(({ metric }) => metric)))
  expect([...answered].sort()).toEqual([...metrics.keys()].sort())
})
