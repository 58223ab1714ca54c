import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { outcomeOf } from '../support/catalogue.ts'
import { inspectSource } from '../support/inspecting.ts'
import { mutations } from '../support/mutations.ts'
import { linearModel } from '../support/onnx-model.ts'
import { stopwatch } from '../support/processor-time.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { richModel } from '../support/rich-model.ts'
import { projectFile } from '../support/server.ts'
import { selfSoup } from '../support/soup.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint, varintField } from '../support/wire-bytes.ts'

const mutatedFiles = 3000
const mebibyte = 2 ** 20

const { tensor } = onnxField
const unusual = Buffer.concat([
  varintField(1000, 5),
  modelBytes([
    tensorBytes(
      'W',
      10,
      [3],
      varintField(tensor.int32Data, 1),
      bytesField(tensor.int32Data, [varint(2), varint(3, 4)], 5),
    ),
    tensorBytes('S', 8, [2], bytesField(tensor.stringData, 'a'), bytesField(tensor.stringData, '')),
    tensorBytes(
      'E',
      1,
      [1],
      varintField(tensor.dataLocation, 1),
      bytesField(tensor.externalData, [bytesField(1, 'location')]),
    ),
  ]),
])

describe('damaged files', () => {
  test(`${mutatedFiles} of them (seed ${runSeed}) each end in a result or a refusal, at once and in little memory`, async () => {
    const models = [
      Buffer.from(richModel()),
      Buffer.from(linearModel([1, 2, 3, 4], [5, 6])),
      await projectFile('test/fixtures/numerics/float16-typed-a.onnx'),
      await projectFile('test/fixtures/numerics/float64-typed-b.onnx'),
      unusual,
    ]
    const random = seededRandom(runSeed)
    const names = Object.keys(mutations)
    const ends = { accepted: 0, refused: 0 }
    // Other tests have run in this process.
    const before = process.memoryUsage().rss
    let peak = before
    for (let index = 0; index < mutatedFiles; index += 1) {
      let bytes: Buffer = random.pick(models)
      const applied: string[] = []
      for (let count = random.integer(1, 3); count > 0 && bytes.byteLength > 1; count -= 1) {
        const name = random.pick(names)
        bytes = mutations[name]?.(bytes, random) ?? bytes
        applied.push(name)
      }
      const what = `file ${index} of seed ${runSeed} (${applied.join(', ')}): ${bytes.toString('base64')}`
      const elapsed = stopwatch()
      try {
        const inspected = outcomeOf(() => inspectSource(memorySource(bytes)))
        if (inspected instanceof TureenError) ends.refused += 1
        else {
          ends.accepted += 1
          // What is accepted may still be found damaged when its elements are read; if not, it comes back as it is.
          const soup = outcomeOf(() => selfSoup(bytes))
          if (!(soup instanceof TureenError)) expect(soup.equals(bytes), what).toBe(true)
        }
      } catch (error) {
        throw new Error(what, { cause: error })
      }
      expect(elapsed(), what).toBeLessThan(1000)
      if (index % 100 === 0) peak = Math.max(peak, process.memoryUsage().rss)
    }
    // Of some 6 in 100.
    expect(ends.accepted).toBeGreaterThan(mutatedFiles / 30)
    expect(ends.refused).toBeGreaterThan(mutatedFiles / 20)
    expect(peak - before).toBeLessThan(300 * mebibyte)
  })
})
