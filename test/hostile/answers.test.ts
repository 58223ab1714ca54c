import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { createEvaluatorPool } from '../../src/evaluate/evaluator-pool.ts'
import { startEvaluator } from '../../src/evaluate/evaluator-process.ts'
import { startPlain } from '../../src/evaluate/isolation/plain-process.ts'
import type { CandidateRange, EvaluationTask } from '../../src/evaluate/protocol.ts'
import { seededRandom } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'

/** Scripts in the place of the evaluator, as a model that has taken it over could act. The pool starts them as it starts the evaluator. */

const frames = pathToFileURL(join(projectRoot, 'src/evaluate/exchange/frames.ts')).href

/** Begins each script. `taken()` reads the task, as far as a pipe needs it, and says so. */
const beginning = `
import { closeSync, readSync, writeSync } from 'node:fs'
import { frameHead, frameKinds, messageBuffers } from ${JSON.stringify(frames)}
const bytes = value => (typeof value === 'string' ? Buffer.from(value) : value)
const write = (value, descriptor = 3) => {
  for (let rest = bytes(value); rest.byteLength > 0; ) rest = rest.subarray(writeSync(descriptor, rest))
}
const frame = (kind, payload = '') => {
  write(frameHead(frameKinds[kind], bytes(payload).byteLength))
  write(payload)
}
const json = (kind, value) => frame(kind, JSON.stringify(value))
const body = (text, bulk = '') => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes(text).byteLength)
  return Buffer.concat([length, bytes(text), bytes(bulk)])
}
const result = (text, bulk) => {
  for (const each of messageBuffers(frameKinds.result, body(text, bulk))) write(each)
}
const outcome = { metrics: [{ name: 'mse', value: 0.5, ignored: 0 }], samples: 3, notANumber: 0, seconds: 1, latency: { median: 1, p95: 2 } }
const answer = change => result(JSON.stringify({ type: 'evaluated', outcome: { ...outcome, ...change } }))
const score = change => answer({ metrics: [{ ...outcome.metrics[0], ...change }] })
const cause = { field: 'x', message: 'x' }
const problem = change => json('problem', { code: 'TUREEN_EVALUATION_FAILED', detail: 'x', errors: [cause], ...change })
const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
const taken = () => {
  readSync(0, Buffer.alloc(1 << 16))
  frame('taken')
}
frame('ready')
`

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let script: string
const task: EvaluationTask = {
  model: { path: '', data: [] },
  dataset: { key: 'none', files: [] },
  binding: { inputs: [], target: 'y', output: 'y', references: [], batchSize: 1, fixed: false },
  metrics: [{ kind: 'registered', name: 'mse', metric: 'mse', parameters: {} }],
  limit: null,
  threads: 1,
  targets: 3,
}
const limits = { seconds: 30, memoryBytes: 2 ** 30, threads: 1 }
let living = 0
const observer = {
  evaluatorStarted: () => {
    living += 1
  },
  evaluatorEnded: () => {
    living -= 1
  },
}
const startScript = (parent: string, given: typeof limits) =>
  startEvaluator(parent, given, start => startPlain({ ...start, script }))

beforeAll(async () => {
  directory = await temporaryDirectory()
  task.model.path = join(directory.path, 'model')
  await writeFile(task.model.path, '')
  await mkdir(join(directory.path, 'evaluator'))
})
afterAll(() => directory.remove())
afterEach(() => void vi.useRealTimers())

let scripts = 0
async function act(code: string): Promise<void> {
  script = join(directory.path, `script-${scripts}.mjs`)
  scripts += 1
  await writeFile(script, beginning + code)
}

/** Memory above that of the beginning, in bytes, and the longest block of the event loop, in milliseconds of the processor. */
type Cost = { memory: number; stall: number }

/** Runs something, and watches this process meanwhile. */
async function costOf(run: () => Promise<unknown>): Promise<Cost> {
  const before = process.memoryUsage.rss()
  const cost = { memory: 0, stall: 0 }
  let last = process.threadCpuUsage()
  const look = () => {
    const { user, system } = process.threadCpuUsage(last)
    cost.stall = Math.max(cost.stall, (user + system) / 1000)
    cost.memory = Math.max(cost.memory, process.memoryUsage.rss() - before)
    last = process.threadCpuUsage()
  }
  const watch = setInterval(look, 2)
  await run()
  look()
  clearInterval(watch)
  return cost
}

