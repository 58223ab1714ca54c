import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type HostileEvaluators, hostileEvaluators } from '../support/hostile-evaluators.ts'

let evaluators: HostileEvaluators
beforeAll(async () => {
  evaluators = await hostileEvaluators()
})
afterAll(() => evaluators.remove())
afterEach(() => void vi.useRealTimers())

describe('an evaluator that', () => {
  test('ends without an answer has crashed, whatever its exit code', async () => {
    await evaluators.expectCrash(`taken(); process.exit(0)`, 'ended with exit code 0')
    await evaluators.expectCrash(`taken(); process.exit(7)`, 'ended with exit code 7')
  })

  test('closes its pipes and stays has crashed', async () => {
    await evaluators.expectCrash(`taken(); closeSync(3); wait()`, 'closed its pipe')
    await evaluators.expectCrash(`taken(); closeSync(0); closeSync(2); closeSync(3); wait()`, 'closed its pipe')
  })

  test('ends inside a frame has crashed', () =>
    evaluators.expectCrash(
      `taken(); write(frameHead(frameKinds.result, 4)); process.exit(1)`,
      'ended with exit code 1',
    ))

  test('writes 100 MB to standard error has its last line quoted, and costs the server nothing', () =>
    evaluators.expectCrash(
      `taken(); for (let line = 0; line < 1600; line += 1) write('x'.repeat(65535) + '\\n', 2)
       write('\\u001b[31mthe \\u0007last line\\u202e' + 'y'.repeat(1000) + '\\n', 2); process.exit(1)`,
      /\( ?\[31mthe last line y{100,300}\.\.\. \(\d+ characters\)\)/,
    ))

  test.each(['std::bad_alloc', 'out of memory', 'Array buffer allocation failed'])(
    'writes "%s" to standard error makes it no lack of memory',
    words =>
      evaluators.expectCrash(`taken(); write('${words}\\n', 2); process.kill(process.pid, 'SIGABRT'); wait()`, words),
  )

  test('does not end its result runs out of time', async () => {
    await evaluators.act(`taken(); frame('result', Buffer.from([2, 0, 0, 0])); frame('part', 'x'); wait()`)
    const child = await evaluators.start({ seconds: 1 })
    const answered = child.evaluate(evaluators.task, new AbortController().signal, () => undefined)
    await expect(answered).rejects.toMatchObject({ code: 'TUREEN_EVALUATION_TIMEOUT' })
    expect((await child.gone)?.code).toBe('TUREEN_EVALUATION_TIMEOUT')
  })

  test('never reads its task has not taken it', async () => {
    await evaluators.act(`wait()`)
    const child = await evaluators.start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { task } = evaluators
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
      await evaluators.act(code, false)
      await expect(evaluators.start()).rejects.toMatchObject({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' })
    },
  )
})

test('after all of them no evaluator and none of its files is left', () => evaluators.expectNothingLeft())
