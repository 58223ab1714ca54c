import { describe, expect, test } from 'vitest'
import { checkpointFormat, mayBeginCheckpoint } from '../../src/checkpoint/recognise.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { checkpointBytes } from '../support/checkpoints.ts'
import { linearModel } from '../support/onnx-model.ts'
import { zipOf } from '../support/stored-zip.ts'

const formatOf = (bytes: Uint8Array) => checkpointFormat(memorySource(bytes))
const mayBegin = (bytes: Uint8Array) => mayBeginCheckpoint(memorySource(bytes))

describe('the format of a file', () => {
  test.each([
    ['step1.safetensors', 'safetensors'],
    ['model.safetensors.index.json', 'safetensors-index'],
    ['epoch1.pt', 'torch'],
    ['protocol4.pt', 'torch'],
    ['script.pt', null],
    ['before-1.6.pt', null],
  ])('of %s is %s', (name, format) => {
    expect(formatOf(checkpointBytes(name))).toBe(format)
  })

  test('of an ONNX model is none, even if its ninth byte begins an object', () => {
    expect(formatOf(linearModel([1, 2, 3, 4], [1, 2]))).toBeNull()
    const named = linearModel([1, 2, 3, 4], [1, 2], model => {
      model.producerName = `${'x'.repeat(4)}{"a": {}}`
    })
    expect(Buffer.from(named).toString('latin1', 8, 10)).toBe('{"')
    expect(formatOf(named)).toBeNull()
  })

  test('of another zip file or JSON text is none', () => {
    expect(formatOf(zipOf({ 'model.onnx': Buffer.alloc(1) }))).toBeNull()
    expect(formatOf(Buffer.from('{"model_type": "bert"}'))).toBeNull()
  })
})

test('the beginning of a checkpoint is recognised before the rest has arrived', () => {
  for (const [name, bytes] of [
    ['step1.safetensors', 60],
    ['model.safetensors.index.json', 150],
    ['epoch1.pt', 100],
  ] as const)
    expect(mayBegin(checkpointBytes(name).subarray(0, bytes)), name).toBe(true)
  expect(mayBegin(zipOf({ 'a.npy': Buffer.alloc(100) }).subarray(0, 100))).toBe(false)
  expect(mayBegin(linearModel([1, 2, 3, 4], [1, 2]))).toBe(false)
})