/** Asks an evaluator that acts like this. @returns the outcome or the problem, and all progress that it reported */
async function asked(code: string) {
  await act(code)
  // A pool of its own, since pools keep evaluators warm that would act as an earlier one.
  const pool = await createEvaluatorPool(join(directory.path, `pool-${scripts}`), limits, observer, startScript)
  const progress: [number, number][] = []
  const lease = pool.lease()
  const answered = lease.evaluate(task, new AbortController().signal, (...each) => progress.push(each))
  const found = await answered.catch(error => asTureenError(error).toProblem())
  await lease.end()
  await pool.close()
  return { found, progress }
}

const mostMemory = 150 * 2 ** 20
const mostStall = 150

async function expectCrash(code: string, detail: string | RegExp = /.{20}/): Promise<void> {
  let answered: Awaited<ReturnType<typeof asked>> | undefined
  const cost = await costOf(async () => {
    answered = await asked(code)
  })
  expect(answered?.found).toMatchObject({
    code: 'TUREEN_EVALUATION_CRASHED',
    detail: expect.stringMatching(detail),
    errors: [{ message: 'the evaluator died while it ran the model' }],
  })
  expect(answered?.progress).toEqual([])
  expect(cost.memory).toBeLessThan(mostMemory)
  expect(cost.stall).toBeLessThan(mostStall)
}

test('an evaluator that answers as it should is believed', async () => {
  const { found, progress } = await asked(`taken(); json('progress', [1, 3]); answer({ notANumber: 1 })`)
  expect(found).toEqual({
    metrics: [{ name: 'mse', value: 0.5, ignored: 0 }],
    samples: 3,
    notANumber: 1,
    seconds: 1,
    latency: { median: 1, p95: 2 },
  })
  expect(progress).toEqual([[1, 3]])
})

test.each([['NaN'], ['Infinity'], ['-Infinity'], ['-0']])('a score of %s arrives as it is', async value => {
  expect((await asked(`taken(); score({ value: '${value}' })`)).found).toMatchObject({
    metrics: [{ value: Number(value) }],
  })
})

test('a problem that an evaluator may report fails the task with it', async () => {
  const { found } = await asked(`taken(); problem({ detail: 'The model cannot be run.' })`)
  const errors = [{ field: 'x', message: 'x' }]
  expect(found).toEqual({ code: 'TUREEN_EVALUATION_FAILED', detail: 'The model cannot be run.', errors })
})

