import { existsSync } from 'node:fs'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { endWithModel } from '../../../src/evaluate/evaluator-failures.ts'
import { lastLineOf } from '../../../src/evaluate/last-line.ts'
import { watchMemory } from '../../../src/evaluate/watch-memory.ts'
import { expectTypedCauses } from '../../support/http-client.ts'

const limits = { seconds: 60, memoryBytes: 2 ** 30 }
const end = { code: null, signal: null, lastLine: '', nearLimit: false }

test.each([
  ['SIGXCPU', false, 'TUREEN_EVALUATION_TIMEOUT'],
  ['SIGABRT', false, 'TUREEN_EVALUATION_CRASHED'],
  ['SIGABRT', true, 'TUREEN_EVALUATION_MEMORY'],
  ['SIGTRAP', true, 'TUREEN_EVALUATION_MEMORY'],
  ['SIGSEGV', false, 'TUREEN_EVALUATION_CRASHED'],
  ['SIGKILL', true, 'TUREEN_EVALUATION_CRASHED'],
] as const)('%s, with memory near the limit: %s, is %s', (signal, nearLimit, code) => {
  const error = endWithModel({ ...end, signal, nearLimit }, limits)
  expect(error.code).toBe(code)
  expectTypedCauses(error)
})

test('an abort far below the limit of memory may come from one large request, which nothing tells for certain', () => {
  expect(endWithModel({ ...end, signal: 'SIGABRT' }, limits).message).toContain('TUREEN_EVAL_MEMORY')
  expect(endWithModel({ ...end, code: 1 }, limits).message).not.toContain('TUREEN_EVAL_MEMORY')
})

test('the last line of standard error is quoted, and decides nothing', () => {
  const error = endWithModel({ ...end, code: 1, lastLine: 'std::bad_alloc' }, limits)
  expect(error.code).toBe('TUREEN_EVALUATION_CRASHED')
  expect(error.message).toContain('ended with exit code 1 (std::bad_alloc)')
})

test.each([
  ['', ''],
  ['one\ntwo\n', 'two'],
  ['\u001b[31mred\u0007\u202e\r\n', '[31mred'],
  [`${'x'.repeat(400)}\n`, `${'x'.repeat(300)}... (400 characters)`],
  ['half a line', 'half a line'],
])('the last line of %j is %j', async (text, line) => {
  expect(await lastLineOf(Readable.from([Buffer.from(text)]))).toBe(line)
})

/** Systems without /proc tell no memory of other processes. */
const testMemory = test.skipIf(!existsSync('/proc/self/statm'))

testMemory('memory is what a process has taken since it was idle, resident or not', async () => {
  const memory = watchMemory(process.pid, 2 ** 40)
  expect(memory.mostBytes).toBe(0)
  const stop = memory.watch(() => undefined)
  const taken = new Uint8Array(100 << 20).fill(1)
  await new Promise(resolve => setTimeout(resolve, 200))
  stop()
  expect(memory.mostBytes).toBeGreaterThan(taken.byteLength / 2)
  memory.see(2 ** 40)
  expect(memory.mostBytes).toBeGreaterThan(2 ** 39)
})

testMemory('memory above the limit is reported', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = watchMemory(process.pid, 50 << 20).watch(resolve)
  // More than what the test before may give back meanwhile.
  const taken = new Uint8Array(300 << 20).fill(1)
  await promise
  stop()
  expect(taken.byteLength).toBe(300 << 20)
})
