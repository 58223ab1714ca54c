import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createDispatcher, type DispatchedJob } from '../../src/jobs/dispatcher.ts'

/** A dispatcher that is not open, whose jobs run until the test ends them. */
function controlled(concurrency: number) {
  const ends = new Map<string, () => void>()
  const begun: string[] = []
  const reasons: string[] = []
  const dispatcher = createDispatcher(async (id, signal) => {
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

/** An open dispatcher. @param earlier jobs of an earlier process */
function opened(concurrency: number, ...earlier: DispatchedJob[]) {
  const dispatcher = controlled(concurrency)
  dispatcher.open(earlier)
  return dispatcher
}

const alone = (id: string): DispatchedJob => ({ id, lane: 'search', alone: true })
const beside = (id: string, lane: string): DispatchedJob => ({ id, lane, alone: false })

test('jobs wait for jobs of their own lane, in the order in which they came', async () => {
  const { enqueue, begun, end } = opened(2)
  for (const id of ['m1', 'm2', 'm3', 'm4']) enqueue(beside(id, 'merge'))
  enqueue(beside('s1', 'search'))
  expect(begun).toEqual(['m1', 'm2', 's1'])
  await end('m2')
  expect(begun).toEqual(['m1', 'm2', 's1', 'm3'])
})

test('a job that is added again while it waits runs once, and one that runs starts again after its run', async () => {
  const { enqueue, again, begun, end } = opened(1)
  for (const id of ['a', 'b', 'b']) enqueue(beside(id, 'merge'))
  enqueue(beside('a', 'merge'))
  again('a')
  again('b')
  expect(begun).toEqual(['a'])
  await end('a')
  await end('b')
  await end('a')
  expect(begun).toEqual(['a', 'b', 'a'])
})

test('a job that starts again after its run does not if it was stopped', async () => {
  const { again, enqueue, stop, begun, end } = opened(1)
  enqueue(beside('a', 'merge'))
  again('a')
  stop('a', 'cancelled')
  await end('a')
  expect(begun).toEqual(['a'])
})

test('jobs of an earlier process go first, and no job runs before they are known', async () => {
  const { enqueue, open, begun, end } = controlled(1)
  enqueue(beside('new', 'merge'))
  expect(begun).toEqual([])
  open([beside('early', 'merge'), beside('early, too', 'merge')])
  await end('early')
  await end('early, too')
  expect(begun).toEqual(['early', 'early, too', 'new'])
})

test('a job that runs alone waits for all others, and later ones of every lane for it', async () => {
  const { enqueue, open, begun, end, accompany } = controlled(2)
  enqueue(beside('late', 'evaluation'))
  open([beside('early', 'merge'), alone('alone'), alone('alone, too')])
  enqueue(beside('later', 'merge'))
  expect(begun).toEqual(['early'])
  await end('early')
  expect(begun).toEqual(['early', 'alone'])
  await end('alone')
  expect(begun).toEqual(['early', 'alone', 'alone, too'])
  accompany('alone, too')
  expect(begun.slice(3)).toEqual(['late', 'later'])
})

test('nothing waits for a job that was cancelled before it could run alone', () => {
  const { enqueue, begun, stop } = opened(2, beside('early', 'merge'), alone('alone'))
  enqueue(beside('late', 'evaluation'))
  expect(stop('alone', 'cancelled')).toBe(false)
  expect(begun).toEqual(['early', 'late'])
})

test('closing stops what runs, and starts nothing more', async () => {
  const { enqueue, begun, reasons, stop, close } = opened(1)
  enqueue(beside('a', 'merge'))
  enqueue(beside('b', 'search'))
  enqueue(beside('c', 'merge'))
  expect(stop('b', 'cancelled')).toBe(true)
  await close()
  enqueue(beside('d', 'evaluation'))
  await setImmediate()
  expect(begun).toEqual(['a', 'b'])
  expect(reasons).toEqual(['b cancelled', 'a shutdown'])
})

test('a dispatcher that was closed before it was opened starts nothing', async () => {
  const { enqueue, open, begun, close } = controlled(1)
  enqueue(beside('a', 'merge'))
  await close()
  open([beside('b', 'merge')])
  expect(begun).toEqual([])
})