describe('an evaluator fails its task and nothing else if it writes', () => {
  test.each([
    ['null', `taken(); write('null\\n'); wait()`],
    ["a message of Node's own channel", `taken(); write('{"cmd":"NODE_HANDLE_ACK"}\\n'); wait()`],
    ['20 bytes of garbage', `taken(); write(Buffer.alloc(20, 0x9d)); wait()`],
    ['a length of 4 GiB', `taken(); write(Buffer.from([0xf0, 0xff, 0xff, 0xff, 5])); wait()`],
    ['a frame of 50 MB', `taken(); problem({ detail: 'x'.repeat(50e6) })`],
    ['a frame of an unknown kind', `taken(); write(Buffer.from([0, 0, 0, 0, 99])); wait()`],
    ['a part of no result', `taken(); frame('part', 'x'); wait()`],
    ['a task', `taken(); frame('task', 'x'); wait()`],
    ['an answer before the task', `answer(); wait()`],
    ['progress before the task', `json('progress', [1, 3]); wait()`],
    ['that it is ready once more', `taken(); frame('ready'); wait()`],
    ['that it has taken the task once more', `taken(); frame('taken'); wait()`],
    [
      'two answers',
      `taken(); write(Buffer.concat([...messageBuffers(frameKinds.result, body(JSON.stringify({ type: 'evaluated', outcome })))].flatMap(each => each).concat([frameHead(frameKinds.taken, 0)]))); wait()`,
    ],
    ['partial answers that nobody asked for', `taken(); json('partial', 1); wait()`],
  ])('%s', (_, code) => expectCrash(code))

  test.each([
    ['of another kind', `result(JSON.stringify({ type: 'compared', outcome }))`],
    ['of no kind', `result(JSON.stringify({ outcome }))`],
    ['that is null', `result('null')`],
    ['that is no JSON', `result('{')`],
    ['that is empty', `result('')`],
    ['of invalid UTF-8', `result(Buffer.from([0x22, 0xff, 0xfe, 0x22]))`],
    ['nested 100,000 deep', `result('['.repeat(1e5) + ']'.repeat(1e5))`],
    ['of a million values', `result('[' + '0,'.repeat(5e5) + '0]')`],
    ['with a key too many', `answer({ more: 1 })`],
    [
      'with __proto__',
      `result(JSON.stringify({ type: 'evaluated', outcome }).replace('{', '{"__proto__":{"samples":9},'))`,
    ],
    ['with bytes behind it', `result(JSON.stringify({ type: 'evaluated', outcome }), 'x')`],
    [
      'that is longer than it says',
      `write(Buffer.concat([frameHead(frameKinds.result, 4), Buffer.from([1, 0, 0, 0])])); frame('part', Buffer.from([9, 0, 0, 0, 1]))`,
    ],
    ['of no frame', `frame('result', Buffer.alloc(4))`],
    ['of 4 billion frames', `frame('result', Buffer.alloc(4, 0xff))`],
    ['of more bytes than it may have', `result('"' + 'x'.repeat(3 << 20) + '"')`],
    ['whose frames are others', `frame('result', Buffer.from([1, 0, 0, 0])); json('progress', [1, 3])`],
    ['with a score that is a text', `score({ value: '0.5' })`],
    ['with a score that is an object', `score({ value: { valueOf: 1 } })`],
    ['with a score that is null', `score({ value: null })`],
    ['with too few scores', `answer({ metrics: [] })`],
    ['with too many scores', `answer({ metrics: Array(1000).fill(outcome.metrics[0]) })`],
    ['of another metric', `score({ name: 'mae' })`],
    ['with classes that are none', `score({ perClass: [{ class: {}, value: 1, support: 1 }] })`],
    ['with a count below 0', `answer({ samples: -1 })`],
    ['with a count that is none', `answer({ samples: 0.5 })`],
    [
      'with a count beyond all integers',
      `result(JSON.stringify({ type: 'evaluated', outcome }).replace('"samples":3', '"samples":1e300'))`,
    ],
    ['with an infinity', `result(JSON.stringify({ type: 'evaluated', outcome }).replace('0.5', '1e999'))`],
    ['with a time below 0', `answer({ seconds: -1 })`],
  ])('a result %s', (_, code) => expectCrash(`taken(); ${code}; wait()`))

  test.each([
    ['no JSON', `frame('problem', 'x')`],
    ['an unknown code', `problem({ code: 'TUREEN_NOTHING' })`],
    ["a code of the server's", `problem({ code: 'TUREEN_STORE_FULL' })`],
    ['the code that makes the task run again', `problem({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })`],
    ['the name of a property as its code', `problem({ code: 'constructor' })`],
    ['no detail', `problem({ detail: undefined })`],
    ['a detail of 900 kB', `problem({ detail: 'x'.repeat(9e5) })`],
    ['100,000 causes', `problem({ errors: Array(1e4).fill(cause) })`],
    ['a cause of 100 kB', `problem({ errors: [{ ...cause, field: 'x'.repeat(1e5) }] })`],
    ['a cause without a place', `problem({ errors: [{ message: 'x' }] })`],
    ['a cause with an unknown place', `problem({ errors: [{ ...cause, path: 'x' }] })`],
    [
      '__proto__ in a cause',
      `frame('problem', '{"code":"TUREEN_EVALUATION_FAILED","detail":"x","errors":[{"message":"x","__proto__":"x"}]}')`,
    ],
  ])('a problem with %s', (_, code) => expectCrash(`taken(); ${code}; wait()`))

  test.each([
    ['below 0', '[-1, 3]'],
    ['of 1e308', '[1e308, 1e308]'],
    ['beyond the total', '[4, 3]'],
    ['in parts of samples', '[0.5, 3]'],
    ['that is a text', '["1", 3]'],
    ['that is an object', '{"done":1,"total":3}'],
    ['without a total', '[1]'],
    ['that is endless', `[${'1,'.repeat(100_000)}1]`],
  ])('progress %s', (_, text) => expectCrash(`taken(); frame('progress', ${JSON.stringify(text)}); wait()`))
})

