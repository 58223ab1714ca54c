import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { embeddedDispatcher } from '../../src/jobs/dispatcher.ts'

/** A dispatcher whose jobs run until the test ends them. */
function controlled(concurrency: number) {
  const ends = new Map<string, () => void>()
  const begun: string[] = []
  const reasons: string[] = []
  const dispatcher = embeddedDispatcher(async (id, signal) => {
    begun.push(id)
    await new Promise<void>(resolve => {
      ends.set(id, resolve)
      signal.addEventListener('abort', () => {
        reasons.push(`${id} ${signal.reason}`)
        resolve()
      })
    })
  }, concurrency)
  return {
    ...dispatcher,
    begun,
    reasons,
    async end(id: string) {
      ends.get(id)?.()
      await setImmediate()
    },
  }
}

test('jobs wait for jobs of their own lane, in the order in which they came', async () => {
  const { enqueue, begun, end, running } = controlled(2)
  for (const id of ['m1', 'm2', 'm3', 'm4']) enqueue(id, 'merge')
  enqueue('s1', 'search')
  expect(begun).toEqual(['m1', 'm2', 's1'])
  await end('m2')
  expect(begun).toEqual(['m1', 'm2', 's1', 'm3'])
  expect(running()).toEqual(['m1', 's1', 'm3'])
})

test('a job that is added again runs once', async () => {
  const { enqueue, begun, end } = controlled(1)
  for (const id of ['a', 'a', 'b', 'b']) enqueue(id, 'merge')
  await end('a')
  await end('b')
  expect(begun).toEqual(['a', 'b'])
})

test('a job that runs alone waits for all others, and later ones of every lane for it', async () => {
  const { enqueue, begun, end, accompany } = controlled(2)
  enqueue('early', 'merge')
  enqueue('alone', 'search', true)
  enqueue('alone, too', 'search', true)
  enqueue('late', 'evaluation')
  expect(begun).toEqual(['early'])
  await end('early')
  expect(begun).toEqual(['early', 'alone'])
  await end('alone')
  expect(begun).toEqual(['early', 'alone', 'alone, too'])
  accompany('alone, too')
  expect(begun.at(-1)).toBe('late')
})

test('nothing waits for a job that was cancelled before it could run alone', async () => {
  const { enqueue, begun, cancel } = controlled(2)
  enqueue('early', 'merge')
  enqueue('alone', 'search', true)
  enqueue('late', 'evaluation')
  cancel('alone')
  expect(begun).toEqual(['early', 'late'])
})

test('closing stops what runs, and starts nothing more', async () => {
  const { enqueue, begun, reasons, cancel, close } = controlled(1)
  enqueue('a', 'merge')
  enqueue('b', 'search')
  enqueue('c', 'merge')
  cancel('b')
  await close()
  enqueue('d', 'evaluation')
  await setImmediate()
  expect(begun).toEqual(['a', 'b'])
  expect(reasons).toEqual(['b cancelled', 'a shutdown'])
})
