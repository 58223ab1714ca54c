import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { asTureenError, type Problem } from '../../src/errors.ts'
import { createEvaluatorPool, type EvaluatorPool } from '../../src/evaluate/evaluator-pool.ts'
import { type EvaluatorLimits, type EvaluatorProcess, startEvaluator } from '../../src/evaluate/evaluator-process.ts'
import { startPlain } from '../../src/evaluate/isolation/plain-process.ts'
import { clearJobDirectories } from '../../src/evaluate/job-directory.ts'
import type { EvaluationOutcome, EvaluationTask } from '../../src/evaluate/protocol.ts'
import { hostileScript } from './hostile-script.ts'
import { watchLoop } from './processor-time.ts'
import { temporaryDirectory } from './server.ts'

/** The outcome or the problem of a task, and all progress that an evaluator reported. */
export type HostileAnswer = { found: EvaluationOutcome | Problem; progress: [done: number, total: number][] }

/** Scripts in the place of the evaluator, as a model that has taken it over could act. They are started as the evaluator is. */
export type HostileEvaluators = {
  /** A task for them. They read no file of it. */
  readonly task: EvaluationTask
  /** Lets evaluators that start from now on act like this. @param isReady false if they do not say first that they take tasks */
  act(code: string, isReady?: boolean): Promise<void>
  start(changed?: Partial<EvaluatorLimits>): Promise<EvaluatorProcess>
  /** Returns a pool without evaluators. Pools keep evaluators warm, which go on as they began. */
  createPool(): Promise<EvaluatorPool>
  /** Asks an evaluator that acts like this. */
  ask(code: string): Promise<HostileAnswer>
  /** Asks an evaluator that acts like this. Expects that it fails its task as one that has crashed, and costs this process little. */
  expectCrash(code: string, detail?: string | RegExp): Promise<void>
  /** Expects that no evaluator and none of their files is left. */
  expectNothingLeft(): Promise<void>
  remove(): Promise<void>
}

const limits = { seconds: 30, memoryBytes: 2 ** 30, threads: 1 }
const mostMemory = 150 * 2 ** 20
const mostStall = 150

/** Runs something, and expects that it takes little memory of this process and never blocks its event loop for long. */
export async function expectLittleCost<Result>(run: () => Promise<Result>): Promise<Result> {
  const before = process.memoryUsage.rss()
  let memory = 0
  const loop = watchLoop(() => {
    memory = Math.max(memory, process.memoryUsage.rss() - before)
  })
  const result = await run()
  const stall = loop.longest()
  loop.stop()
  expect(memory).toBeLessThan(mostMemory)
  expect(stall).toBeLessThan(mostStall)
  return result
}

export async function hostileEvaluators(): Promise<HostileEvaluators> {
  const directory = await temporaryDirectory()
  const path = (name: string) => join(directory.path, name)
  await writeFile(path('model'), '')
  await mkdir(path('evaluator'))
  const task: EvaluationTask = {
    model: { path: path('model'), data: [] },
    dataset: { files: [] },
    binding: { inputs: [], target: 'y', output: 'y', references: [], batchSize: 1, fixed: false },
    metrics: [{ kind: 'registered', name: 'mse', metric: 'mse', parameters: {} }],
    limit: null,
    threads: 1,
    targets: 3,
  }
  let living = 0
  const observer = {
    evaluatorStarted: () => {
      living += 1
    },
    evaluatorEnded: () => {
      living -= 1
    },
  }
  let scripts = 0
  let script = ''
  const act: HostileEvaluators['act'] = async (code, isReady = true) => {
    script = path(`script-${scripts}.mjs`)
    scripts += 1
    await writeFile(script, hostileScript(`${isReady ? "frame('ready')" : ''}\n${code}`))
  }
  const startScript: typeof startEvaluator = (parent, given) =>
    startEvaluator(parent, given, start => startPlain({ ...start, script }))
  const createPool = async () => {
    const parent = path(`pool-${scripts}`)
    await clearJobDirectories(parent)
    return createEvaluatorPool(parent, limits, observer, startScript)
  }
  const ask: HostileEvaluators['ask'] = async code => {
    await act(code)
    const pool = await createPool()
    const progress: [number, number][] = []
    const lease = pool.lease()
    const answered = lease.evaluate(task, new AbortController().signal, (...each) => progress.push(each))
    const found = await answered.catch(error => asTureenError(error).toProblem())
    await lease.end()
    await pool.close()
    return { found, progress }
  }
  return {
    task,
    act,
    start: changed => startScript(path('evaluator'), { ...limits, ...changed }),
    createPool,
    ask,
    async expectCrash(code, detail = /.{20}/) {
      const { found, progress } = await expectLittleCost(() => ask(code))
      expect(found).toMatchObject({
        code: 'TUREEN_EVALUATION_CRASHED',
        detail: expect.stringMatching(detail),
        errors: [{ message: 'the evaluator died while it ran the model' }],
      })
      expect(progress).toEqual([])
    },
    async expectNothingLeft() {
      await vi.waitFor(() => expect(living).toBe(0), 10_000)
      const left = async () =>
        (await readdir(directory.path, { recursive: true, withFileTypes: true })).filter(
          ({ parentPath }) => parentPath !== directory.path,
        )
      // Closing a pool waits for the files of its jobs.
      const files = (await left()).filter(entry => entry.isFile() && entry.parentPath.includes('/pool-'))
      expect(files).toEqual([])
      // One that was never ready, or was a spare of a closed pool, may have its directory for a moment longer.
      await vi.waitFor(async () => expect(await left()).toEqual([]), 10_000)
    },
    remove: directory.remove,
  }
}