test('a flood of progress that is valid ends with the evaluator, and few reports arrive', async () => {
  let flooded: Awaited<ReturnType<typeof asked>> | undefined
  const cost = await costOf(async () => {
    flooded = await asked(`taken(); for (let done = 0; ; done += 1) json('progress', [done, 2 ** 50])`)
  })
  expect(flooded?.found).toMatchObject({
    code: 'TUREEN_EVALUATION_CRASHED',
    detail: expect.stringContaining('more often'),
  })
  expect(flooded?.progress.length).toBeLessThan(100)
  expect(cost.memory).toBeLessThan(mostMemory)
  expect(cost.stall).toBeLessThan(mostStall)
})

test('random bytes end the evaluator or its task, whatever they are', async () => {
  for (let seed = 0; seed < randomCases(24); seed += 1) {
    const { integer, pick } = seededRandom(seed)
    const random = Buffer.from(Array.from({ length: integer(1, 400) }, () => integer(0, 255)))
    // Half of them begin as a frame of a known kind that fits them.
    const head = pick([[], [random.byteLength, random.byteLength >> 8, 0, 0, integer(1, 8)]])
    const base64 = Buffer.concat([Buffer.from(head), random]).toString('base64')
    const { found } = await asked(`taken(); write(Buffer.from('${base64}', 'base64')); process.exit(3)`)
    expect(found, `seed ${seed}`).toMatchObject({ code: 'TUREEN_EVALUATION_CRASHED' })
  }
})

describe('an evaluator that', () => {
  test('ends without an answer has crashed, whatever its exit code', async () => {
    await expectCrash(`taken(); process.exit(0)`, 'ended with exit code 0')
    await expectCrash(`taken(); process.exit(7)`, 'ended with exit code 7')
  })

  test('closes its pipes and stays has crashed', async () => {
    await expectCrash(`taken(); closeSync(3); wait()`, 'closed its pipe')
    await expectCrash(`taken(); closeSync(0); closeSync(2); closeSync(3); wait()`, 'closed its pipe')
  })

  test('ends inside a frame has crashed', () =>
    expectCrash(`taken(); write(frameHead(frameKinds.result, 4)); process.exit(1)`, 'ended with exit code 1'))

  test('writes 100 MB to standard error has its last line quoted, and costs the server nothing', () =>
    expectCrash(
      `taken(); for (let line = 0; line < 1600; line += 1) write('x'.repeat(65535) + '\\n', 2)
       write('\\u001b[31mthe \\u0007last line\\u202e' + 'y'.repeat(1000) + '\\n', 2); process.exit(1)`,
      /\( ?\[31mthe last line y{100,300}\.\.\. \(\d+ characters\)\)/,
    ))

  test.each(['std::bad_alloc', 'out of memory', 'Array buffer allocation failed'])(
    'writes "%s" to standard error makes it no lack of memory',
    words => expectCrash(`taken(); write('${words}\\n', 2); process.kill(process.pid, 'SIGABRT'); wait()`, words),
  )

  test('does not end its result runs out of time', async () => {
    await act(`taken(); frame('result', Buffer.from([2, 0, 0, 0])); frame('part', 'x'); wait()`)
    const child = await startScript(join(directory.path, 'evaluator'), { ...limits, seconds: 1 })
    const answered = child.evaluate(task, new AbortController().signal, () => undefined)
    await expect(answered).rejects.toMatchObject({ code: 'TUREEN_EVALUATION_TIMEOUT' })
    expect((await child.gone)?.code).toBe('TUREEN_EVALUATION_TIMEOUT')
  })

  test('never reads its task has not taken it', async () => {
    await act(`wait()`)
    const child = await startScript(join(directory.path, 'evaluator'), limits)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const large = { ...task, metrics: task.metrics.map(metric => ({ ...metric, name: 'x'.repeat(4 << 20) })) }
    const answered = child.evaluate(large, new AbortController().signal, () => undefined)
    answered.catch(() => undefined)
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0))
    vi.advanceTimersByTime(21_000)
    await expect(answered).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
  })

  test.each([`write('null')`, `answer()`, `closeSync(3); wait()`])(
    'does %s before it is ready is not available',
    async code => {
      await mkdir(join(directory.path, 'early'), { recursive: true })
      await act(code)
      await writeFile(script, (beginning + code).replace(`frame('ready')`, ''))
      const started = startScript(join(directory.path, 'early'), limits)
      await expect(started).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
    },
  )
})

