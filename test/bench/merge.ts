import { join } from 'node:path'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { planMemory } from '../../src/merge/plan-memory.ts'
import { simdEngine } from '../../src/tensor/simd-engine.ts'
import { typedArrayEngine } from '../../src/tensor/sum-engine.ts'
import { dataLocation, writeLargeModel } from '../large/large-model.ts'
import { durableFloor, floor } from './floors.ts'
import type { Bench, Comparison, Contestant } from './harness.ts'
import { kernelComparisons } from './kernel.ts'
import type { MergeOrder } from './merge-process.ts'
import { mergingProcess } from './merging-process.ts'
import { oneThreadMerge } from './one-thread-merge.ts'
import { pythonAverage } from './python-average.ts'
import { type BenchDtype, writeResnetModels } from './resnet-models.ts'

type Models = () => Promise<MergeOrder['models']>
const largeBytes = 2_200_000_000

/** A merge of files beside what people write for it, and beside what reading, writing and hashing cost by themselves. */
export const mergeBench: Bench = {
  name: 'merge',
  async open(workspace, signal) {
    const merge = mergingProcess(signal)
    const resnets = (count: number, dtype: BenchDtype): Models =>
      once(async () => (await writeResnetModels(workspace, count, dtype)).map(path => ({ path, data: [], weight: 1 })))
    const four = resnets(4, 'float32')
    const paths = (models: Models) => async () => (await models()).map(({ path }) => path)
    const contestant = (label: string, models: Models, durable: boolean): Contestant => ({
      name: `Tureen${label}`,
      description: 'a merge in warm threads, with indexing, matching and sha256, as a job makes it',
      inputs: async () => (await models()).flatMap(({ path, data }) => [path, ...data.map(({ path }) => path)]),
      run: async () =>
        merge({ models: await models(), settings: defaultSettings, output: join(workspace, 'soup.onnx'), durable }),
    })
    const floorOf = (label: string, files: () => Promise<readonly string[]>) => () =>
      floor({ name: `the floor${label}`, files, workspace, signal })
    const againstFloor = (row: string, what: string, models: Models): Comparison => {
      const label = `, ${row.slice('merge/'.length)}`
      return { row, what, ours: contestant(label, models, false), baseline: floorOf(label, paths(models)) }
    }

    const what = 'the mean of 4 models of 102 MB in float32, result hashed, no fsync'
    const ours = contestant('', four, false)
    const python = once(() => pythonAverage('', paths(four), workspace, signal))
    const halves = resnets(4, 'float16')
    const inHalves = contestant(', float16', halves, false)
    const large: Models = once(() =>
      Promise.all(
        [1, 2].map(async seed => {
          const { main, data } = await writeLargeModel(workspace, `large-${seed}`, largeBytes, seed)
          return { path: main, data: [{ location: dataLocation, path: data }], weight: 1 }
        }),
      ),
    )
    const largeData = async () => (await large()).flatMap(({ data }) => data.map(({ path }) => path))
    const external = contestant(', external', large, false)
    const durable = contestant(', fsync', four, true)
    const comparisons: Comparison[] = [
      { row: 'merge/python', what, ours, baseline: python, target: 1 / 8 },
      { row: 'merge/python-memory', what, of: 'peak MiB', ours, baseline: python, target: 1 / 4 },
      { row: 'merge/floor', what, ours, baseline: floorOf('', paths(four)), target: 2 },
      {
        row: 'merge/typed-arrays',
        what: 'the same by one thread, with sha256, the SIMD kernel beside plain loops',
        ours: oneThreadMerge('one thread, SIMD', four, workspace, planMemory(simdEngine() ?? typedArrayEngine())),
        baseline: () => oneThreadMerge('one thread, typed arrays', four, workspace, planMemory(typedArrayEngine())),
      },
      {
        row: 'merge/fsync',
        what: `${what.replace(', no fsync', '')}, flushed to the disk`,
        ours: durable,
        baseline: () => durableFloor({ name: 'the durable floor', files: paths(four), workspace, signal }),
        target: 1.5,
      },
      {
        row: 'merge/float16-python',
        what: 'the mean of 4 models of 51 MB in float16',
        ours: inHalves,
        baseline: () => pythonAverage(', float16', paths(halves), workspace, signal),
      },
      {
        row: 'merge/float16',
        what: 'the mean of 4 models of 51 MB in float16',
        ours: inHalves,
        baseline: floorOf(', float16', paths(halves)),
      },
      againstFloor('merge/bfloat16', 'the mean of 4 models of 51 MB in bfloat16', resnets(4, 'bfloat16')),
      againstFloor('merge/models-2', 'the mean of 2 models of 102 MB in float32', resnets(2, 'float32')),
      againstFloor('merge/models-8', 'the mean of 8 models of 102 MB in float32', resnets(8, 'float32')),
      againstFloor('merge/models-32', 'the mean of 32 models of 102 MB in float32', resnets(32, 'float32')),
      {
        row: 'merge/external',
        what: 'the mean of 2 models of 2.2 GB in float32, their weights in files beside them',
        ours: external,
        baseline: floorOf(', external', largeData),
      },
      ...kernelComparisons(),
    ]
    return {
      about: ["merge: models with ResNet-50's shapes, made by test/bench/resnet-models.ts; test/large/large-model.ts"],
      comparisons,
      findings: () => [],
    }
  },
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => {
    made ??= make()
    return made
  }
}
