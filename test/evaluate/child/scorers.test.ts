import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startScorers } from '../../../src/evaluate/child/scorers.ts'
import type { MetricTask } from '../../../src/evaluate/protocol.ts'
import { elementType } from '../../support/onnx-model.ts'

const { ModelProto } = onnxProto.onnx

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tureen-scorers-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** |output - target| as an ONNX model: for each sample, or its mean over the batch. */
async function differenceModel(result: 'perSample' | 'perBatch'): Promise<MetricTask> {
  const value = (name: string, dims: string[]) => ({
    name,
    type: { tensorType: { elemType: elementType.float32, shape: { dim: dims.map(dimParam => ({ dimParam })) } } },
  })
  const model = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'difference',
      node: [
        { opType: 'Sub', input: ['output', 'target'], output: ['difference'] },
        { opType: 'Abs', input: ['difference'], output: ['perSample'] },
        {
          opType: 'ReduceMean',
          input: ['perSample'],
          output: ['perBatch'],
          attribute: [{ name: 'keepdims', type: 2, i: 0 }],
        },
      ],
      input: [value('output', ['n']), value('target', ['n'])],
      output: [value(result, result === 'perSample' ? ['n'] : [])],
    },
  }
  const path = join(directory, `${result}.onnx`)
  await writeFile(path, ModelProto.encode(ModelProto.create(model)).finish())
  return { kind: 'model', name: 'mine', model: { path, data: [] } }
}

const batch = (output: number[], target: number[]) => ({
  output: { dims: [output.length], data: output },
  target: { dims: [target.length], data: target },
})
const first = batch([1, 2, 3], [1, 4, 3])
const last = batch([5], [1])

async function scored(task: MetricTask, options?: { keep: boolean }) {
  const [scorer] = await startScorers([task], 1, options)
  if (!scorer) throw new RangeError('no metric was started')
  await scorer.add(first, 3)
  await scorer.add(last, 1)
  expect((await scorer.finish()).value).toBeCloseTo(1.5, 6)
  return scorer
}

const counts = Uint32Array.of(0, 3, 0, 1)

describe.each<[string, () => Promise<MetricTask>]>([
  ['a metric of the registry', async () => ({ kind: 'registered', name: 'mine', metric: 'mae', parameters: {} })],
  ['a model that returns a number per sample', () => differenceModel('perSample')],
])('%s', (_, task) => {
  test('can be resampled if its samples are kept', async () => {
    const scorer = await scored(await task(), { keep: true })
    const { resampled } = scorer
    expect(scorer.samples).toBe(4)
    expect(resampled?.(counts)).toBe(2.5)
    expect(resampled?.(new Uint32Array(4).fill(1))).toBe(1.5)
    expect(resampled?.(new Uint32Array(4))).toBeNaN()
    expect(() => resampled?.(new Uint32Array(3))).toThrow(RangeError)
  })

  test('keeps nothing otherwise', async () => {
    expect(await scored(await task())).toMatchObject({ samples: 0, resampled: null })
    expect(await scored(await task(), { keep: false })).toMatchObject({ samples: 0, resampled: null })
  })
})

test('a model that returns one number per batch cannot be resampled', async () => {
  expect(await scored(await differenceModel('perBatch'), { keep: true })).toMatchObject({ resampled: null })
})
