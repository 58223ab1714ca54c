import { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { connectionOf, type SendQueues } from '../../src/http/send-queues.ts'
import { createTakenBytes } from '../../src/http/taken-bytes.ts'

/** A connection for which the server has written `written` bytes; the system's tables are read when the test says so. */
function meter() {
  const reads: ((queue: number) => void)[] = []
  const socket = new Socket()
  const written = vi.spyOn(socket, 'bytesWritten', 'get').mockReturnValue(0)
  const taken = createTakenBytes(
    () =>
      new Promise<SendQueues>(resolve => {
        reads.push(queue => resolve(new Map([[connectionOf(socket), queue]])))
      }),
  )
  taken.add(socket)
  return {
    taken: () => taken.of(socket),
    write: (bytes: number) => void written.mockReturnValue(bytes),
    /** Begins to read the tables; the returned function ends it with the bytes found for the connection. */
    refresh() {
      const refreshed = taken.refresh()
      const end = reads.pop()
      return async (queue: number) => {
        end?.(queue)
        await refreshed
      }
    },
    close: () => socket.emit('close'),
  }
}

test('a client has taken what was written and no longer waits in the system', async () => {
  const { taken, write, refresh, close } = meter()
  write(5_000_000)
  await refresh()(4_000_000)
  expect(taken()).toBe(1_000_000)
  await refresh()(3_900_000)
  expect(taken()).toBe(1_100_000)
  close()
  expect(taken()).toBe(0)
})

test('bytes written while the tables are read are not counted as taken', async () => {
  const { taken, write, refresh } = meter()
  write(5_000_000)
  const end = refresh()
  write(6_500_000)
  await end(4_000_000)
  expect(taken()).toBe(1_000_000)
})

test('the taken bytes never fall, in whatever order the tables are read', async () => {
  const { taken, write, refresh } = meter()
  write(5_000_000)
  const [early, late] = [refresh(), refresh()]
  await late(3_000_000)
  expect(taken()).toBe(2_000_000)
  write(6_500_000)
  await early(5_000_000)
  expect(taken()).toBe(2_000_000)
})
