import onnxProto from 'onnx-proto'
import { expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { costlyModels } from '../support/costly-models.ts'
import { inspectSource } from '../support/inspecting.ts'
import { threadCost } from '../support/processor-time.ts'
import { checkFiles } from '../support/soup.ts'
import { bytesField } from '../support/wire-bytes.ts'

/**
 * Returns the cost of something beside decoding the same bytes with onnx-proto, so that the speed of the machine has no part in it. The
 * least of up to three, because the compiler and the collector only add to it.
 */
function timesDecoding(models: readonly Uint8Array[], bound: number, run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 3 && least >= bound; attempt += 1) {
    const decoding = threadCost(() => models.map(bytes => onnxProto.onnx.ModelProto.decode(bytes)))
    least = Math.min(least, threadCost(run) / decoding)
  }
  return least
}

const products = (seed: number) => costlyModels['tensors in a chain of products'](20_000, seed)

/** Returns the cost of checking two models for a merge, beside decoding both. */
const checking = (models: readonly Uint8Array[], bound: number) =>
  timesDecoding(models, bound, () => checkFiles(models.map(bytes => ({ bytes, weight: 1 }))))

// On 30 November 2026 they cost 8 to 10, 6 to 8, and 11 to 12 times as much.
test('an inspection of many nodes costs at most 15 times as much as decoding them', () => {
  const model = costlyModels['a chain of nodes'](60_000)
  expect(timesDecoding([model], 15, () => inspectSource(memorySource(model)))).toBeLessThan(15)
})

test('a check of twins with many tensors costs at most 13 times as much as decoding both', () => {
  expect(checking([products(0), products(1)], 13)).toBeLessThan(13)
})

test('a check of models that need matching costs at most 20 times as much', () => {
  const ofAnotherProducer = Buffer.concat([products(1), bytesField(2, 'another')])
  expect(checking([products(0), ofAnotherProducer], 20)).toBeLessThan(20)
})
