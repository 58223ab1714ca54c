import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEvaluator } from '../../src/evaluate/evaluator-process.ts'
import { chooseIsolation, isolationLevels } from '../../src/evaluate/isolation/choose-isolation.ts'
import type { EvaluationTask } from '../../src/evaluate/protocol.ts'
import { endlessLoop, identityModel, sixteenGibibytes } from '../support/hostile-models.ts'
import { npz } from '../support/npz.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const at = (name: string) => join(directory.path, name)
beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
  await mkdir(at('evaluator'))
  const array = (...data: number[]) => ({ descr: '<f4', shape: [3, 1], data: Float32Array.of(...data) })
  await writeFile(at('data'), npz({ x: array(1, 2, 3), y: array(2, 3, 4) }))
  await writeFile(at('identity'), identityModel())
  await writeFile(at('endless'), endlessLoop())
  await writeFile(at('large'), sixteenGibibytes())
})
afterAll(() => directory.remove())

const taskOf = (model: string): EvaluationTask => ({
  model: { path: at(model), data: [] },
  dataset: { files: [{ name: 'data.npz', path: at('data') }] },
  binding: {
    inputs: [{ input: 'x', dtype: 'float32', array: 'x', feeding: 'batch' }],
    target: 'y',
    output: 'y',
    references: [],
    batchSize: 3,
    fixed: false,
  },
  metrics: [{ kind: 'registered', name: 'mse', metric: 'mse', parameters: {} }],
  limit: null,
  threads: 1,
  targets: 3,
})

test.for(isolationLevels)(
  'models run at the level %s, and their bounds hold, where it can be had',
  async (level, { skip }) => {
    const { isolation, refused, start, close } = await chooseIsolation(at('evaluator'), [level, 'limits'])
    const run = async (model: string, seconds = 60) => {
      const limits = { seconds, memoryBytes: 2 ** 29, threads: 1 }
      const evaluator = await startEvaluator(at('evaluator'), limits, start)
      const outcome = await evaluator
        .evaluate(taskOf(model), new AbortController().signal, () => undefined)
        .then(
          ({ metrics }) => metrics[0]?.value,
          error => error.code,
        )
      await evaluator.end()
      return outcome
    }
    try {
      if (isolation.level !== level) return skip(refused.map(({ reason }) => reason).join('; '))
      // Every output is one less than its target.
      expect(await run('identity')).toBe(1)
      expect(await run('endless', 2)).toBe('TUREEN_EVALUATION_TIMEOUT')
      expect(await run('large')).toBe('TUREEN_EVALUATION_MEMORY')
    } finally {
      close()
    }
  },
)
