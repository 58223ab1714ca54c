import { afterEach, describe, expect, test } from 'vitest'
import { TaskPool } from '../../src/threads/task-pool.ts'
import { until } from '../support/store-client.ts'

let pool: TaskPool<typeof import('./busy-worker.ts')> | undefined

afterEach(() => pool?.destroy())

const never = () => new AbortController().signal
const openPool = () => {
  pool = new TaskPool(
    new URL('./busy-worker.ts', import.meta.url),
    { minThreads: 0, maxThreads: 2, idleTimeout: 60_000 },
    60_000,
  )
  return pool
}

describe('a pool whose threads are all ended by aborted tasks', () => {
  test('runs the tasks that waited for one of them', async () => {
    const threads = openPool()
    await threads.call('busy', 0, never())
    const ending = new AbortController()
    const ended = [0, 1].map(() => threads.call('busy', 60_000, ending.signal))
    const waiting = [1, 2, 3].map(milliseconds => threads.call('busy', milliseconds, never()))
    setTimeout(() => ending.abort(new Error('cancelled')), 300)
    await Promise.all(ended.map(task => expect(task).rejects.toThrow('cancelled')))
    expect(await Promise.all(waiting)).toEqual([1, 2, 3])
  })

  test('runs no task that was aborted while it waited', async () => {
    const threads = openPool()
    const ending = new AbortController()
    const first = [0, 1].map(() => threads.call('busy', 300, never()))
    const aborted = threads.call('busy', 60_000, ending.signal)
    ending.abort(new Error('cancelled'))
    await expect(aborted).rejects.toThrow('cancelled')
    await Promise.all(first)
    expect(await threads.call('busy', 5, never())).toBe(5)
  })

  test('ends while tasks wait', async () => {
    const threads = openPool()
    const tasks = [1, 2, 3, 4].map(() => threads.call('busy', 60_000, never()))
    const outcomes = Promise.allSettled(tasks)
    await threads.destroy()
    expect((await outcomes).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'))
    expect(threads.threads).toEqual([])
  })
})

test('an idle thread runs its event loop, where its end reaches it even if a module loader has missed it', async () => {
  const threads = openPool()
  const shared = new SharedArrayBuffer(4)
  await threads.call('later', shared, never())
  await until('the event loop has run', () => new Int32Array(shared)[0] === 1)
})
