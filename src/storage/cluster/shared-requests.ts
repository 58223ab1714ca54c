import { createHash } from 'node:crypto'
import type { BusyKeys } from '../busy-keys.ts'
import { lockName } from '../row-locks.ts'
import type { RunningUploads } from '../running-uploads.ts'
import type { ServerHolds } from './server-holds.ts'

/** Returns the uploads that all servers of a store run. An upload of a server that has died counts for 30 seconds more. */
export function sharedUploads(holds: ServerHolds): RunningUploads {
  return {
    async begin(client, allow) {
      const id = await holds.decide(async (transaction, take) => {
        await lockName(transaction, 'uploads')
        const counts = await holds.countByName(transaction, 'upload')
        const total = counts.values().reduce((sum, count) => sum + count, 0)
        allow(total, counts.get(client) ?? 0)
        return take([{ kind: 'upload', name: client }])
      })
      let isRunning = true
      return async () => {
        if (!isRunning) return
        isRunning = false
        await holds.release(id)
      }
    },
  }
}

/** Returns the keys of requests that all servers of a store run. A key of a server that has died is free after 30 seconds. */
export function sharedBusyKeys(holds: ServerHolds): BusyKeys {
  return {
    async take(key) {
      const id = await holds.takeAlone('key', createHash('sha256').update(key).digest('hex'))
      return id === undefined ? undefined : () => holds.release(id)
    },
  }
}
