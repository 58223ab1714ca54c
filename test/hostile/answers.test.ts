import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectLittleCost, type HostileEvaluators, hostileEvaluators } from '../support/hostile-evaluators.ts'
import { seededRandom } from '../support/random.ts'
import { randomCases } from '../support/random-cases.ts'

let evaluators: HostileEvaluators
beforeAll(async () => {
  evaluators = await hostileEvaluators()
})
afterAll(() => evaluators.remove())

test('an evaluator that answers as it should is believed', async () => {
  const { found, progress } = await evaluators.ask(`taken(); json('progress', [1, 3]); answer({ notANumber: 1 })`)
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
  expect((await evaluators.ask(`taken(); score({ value: '${value}' })`)).found).toMatchObject({
    metrics: [{ value: Number(value) }],
  })
})

test('a problem that an evaluator may report fails the task with it', async () => {
  const { found } = await evaluators.ask(`taken(); problem({ detail: 'The model cannot be run.' })`)
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
  ])('%s', (_, code) => evaluators.expectCrash(code))

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
  ])('a result %s', (_, code) => evaluators.expectCrash(`taken(); ${code}; wait()`))

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
  ])('a problem with %s', (_, code) => evaluators.expectCrash(`taken(); ${code}; wait()`))

  test.each([
    ['below 0', '[-1, 3]'],
    ['of 1e308', '[1e308, 1e308]'],
    ['beyond the total', '[4, 3]'],
    ['in parts of samples', '[0.5, 3]'],
    ['that is a text', '["1", 3]'],
    ['that is an object', '{"done":1,"total":3}'],
    ['without a total', '[1]'],
    ['that is endless', `[${'1,'.repeat(100_000)}1]`],
  ])('progress %s', (_, text) => evaluators.expectCrash(`taken(); frame('progress', ${JSON.stringify(text)}); wait()`))
})

test('a flood of progress that is valid ends with the evaluator, and few reports arrive', async () => {
  const flood = `taken(); for (let done = 0; ; done += 1) json('progress', [done, 2 ** 50])`
  const { found, progress } = await expectLittleCost(() => evaluators.ask(flood))
  expect(found).toMatchObject({ code: 'TUREEN_EVALUATION_CRASHED', detail: expect.stringContaining('more often') })
  expect(progress.length).toBeLessThan(100)
})

test('random bytes end the evaluator or its task, whatever they are', async () => {
  for (let seed = 0; seed < randomCases(24); seed += 1) {
    const { integer, pick } = seededRandom(seed)
    const random = Buffer.from(Array.from({ length: integer(1, 400) }, () => integer(0, 255)))
    // Half of them begin as a frame of a known kind that fits them.
    const head = pick([[], [random.byteLength, random.byteLength >> 8, 0, 0, integer(1, 8)]])
    const base64 = Buffer.concat([Buffer.from(head), random]).toString('base64')
    const { found } = await evaluators.ask(`taken(); write(Buffer.from('${base64}', 'base64')); process.exit(3)`)
    expect(found, `seed ${seed}`).toMatchObject({ code: 'TUREEN_EVALUATION_CRASHED' })
  }
})

test('the job after a hostile one gets an evaluator of its own', async () => {
  const { task, act } = evaluators
  await act(`taken(); write('null'); answer(); wait()`)
  const pool = await evaluators.createPool()
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

test('after all of them no evaluator and none of its files is left', () => evaluators.expectNothingLeft())
