import { expect, test } from 'vitest'
import { bytesInBatch, type NewFile } from '../../src/storage/file-batches.ts'
import { createFlushQueue } from '../../src/storage/flush-queue.ts'

/** A queue whose runs the test ends, and the number of files of each run. */
function heldQueue() {
  const runs: { files: number; end: PromiseWithResolvers<void> }[] = []
  const queue = createFlushQueue(files => {
    const end = Promise.withResolvers<void>()
    runs.push({ files: files.length, end })
    return end.promise
  })
  return { queue, runs, sizes: () => runs.map(({ files }) => files) }
}

const file = (bytes: number): NewFile => ({ path: 'file', bytes: new Uint8Array(bytes) })
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('files that arrive while four runs are busy are created together by the next one', async () => {
  const { queue, runs, sizes } = heldQueue()
  for (let count = 0; count < 104; count += 1) await queue.create(file(10))
  expect(sizes()).toEqual([1, 1, 1, 1])
  runs[2]?.end.resolve()
  await turn()
  expect(sizes()).toEqual([1, 1, 1, 1, 100])
  const ended = queue.end()
  for (const { end } of runs) end.resolve()
  await ended
})

test('the next file waits outside while a full batch waits', async () => {
  const { queue, runs, sizes } = heldQueue()
  for (let count = 0; count < 4; count += 1) await queue.create(file(10))
  await queue.create(file(bytesInBatch - 1))
  let taken = false
  const next = queue.create(file(1)).then(() => {
    taken = true
  })
  await turn()
  expect(taken).toBe(false)
  runs[0]?.end.resolve()
  await next
  expect(sizes()).toEqual([1, 1, 1, 1, 2])
})

test('after a failure no further file is created, and the end tells the first failure', async () => {
  const { queue, runs, sizes } = heldQueue()
  for (let count = 0; count < 10; count += 1) await queue.create(file(10))
  runs[0]?.end.reject(new Error('first'))
  runs[1]?.end.reject(new Error('second'))
  await turn()
  for (const { end } of runs) end.resolve()
  await expect(queue.end()).rejects.toThrow('first')
  expect(sizes().slice(4)).toEqual([0])
})
