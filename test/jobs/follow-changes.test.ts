import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { followChanges } from '../../src/jobs/follow-changes.ts'

const long = 60_000

function following(signal = new AbortController().signal) {
  const changes = new EventEmitter()
  return { changes, followed: followChanges(changes, 'a', signal) }
}

test('a change that comes while the job is read is not missed, and is told once', async () => {
  const { changes, followed } = following()
  changes.emit('a')
  await followed.next(long)
  const second = followed.next(long).then(() => 'changed')
  expect(await Promise.race([second, Promise.resolve('waiting')])).toBe('waiting')
  changes.emit('b')
  changes.emit('a')
  expect(await second).toBe('changed')
})

test('the time limit and the signal end a wait', async () => {
  await following().followed.next(1)
  const gone = new AbortController()
  const { followed } = following(gone.signal)
  const waiting = followed.next(long)
  gone.abort()
  await waiting
  await followed.next(long)
})

test('nothing listens for a job that nobody follows any more', () => {
  const { changes, followed } = following()
  expect(changes.listenerCount('a')).toBe(1)
  followed.close()
  expect(changes.listenerCount('a')).toBe(0)
})
