import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Accumulator, Batch } from '../../../src/evaluate/metrics/metric.ts'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { full, start, startKeeping, values } from './score.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: unknown = runInNewContext('gc')

/** Bytes that are in use, in JavaScript's heap and outside of it. */
function used(): number {
  // The second collection waits until the first one's array buffers are gone.
  for (let i = 0; i < 2; i += 1) if (typeof collectGarbage === 'function') collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** By how much the memory grows while an accumulator takes a batch so many times, the first ones apart. */
function growth(accumulator: Accumulator, batch: Batch, times: number): number {
  for (let i = 0; i < times / 4; i += 1) accumulator.add(batch)
  const before = used()
  for (let i = 0; i < times; i += 1) accumulator.add(batch)
  const grown = used() - before
  expect(accumulator.result().value).not.toBeNaN()
  return grown
}

const batchSize = 200
const indices = values(
  [batchSize],
  Int32Array.from({ length: batchSize }, (_, i) => i % 3),
)
const positions = values(
  [batchSize, 4],
  Int32Array.from({ length: 4 * batchSize }, (_, i) => i % 3),
)

const batches = {
  classes: { output: full([batchSize, 3], 0.5), target: indices },
  values: {
    output: full([batchSize, 2]),
    target: values(
      [batchSize, 2],
      Float64Array.from({ length: 2 * batchSize }, (_, i) => i),
    ),
  },
  reference: { output: full([batchSize, 2]), target: full([batchSize, 2]) },
  masks: { output: full([batchSize, 3, 2, 2]), target: { ...positions, dims: [batchSize, 2, 2] } },
}

describe.each([...metrics.values()])('$name', metric => {
  test('keeps nothing of the samples, unless it is asked to', () => {
    const batch = batches[metric.target]
    const times = 1000
    const samples = times * batchSize
    // All scores are what it is made of: rocAuc has always kept them.
    if (metric.name !== 'rocAuc') expect(growth(start(metric.name), batch, times)).toBeLessThan(samples)
    expect(growth(startKeeping(metric.name), batch, times)).toBeGreaterThan(4 * samples)
  })
})

test('what is kept of predictions does not grow with the number of classes or positions', () => {
  const samples = 20
  const tokens = 200
  const output = full([samples, 50, tokens])
  const target = full([samples, tokens], 1)
  for (const name of ['accuracy', 'macroF1', 'balancedAccuracy', 'crossEntropy', 'topK']) {
    // Two classes of a sample in 40 bytes each; twice that while a list grows.
    expect(growth(startKeeping(name), { output, target }, 20)).toBeLessThan(20 * samples * 160 + 100_000)
  }
})
