import { expect, test } from 'vitest'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { networkOfBytes } from '../support/inspecting.ts'
import { runSeed } from '../support/random.ts'
import { type Run, runModel } from '../support/run-model.ts'
import { describeShared } from '../support/shared.ts'
import { type SharedModel, sharedModels } from '../support/shared-models.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

/** Pairs of different files of one network: all of small ones, each with the next of large ones. */
function pairsOf(models: readonly SharedModel[]): [SharedModel, SharedModel][] {
  const groups = Map.groupBy(models, ({ fingerprint }) => fingerprint)
  return [...groups.values()].flatMap(group =>
    group.flatMap((a, index) => {
      const others = a.bytes.byteLength < 1_000_000 ? group : [group[(index + 1) % group.length] ?? a]
      return others.filter(b => b !== a).map((b): [SharedModel, SharedModel] => [a, b])
    }),
  )
}

/** A model with two weights of one type, but of other values, exchanged; undefined if it has no such. */
function withTwoExchanged({ source, data }: ModelFiles): ModelFiles | undefined {
  const bytes = Buffer.from(readBytes(source, 0, source.byteLength))
  const byType = new Map<string, { offset: number; length: number }>()
  for (const { isWeight, tensor, type } of networkOfBytes(bytes).leaves) {
    if (!isWeight || tensor?.payload.form !== 'raw' || tensor.payload.length === 0) continue
    const { offset, length } = tensor.payload
    const before = byType.get(type)
    byType.set(type, { offset, length })
    if (!before) continue
    const [first, second] = [before, { offset, length }].map(at =>
      Buffer.from(bytes.subarray(at.offset, at.offset + at.length)),
    )
    if (!first || !second || first.equals(second)) continue
    second.copy(bytes, before.offset)
    first.copy(bytes, offset)
    return { source: memorySource(bytes), data }
  }
  return undefined
}

describeShared('the weights of one file in the graph of another', () => {
  test(`compute what they did in their own, bit for bit, for all pairs of the corpus (seed ${runSeed})`, async () => {
    const own = new Map<SharedModel, Run>()
    const differing: string[] = []
    const notRun: string[] = []
    const counted = { pairs: 0, controls: 0, noticed: 0 }
    const controlled = new Set<SharedModel>()
    for (const [a, b] of pairsOf(sharedModels())) {
      const theirs = own.get(b) ?? (await runModel(b, runSeed))
      own.set(b, theirs)
      const { files } = soupOfIngredients([
        { files: a, weight: null },
        { files: b, weight: 1 },
      ])
      if ('reason' in theirs) {
        notRun.push(`${b.file}: ${theirs.reason}`)
        continue
      }
      const swapped = await runModel(files, runSeed, theirs.names)
      counted.pairs += 1
      if ('reason' in swapped || swapped.outputs.join() !== theirs.outputs.join())
        differing.push(`${a.file} with ${b.file}`)
      const exchanged = controlled.has(a) ? undefined : withTwoExchanged(files)
      if (!exchanged) continue
      controlled.add(a)
      const wrong = await runModel(exchanged, runSeed, theirs.names)
      counted.controls += 1
      if ('reason' in wrong || wrong.outputs.join() !== theirs.outputs.join()) counted.noticed += 1
    }
    expect(differing).toEqual([])
    // Models without an output, which onnxruntime does not open.
    expect(notRun.filter(why => !/constant_value_|empty/.test(why))).toEqual([])
    expect(counted.pairs).toBeGreaterThan(60)
    expect(counted.controls).toBeGreaterThan(10)
    expect(counted.noticed).toBeGreaterThan(0.8 * counted.controls)
  })
})
