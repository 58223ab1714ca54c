import { onnx } from 'onnx-proto'
import { expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { costlyModels } from '../support/costly-models.ts'
import { inspectSource } from '../support/inspecting.ts'
import { checkFiles } from '../support/soup.ts'
import { bytesField } from '../support/wire-bytes.ts'

/** Milliseconds of this thread's processor that something takes. */
function cost(run: () => unknown): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

/**
 * Returns the cost of something beside decoding the same bytes with onnx-proto, so that the speed of the machine has no part in it. The
 * least of up to three, because the compiler and the collector only add to it.
 */
function timesDecoding(models: readonly Uint8Array[], bound: number, run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 3 && least >= bound; attempt += 1) {
    const decoding = cost(() => models.map(bytes => onnx.ModelProto.decode(bytes)))
    least = Math.min(least, cost(run) / decoding)
  }
  return least
}

const products = (seed: number) => costlyModels['tensors in a chain of products'](60_000, seed)

/** Returns the cost of checking two models for a merge, beside decoding both. */
const checking = (models: readonly Uint8Array[], bound: number) =>
  timesDecoding(models, bound, () => checkFiles(models.map(bytes => ({ bytes, weight: 1 }))))

// Each bound is about one and a half of the cost on 30 November 2026: 8, 6.5 and 11.
test('an inspection of 200,000 nodes costs at most 12 times as much as decoding them', () => {
  const model = costlyModels['a chain of nodes'](200_000)
  expect(timesDecoding([model], 12, () => inspectSource(memorySource(model)))).toBeLessThan(12)
})

test('a check of twins with 60,000 tensors costs at most 10 times as much as decoding both', () => {
  expect(checking([products(0), products(1)], 10)).toBeLessThan(10)
})

test('a check of models that need matching costs at most 16 times as much', () => {
  const ofAnotherProducer = Buffer.concat([products(1), bytesField(2, 'another')])
  expect(checking([products(0), ofAnotherProducer], 16)).toBeLessThan(16)
})
