import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { createEvaluatorPool } from '../../src/evaluate/evaluator-pool.ts'
import { type EvaluatorProcess, startEvaluator } from '../../src/evaluate/evaluator-process.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  task.model.path = `${directory.path}/model`
  await writeFile(task.model.path, '')
})
afterAll(() => directory.remove())

const limits = { seconds: 60, memoryBytes: 2 ** 30, threads: 1 }
const observer = { evaluatorStarted: () => undefined, evaluatorEnded: () => undefined }
const notStarted = () =>
  new TureenError('TUREEN_EVALUATOR_UNAVAILABLE', 'It was not ready in time.', [
    { actual: 'not ready', message: 'it was not ready in time' },
  ])
const task = {
  model: { path: '', data: [] },
  dataset: { files: [] },
  binding: { inputs: [], target: null, output: 'y', references: [], batchSize: 1, fixed: false },
  metrics: [],
  limit: null,
  threads: 1,
  targets: 0,
}

/** A child that answers at once, without a process. */
function readyChild(): EvaluatorProcess & { ended: boolean } {
  const child = {
    pid: 0,
    alive: true,
    ended: false,
    gone: new Promise<null>(() => undefined),
    busyMilliseconds: 0,
    evaluate: async () => ({
      metrics: [],
      samples: 1,
      notANumber: 0,
      seconds: 0,
      latency: { median: 0, p95: 0 },
    }),
    score: () => Promise.reject(new Error('not asked')),
    compare: () => Promise.reject(new Error('not asked')),
    tellMistakes: () => Promise.reject(new Error('not asked')),
    measure: () => Promise.reject(new Error('not asked')),
    end: async () => {
      child.ended = true
    },
  }
  return child
}

/** A child that ends when it is asked, before it has taken the task. */
function dyingChild(): ReturnType<typeof readyChild> {
  return { ...readyChild(), evaluate: () => Promise.reject(notStarted()) }
}

type Starting = () => Promise<EvaluatorProcess>
const poolOf = (start: Starting) => createEvaluatorPool(`${directory.path}/evaluator`, limits, observer, start)
const signal = new AbortController().signal

test('an evaluator that was not ready in time is started again, and the model runs', async () => {
  let starts = 0
  const pool = poolOf(async () => {
    starts += 1
    if (starts < 3) throw notStarted()
    return readyChild()
  })
  const lease = pool.lease()
  expect(await lease.evaluate(task, signal, () => undefined)).toMatchObject({ samples: 1 })
  expect(starts).toBe(3)
  pool.close()
})

test('after three attempts the machine is blamed and not the model', async () => {
  let starts = 0
  const pool = poolOf(async () => {
    starts += 1
    throw notStarted()
  })
  const evaluated = pool.lease().evaluate(task, signal, () => undefined)
  await expect(evaluated).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE', status: 503 })
  expect(starts).toBe(3)
})

test('a task that was not taken goes to a new evaluator, and after three of them the machine is blamed', async () => {
  for (const deaths of [2, 3]) {
    const children: ReturnType<typeof readyChild>[] = []
    const pool = poolOf(async () => {
      children.push(children.length < deaths ? dyingChild() : readyChild())
      return children.at(-1) ?? readyChild()
    })
    const evaluated = pool.lease().evaluate(task, signal, () => undefined)
    if (deaths < 3) expect(await evaluated).toMatchObject({ samples: 1 })
    else await expect(evaluated).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE', status: 503 })
    expect(children).toHaveLength(3)
    pool.close()
  }
})

test('an evaluator that is killed as it is asked has not had the model', async () => {
  const pool = directory.path
  for (const kill of [
    (pid: number) => process.kill(pid, 'SIGKILL'),
    (pid: number) => process.kill(pid, 'SIGSTOP') && setTimeout(() => process.kill(pid, 'SIGKILL'), 200),
  ]) {
    const child = await startEvaluator(pool, limits)
    kill(child.pid)
    const evaluated = child.evaluate(task, signal, () => undefined)
    await expect(evaluated).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
    expect(await child.gone).toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
    const again = child.evaluate(task, signal, () => undefined)
    await expect(again).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
  }
})

test('a job that is cancelled while its evaluator starts lets go at once, and the late evaluator is ended', async () => {
  const { promise, resolve } = Promise.withResolvers<EvaluatorProcess>()
  const started = Promise.withResolvers<void>()
  const pool = poolOf(() => {
    started.resolve()
    return promise
  })
  const cancelling = new AbortController()
  const evaluated = pool.lease().evaluate(task, cancelling.signal, () => undefined)
  await started.promise
  cancelling.abort(new Error('cancelled'))
  await expect(evaluated).rejects.toThrow('cancelled')
  const late = readyChild()
  resolve(late)
  await promise
  await new Promise(setImmediate)
  expect(late.ended).toBe(true)
})

test('a child that ends before it is ready has not run a model', async () => {
  // A directory that does not exist: the process cannot get its own in it.
  const started = startEvaluator(`${directory.path}/missing`, limits)
  await expect(started).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
})
