import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { createSharedOutputs, type MakeOutputs } from '../../../src/jobs/external/shared-outputs.ts'
import type { WrittenFile } from '../../../src/threads/merge-task.ts'
import { until } from '../../support/store-client.ts'

const unending = AbortSignal.any([])

/** Outputs whose making is under the control of the test. `there`: the keys whose files exist. */
function makings() {
  const [there, begun, cancelled] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const finish = new Map<string, (error?: Error) => void>()
  const making = (key: string, bytes = 10): MakeOutputs => {
    return async (signal, hold) => {
      begun.add(key)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      finish.set(key, error => (error ? reject(error) : resolve()))
      signal.addEventListener('abort', () => {
        cancelled.add(key)
        reject(signal.reason)
      })
      await promise
      there.add(key)
      try {
        await hold([{ location: '', path: `/${key}`, bytes, sha256: key }])
      } finally {
        there.delete(key)
      }
    }
  }
  return { there, begun, cancelled, making, finish: (key: string, error?: Error) => finish.get(key)?.(error) }
}

const limits = { places: 2, idleSeconds: 60, idleBytes: 100, patienceSeconds: 0.1 }
const pathOf = async ([file]: readonly WrittenFile[]) => file?.path

describe('files that requests share', () => {
  test('are made once for all requests at the same time, and stay for later ones', async () => {
    const { there, begun, making, finish } = makings()
    const outputs = createSharedOutputs(limits)
    const asked = [1, 2].map(() => outputs.using('a', unending, making('a'), pathOf))
    await until('the making begins', async () => begun.has('a'))
    finish('a')
    expect(await Promise.all(asked)).toEqual(['/a', '/a'])
    const never: MakeOutputs = () => Promise.reject(new Error('made again'))
    expect(await outputs.using('a', unending, never, pathOf)).toBe('/a')
    await outputs.close()
    expect(there.size).toBe(0)
  })

  test('go after a while without use, which begins anew with each use', async () => {
    const { there, making, finish, begun } = makings()
    const outputs = createSharedOutputs({ ...limits, idleSeconds: 0.2 })
    const first = outputs.using('a', unending, making('a'), pathOf)
    await until('the making begins', async () => begun.has('a'))
    finish('a')
    await first
    // Longer than the file stays: a use keeps it.
    await outputs.using('a', unending, making('a'), () => delay(400))
    expect(there.has('a')).toBe(true)
    await until('the file is gone', async () => !there.has('a'))
    await outputs.close()
  })

  test('are not made for clients that are gone, unless others wait', async () => {
    const { begun, cancelled, making, finish, there } = makings()
    const outputs = createSharedOutputs(limits)
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
    const gone = new Error('gone')
    const both = [first, second].map(({ signal }) => outputs.using('a', signal, making('a'), pathOf))
    const alone = outputs.using('b', third.signal, making('b'), pathOf)
    await until('both begin', async () => begun.size === 2)
    first.abort(gone)
    third.abort(gone)
    await expect(both[0]).rejects.toBe(gone)
    await expect(alone).rejects.toBe(gone)
    expect(cancelled.size).toBe(0)
    await until('the making ends', async () => cancelled.has('b'))
    expect(cancelled.has('a')).toBe(false)
    finish('a')
    expect(await both[1]).toBe('/a')
    await outputs.close()
    expect(there.size).toBe(0)
  })

  test('are there for a client that comes back soon after it was cut off', async () => {
    const { begun, cancelled, making, finish } = makings()
    const outputs = createSharedOutputs({ ...limits, patienceSeconds: 30 })
    const cut = new AbortController()
    const first = outputs.using('a', cut.signal, making('a'), pathOf)
    await until('the making begins', async () => begun.has('a'))
    cut.abort(new Error('cut off'))
    await expect(first).rejects.toThrow('cut off')
    const second = outputs.using('a', unending, making('never'), pathOf)
    finish('a')
    expect(await second).toBe('/a')
    expect(cancelled.size).toBe(0)
    await outputs.close()
  })

  test('in the making without a client give way to others', async () => {
    const { begun, cancelled, making, finish } = makings()
    const outputs = createSharedOutputs({ ...limits, places: 1, patienceSeconds: 30 })
    const cut = new AbortController()
    const first = outputs.using('a', cut.signal, making('a'), pathOf)
    await until('the making begins', async () => begun.has('a'))
    cut.abort(new Error('cut off'))
    await expect(first).rejects.toThrow('cut off')
    const second = outputs.using('b', unending, making('b'), pathOf)
    await until('the other making begins', async () => begun.has('b'))
    expect([...cancelled]).toEqual(['a'])
    finish('b')
    expect(await second).toBe('/b')
    await outputs.close()
  })

  test('that fail fail for all that wait, and are tried anew by the next', async () => {
    const { begun, making, finish } = makings()
    const outputs = createSharedOutputs(limits)
    const both = [1, 2].map(() => outputs.using('a', unending, making('a'), pathOf))
    await until('the making begins', async () => begun.has('a'))
    finish('a', new Error('no disk'))
    for (const each of both) await expect(each).rejects.toThrow('no disk')
    begun.clear()
    const next = outputs.using('a', unending, making('a'), pathOf)
    await until('the making begins', async () => begun.has('a'))
    finish('a')
    expect(await next).toBe('/a')
    await outputs.close()
  })

  test('have a bounded number: unused ones give way, and requests wait for those in use', async () => {
    const { begun, making, finish, there } = makings()
    const outputs = createSharedOutputs(limits)
    const use = async (key: string, run: () => Promise<void> = async () => undefined) => {
      const used = outputs.using(key, unending, making(key), run)
      await until('the making begins', async () => begun.has(key))
      finish(key)
      await used
    }
    await use('a')
    await use('b')
    await use('c')
    expect([...there].sort()).toEqual(['b', 'c'])
    const held = Promise.withResolvers<void>()
    const inUse = [use('b', () => held.promise), use('c', () => held.promise)]
    const waiting = outputs.using('d', unending, making('d'), pathOf)
    await delay(50)
    expect(begun.has('d')).toBe(false)
    held.resolve()
    await Promise.all(inUse)
    await until('the making begins', async () => begun.has('d'))
    finish('d')
    expect(await waiting).toBe('/d')
    expect(there.size).toBeLessThanOrEqual(2)
    await outputs.close()
  })

  test('have a bounded number of bytes while nobody uses them, but for the last used ones', async () => {
    const { begun, making, finish, there } = makings()
    const outputs = createSharedOutputs({ ...limits, places: 9 })
    for (const [key, bytes] of [
      ['a', 60],
      ['b', 30],
      ['c', 20],
      ['d', 1000],
    ] as const) {
      const used = outputs.using(key, unending, making(key, bytes), pathOf)
      await until('the making begins', async () => begun.has(key))
      finish(key)
      await used
      await until('what is too much is gone', async () => there.size <= 2)
      if (key === 'c') expect([...there]).toEqual(['b', 'c'])
    }
    await until('all but the last are gone', async () => there.size === 1)
    expect([...there]).toEqual(['d'])
    await outputs.close()
  })

  test('that nobody uses give way when the disk is full', async () => {
    const { begun, making, finish, there } = makings()
    const outputs = createSharedOutputs(limits)
    const first = outputs.using('a', unending, making('a'), pathOf)
    await until('the making begins', async () => begun.has('a'))
    finish('a')
    await first
    const full = new TureenError('TUREEN_STORE_FULL', 'The store is full.', [{ field: 'x', message: 'is full' }])
    const fitting: MakeOutputs = (signal, hold) => (there.size > 0 ? Promise.reject(full) : making('b')(signal, hold))
    const second = outputs.using('b', unending, fitting, pathOf)
    await until('the other making begins', async () => begun.has('b'))
    expect(there.size).toBe(0)
    finish('b')
    expect(await second).toBe('/b')
    const never: MakeOutputs = () => Promise.reject(full)
    const used = outputs.using('b', unending, never, async () => {
      await expect(outputs.using('c', unending, never, pathOf)).rejects.toBe(full)
    })
    await used
    await outputs.close()
  })

  test('that are dropped stay for their present use, and end in the making with the reason', async () => {
    const { begun, making, finish, there } = makings()
    const outputs = createSharedOutputs(limits)
    const reason = new Error('the job has ended')
    const held = Promise.withResolvers<void>()
    const used = outputs.using('a', unending, making('a'), () => held.promise)
    const made = outputs.using('b', unending, making('b'), pathOf)
    await until('both begin', async () => begun.size === 2)
    finish('a')
    await until('one is there', async () => there.has('a'))
    outputs.drop('a', reason)
    outputs.drop('b', reason)
    await expect(made).rejects.toBe(reason)
    expect(there.has('a')).toBe(true)
    held.resolve()
    await used
    await until('it is gone', async () => !there.has('a'))
    await outputs.close()
  })
})