describe('an evaluator that scores a range of candidates', () => {
  const range: CandidateRange = {
    ...task,
    models: [task.model, task.model, task.model],
    soups: {
      inputs: [],
      plans: new Map(),
      settings: {
        method: 'linear',
        parameters: {},
        normalize: true,
        rules: [],
        nonFloat: 'error',
        provenance: false,
        usesBase: false,
      },
      calibration: null,
    },
    metric: { kind: 'registered', name: 'mse', metric: 'mse', parameters: {} },
    milliseconds: 1000,
    readyBytes: 0,
  }
  /** Scores the range with an evaluator that acts like this. @returns the outcomes so far, and the problem */
  const scored = async (code: string, seconds = limits.seconds) => {
    await act(`const partial = change => json('partial', { type: 'evaluated', outcome: { ...outcome, ...change } })
      const pause = milliseconds => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
      taken(); ${code}; wait()`)
    const child = await startScript(join(directory.path, 'evaluator'), { ...limits, seconds })
    const samples: number[] = []
    const scoring = child.score(range, new AbortController().signal, outcome => samples.push(outcome.samples))
    const problem = await scoring.then(
      () => null,
      error => asTureenError(error).code,
    )
    await child.end()
    await child.gone
    return { samples, problem }
  }

  test('answers each by itself, and may leave the last ones to others', async () => {
    expect(await scored(`partial({ samples: 1 }); partial({ samples: 2 }); answer()`)).toEqual({
      samples: [1, 2, 3],
      problem: null,
    })
    expect(await scored(`partial({ samples: 1 }); answer()`)).toEqual({ samples: [1, 3], problem: null })
  })

  test('has the time of one evaluation for each', async () => {
    const slow = `partial({ samples: 1 }); pause(1600); partial({ samples: 2 }); pause(1600); answer()`
    expect(await scored(slow, 3)).toEqual({ samples: [1, 2, 3], problem: null })
    expect(await scored(`partial({ samples: 1 })`, 1)).toEqual({ samples: [1], problem: 'TUREEN_EVALUATION_TIMEOUT' })
  })

  test.each([
    ['gives more answers than it was asked for', `partial(); partial(); partial(); answer()`, 2],
    [
      'gives an answer with a score that is a text',
      `partial(); partial({ metrics: [{ name: 'mse', value: 'x', ignored: 0 }] })`,
      1,
    ],
    ['gives an answer by another metric', `partial({ metrics: [{ name: 'mae', value: 1, ignored: 0 }] })`, 0],
    ['gives an answer that is no JSON', `frame('partial', 'x')`, 0],
    ['dies between two answers', `partial(); process.exit(1)`, 1],
  ])('fails if it %s, and what it answered before counts', async (_, code, answers) => {
    const { samples, problem } = await scored(code)
    expect(problem).toBe('TUREEN_EVALUATION_CRASHED')
    expect(samples).toHaveLength(answers)
  })
})

test('after all of them no evaluator and none of its files is left', async () => {
  await vi.waitFor(() => expect(living).toBe(0), 10_000)
  const left = await readdir(directory.path, { recursive: true })
  expect(left.filter(name => /^(pool-\d+|evaluator)\/./.test(name))).toEqual([])
})

test('the job after a hostile one gets an evaluator of its own', async () => {
  await act(`taken(); write('null'); answer(); wait()`)
  const pool = await createEvaluatorPool(join(directory.path, 'pool'), limits, observer, startScript)
  const { signal } = new AbortController()
  const hostile = pool.lease()
  const failing = hostile.evaluate(task, signal, () => undefined)
  await expect(failing).rejects.toMatchObject({ code: 'TUREEN_EVALUATION_CRASHED' })
  await act(`taken(); answer()`)
  const again = hostile.evaluate(task, signal, () => undefined)
  expect(await again).toMatchObject({ samples: 3 })
  await hostile.end()
  const next = pool.lease()
  expect(await next.evaluate(task, signal, () => undefined)).toMatchObject({ samples: 3 })
  await next.end()
  await pool.close()
})
