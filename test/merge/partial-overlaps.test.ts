import { expect, test } from 'vitest'
import { defaultSettings, type IndexedInput } from '../../src/merge/merge-input.ts'
import { filesOf, mergeInputs, type Weighted } from '../../src/merge/merge-inputs.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { externalModel, type ModelInFiles } from '../support/external-model.ts'

/** W takes bytes 0 to 16 of the data file, b bytes 12 to 20: the last weight is the first bias. */
function overlapping(...values: readonly [number, number, number, number, number]): ModelInFiles {
  const [w0, w1, w2, both, last] = values
  return externalModel([w0, w1, w2, both], [both, last], {
    W: { location: 'all.bin', offset: 0, length: 16 },
    b: { location: 'all.bin', offset: 12, length: 8 },
  })
}

function input({ main, data }: ModelInFiles, index: number): Weighted<IndexedInput> {
  const source = memorySource(main)
  const files = new Map(Object.entries(data).map(([location, bytes]) => [location, memorySource(bytes)]))
  return {
    label: `model ${index}`,
    sha256: `sha256:${index}`,
    weight: 1,
    source,
    data: files,
    layout: readLayout(source),
  }
}

function soup(...models: ModelInFiles[]) {
  const inputs = mergeInputs(models.map(input))
  return planSource(checkedPlan(inputs, defaultSettings).plan, filesOf(inputs))
}

test('external tensors that share some of their bytes come out as they are where the models agree', () => {
  const model = overlapping(1, 2, 3, 4, 5)
  const merged = soup(model, model)
  const data = merged.data.get('all.bin')
  if (!data) throw new Error('there is no data file')
  expect(Buffer.from(readBytes(merged, 0, merged.byteLength))).toEqual(Buffer.from(model.main))
  expect(Buffer.from(readBytes(data, 0, data.byteLength))).toEqual(Buffer.from(model.data['all.bin'] ?? []))
})

test('and are refused, the tensor named, where one of them would get other values', () => {
  expect(() => soup(overlapping(1, 2, 3, 4, 5), overlapping(9, 2, 3, 4, 5))).toThrow(
    expect.objectContaining({
      code: 'TUREEN_MODEL_UNSUPPORTED',
      errors: [
        { model: 'model 0', tensor: 'b', message: expect.stringContaining('shares bytes of its data file with W') },
      ],
    }),
  )
})
