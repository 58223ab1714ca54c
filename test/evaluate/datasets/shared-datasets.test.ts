import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { describeShared, sharedDirectory } from '../../support/shared.ts'
import { readFiles } from './dataset-fixtures.ts'

describeShared('data sets of third parties', () => {
  test.each([
    ['digits/val.npz', 500],
    ['digits/test.npz', 597],
    ['mnist/test.npz', 100],
  ])('%s has %i samples', async (name, samples) => {
    const file = { name, path: `${sharedDirectory}/fixtures/${name}` }
    const description = await describeDataset([file])
    expect(description.samples).toBe(samples)
    const whole = await readFiles([file], 64)
    for (const { name: array, dims } of description.arrays) expect(whole.get(array)?.dims).toEqual(dims)
  })

  test('the cases of scores have their arrays', async () => {
    const arraysOf = async (name: string) => {
      const { arrays, unusable } = await describeDataset([{ name, path: `${sharedDirectory}/cases/scores/${name}` }])
      return { arrays: Object.fromEntries(arrays.map(({ name, dtype, dims }) => [name, `${dtype} ${dims}`])), unusable }
    }
    expect(await arraysOf('descr-float32.npz')).toEqual({ arrays: { x: 'float32 60,3', y: 'int64 60' } })
    expect(await arraysOf('keras-like.npz')).toEqual({
      arrays: { x_train: 'float32 60,3', y_train: 'int64 60', x_test: 'float32 20,3', y_test: 'int64 20' },
    })
  })

  test('every case of the ONNX backend tests', async () => {
    const backend = `${sharedDirectory}/fixtures/onnx-backend`
    for (const model of readdirSync(backend)) {
      const directory = 'test_data_set_0'
      const files = readdirSync(`${backend}/${model}/${directory}`).map(name => ({
        name: `${directory}/${name}`,
        path: `${backend}/${model}/${directory}/${name}`,
      }))
      const { kind, samples, arrays } = await describeDataset(files)
      expect({ kind, samples }).toEqual({ kind: 'testDataSet', samples: 1 })
      const whole = await readFiles(files, 1)
      expect(arrays.map(({ name }) => name)).toEqual(['input_0', 'output_0'])
      for (const { name, dtype, dims } of arrays) expect(whole.get(name)).toMatchObject({ dtype, dims })
    }
  })
})
