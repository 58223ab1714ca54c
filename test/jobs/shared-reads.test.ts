import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { sharedReads } from '../../src/jobs/shared-reads.ts'

/** A record that changes, and the number of times that it was read. */
function changing() {
  const record = { version: 1, reads: 0 }
  const read = sharedReads(async (id: string) => {
    record.reads += 1
    const { version } = record
    await nextTurn()
    return `${id} ${version}`
  })
  return { record, read }
}

test('clients that ask for one record at once share a read, and those of another record have their own', async () => {
  const { record, read } = changing()
  const asked = ['a', 'b', 'a', 'a'].map(id => read(id))
  expect(await Promise.all(asked)).toEqual(['a 1', 'b 1', 'a 1', 'a 1'])
  expect(record.reads).toBe(2)
})

test('whoever asks after a change sees it, also while an earlier read is under way', async () => {
  const { record, read } = changing()
  const before = read('a')
  while (record.reads === 0) await nextTurn()
  record.version = 2
  expect(await Promise.all([before, read('a')])).toEqual(['a 1', 'a 2'])
})

test('a read that fails fails for all that share it, and the next one is tried anew', async () => {
  let reads = 0
  const read = sharedReads(async (_: string) => {
    reads += 1
    if (reads === 1) throw new Error('gone')
    return reads
  })
  const outcomes = await Promise.allSettled([read('a'), read('a')])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await read('a')).toBe(2)
})

test('a key of two parts is shared only where both are the same', async () => {
  const keys: string[] = []
  const read = sharedReads(async (id: string, after: number) => void keys.push(`${id} after ${after}`))
  await Promise.all([read('a', 1), read('a', 2), read('b', 1), read('a', 1)])
  expect(keys).toEqual(['a after 1', 'a after 2', 'b after 1'])
})
