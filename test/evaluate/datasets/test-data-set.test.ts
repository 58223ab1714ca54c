import onnxProto, { type onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { openDataset } from '../../../src/evaluate/datasets/dataset.ts'
import { describeDataset } from '../../../src/evaluate/datasets/describe-dataset.ts'
import { elementType } from '../../support/onnx-model.ts'
import { account, type Expected, expectedTensor, fixture, readFiles } from './dataset-fixtures.ts'
import { temporaryFiles } from './temporary-files.ts'

const { TensorProto } = onnxProto.onnx
const file = temporaryFiles()
const tensor = (properties: onnx.ITensorProto, name = 'input_0.pb') =>
  file(name, Uint8Array.from(TensorProto.encode(TensorProto.create(properties)).finish()))
const malformed = (message: RegExp) => ({ code: 'TUREEN_DATASET_MALFORMED', message: expect.stringMatching(message) })
const unsupported = (message: RegExp) => ({
  code: 'TUREEN_DATASET_UNSUPPORTED',
  message: expect.stringMatching(message),
})

const numpyTypes = ['b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'bfloat16']
const tensors = [
  ...numpyTypes.flatMap(type => [`tensors/raw-${type}.pb`, `tensors/typed-${type}.pb`]),
  'tensors/strings.pb',
  'tensors/scalar.pb',
  'tensors/nothing.pb',
]

describe('serialised tensors hold what NumPy says they hold', () => {
  test.each(tensors)('%s', async name => {
    const { tensorName, ...expected } = expectedTensor(name)
    const files = [fixture(name, 'input_0.pb')]
    expect(await readFiles(files, 1)).toEqual(new Map([['input_0', expected]]))
    const { dtype, dims } = expected
    const array = { name: 'input_0', dtype, dims, ...(tensorName === '' ? {} : { tensorName }) }
    expect(await describeDataset(files)).toEqual({ kind: 'testDataSet', samples: 1, arrays: [array] })
  })
})

const parts = ['output_0.pb', 'input_1.pb', 'input_0.pb']
/** As a shell lists them, with a tenth case before the second; under Windows with its own slashes. */
const cases = [
  ...parts.map(part => fixture(`cases/test_data_set_1/${part}`, `model\\test_data_set_10\\${part}`)),
  ...parts.map(part => fixture(`cases/test_data_set_0/${part}`, `model/test_data_set_2/${part}`)),
]

describe('cases', () => {
  test('are ordered by their numbers, and described by the first', async () => {
    expect(await describeDataset(cases)).toEqual({
      kind: 'testDataSet',
      samples: 2,
      arrays: [
        { name: 'input_0', dtype: 'float32', dims: [2, 2], tensorName: 'x' },
        { name: 'input_1', dtype: 'int64', dims: [], tensorName: 'n' },
        { name: 'output_0', dtype: 'float32', dims: [2, 2], tensorName: 'y' },
      ],
    })
  })

  test.each([
    ['held in memory', undefined],
    ['read as needed', 0],
  ])('come one by one, whole, whatever the batch size: %s', async (_, memoryBytes) => {
    const dataset = await openDataset(cases, memoryBytes === undefined ? {} : { memoryBytes })
    for (let round = 0; round < 2; round += 1) {
      const found: Expected[] = []
      for await (const { samples, values } of dataset.batches(['output_0', 'input_1'], 64)) {
        expect(samples).toBe(1)
        expect([...values.keys()]).toEqual(['output_0', 'input_1'])
        for (const value of values.values()) found.push(account(value))
      }
      const expected = [0, 1].flatMap(number =>
        ['output_0', 'input_1'].map(array => expectedTensor(`cases/test_data_set_${number}/${array}.pb`)),
      )
      expect(found).toEqual(expected.map(({ tensorName, ...each }) => each))
    }
    for await (const { values } of dataset.batches(['input_1'], 1, 1)) {
      expect(values.get('input_1')?.data).toEqual(BigInt64Array.of(0n))
    }
    await expect(dataset.batches(['x'], 1).next()).rejects.toMatchObject({
      code: 'TUREEN_DATASET_MISMATCH',
      message: expect.stringMatching(/no array x\. It has: input_0, input_1, output_0/),
    })
    const { bytesRead } = dataset
    for await (const _ of dataset.batches(['output_0'], 1));
    expect(dataset.bytesRead > bytesRead).toBe(memoryBytes === 0)
    await dataset.close()
  })

  test.each<[string, { name: string; path: string }[], RegExp]>([
    ['one file twice', [...cases, ...cases.slice(0, 1)], /output_0\.pb is there twice.*directory of its own/],
    [
      'a case without a file',
      cases.slice(1),
      /model\/test_data_set_10 lacks output_0\.pb, which model\/test_data_set_2 has/,
    ],
    [
      'cases of different types',
      [fixture('tensors/raw-f4.pb', '0/input_0.pb'), fixture('tensors/raw-f8.pb', '1/input_0.pb')],
      /input_0 is float64 in 1 but float32/,
    ],
  ])('are refused: %s', async (_, files, message) => {
    await expect(describeDataset(files)).rejects.toMatchObject(malformed(message))
  })
})

describe('what is no tensor that can be read is refused', () => {
  test.each([
    ['sequence', /holds a sequence, a map or an optional value/],
    ['external', /are in another file/],
    ['complex', /is of complex64/],
  ])('%s', async (name, message) => {
    const files = [fixture(`tensors/refused-${name}.pb`, 'input_0.pb')]
    await expect(describeDataset(files)).rejects.toMatchObject(unsupported(message))
  })

  const { float32, uint8, int64, string } = elementType
  test.each<[string, onnx.ITensorProto, object]>([
    ['no type', { dims: [0] }, malformed(/no element type/)],
    [
      'too few raw bytes',
      { dataType: float32, dims: [2], rawData: new Uint8Array(4) },
      malformed(/takes 8 bytes, but holds 4/),
    ],
    ['too few floats', { dataType: float32, dims: [2], floatData: [1] }, malformed(/takes 2 values, but holds 1/)],
    ['too few integers', { dataType: uint8, dims: [2 ** 40], int32Data: [1] }, malformed(/holds fewer elements/)],
    ['too few wide integers', { dataType: int64, dims: [2], int64Data: [-1] }, malformed(/holds fewer values/)],
    ['too many integers', { dataType: int64, dims: [1], int64Data: [1, 2] }, malformed(/holds more values/)],
    ['too few strings', { dataType: string, dims: [2], stringData: [new Uint8Array(1)] }, malformed(/holds 1 strings/)],
    ['no elements', { dataType: float32, dims: [2] }, malformed(/holds no float_data/)],
    ['negative dims', { dataType: float32, dims: [-1] }, malformed(/negative dimension/)],
    ['endless dims', { dataType: float32, dims: [2 ** 40, 2 ** 40] }, malformed(/more elements than can be/)],
    [
      'text that is no text',
      { dataType: string, dims: [1], stringData: [Uint8Array.of(255)] },
      unsupported(/not UTF-8/),
    ],
    ['4-bit integers', { dataType: 22, dims: [2], rawData: new Uint8Array(1) }, unsupported(/int4/)],
  ])('%s', async (_, properties, error) => {
    await expect(describeDataset([tensor(properties)])).rejects.toMatchObject(error)
  })

  test('a model in place of a tensor', async () => {
    const bytes = onnxProto.onnx.ModelProto.encode({ irVersion: 8, producerName: 'p', opsetImport: [] }).finish()
    const error = malformed(
      /input_0\.pb cannot be read as a serialised TensorProto: Field 2 has wire type \d \(at byte 2\)\.$/,
    )
    await expect(describeDataset([file('input_0.pb', bytes)])).rejects.toMatchObject(error)
  })
})
