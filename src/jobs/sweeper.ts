import type { Logger } from 'pino'
import type { DatasetStore } from '../datasets/dataset-store.ts'
import { TureenError } from '../errors.ts'
import type { ExportStore } from '../exports/export-store.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { Catalog } from '../storage/database.ts'
import { expiredIds } from '../storage/expiry.ts'
import type { IdempotencyKeys } from '../storage/idempotency-keys.ts'
import type { Reserve } from '../storage/reserve.ts'
import type { ExternalUpkeep } from './external/external-upkeep.ts'
import type { JobCommands } from './job-commands.ts'

/** Deletes expired records at intervals, and looks after searches that wait for scores. A record that a job needs stays until the job ends. */
export type Sweeper = {
  start(): void
  /** Starts no further sweep, and waits for the running one. */
  close(): Promise<void>
}

type SweptRecords = {
  models: ModelStore
  datasets: DatasetStore
  exports: ExportStore
  jobs: JobCommands
  keys: IdempotencyKeys
  external: ExternalUpkeep
  /** Removes the files whose time in the quarantine has ended. @returns their digests */
  endQuarantine(): Promise<string[]>
  reserve: Reserve
  /** True if this server looks after its store; false if another one that shares it does. */
  isElected(): boolean
}

/**
 * Returns the sweeper of a store.
 * @param seconds seconds from the end of one sweep to the next
 * @param clock returns milliseconds since 1970
 */
export function createSweeper(
  catalog: Catalog,
  { models, datasets, exports, jobs, keys, external, endQuarantine, reserve, isElected }: SweptRecords,
  seconds: number,
  clock: () => number,
  log: Logger,
): Sweeper {
  const endedJobs: Removable = { remove: (id, allow) => jobs.remove(id, ({ job }) => allow(job)) }
  const stores = { jobs: endedJobs, exports, models, datasets }
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  let closed = false

  const sweepRecords = async () => {
    const now = new Date(clock()).toISOString()
    for (const kind of ['jobs', 'exports', 'models', 'datasets'] as const) {
      for (const id of await expiredIds(catalog, kind, now)) {
        if (closed) return
        try {
          if (await removeExpired(stores[kind], id, now)) log.info({ id, kind }, 'an expired record was deleted')
        } catch (error) {
          // Continue: the next record may succeed.
          log.error({ err: error, id, kind }, 'an expired record could not be deleted')
        }
      }
    }
    await keys.removeExpired()
    for (const sha256 of await endQuarantine())
      log.warn({ sha256 }, 'a file was deleted from quarantine/ after TUREEN_QUARANTINE_DAYS')
  }
  const sweep = async () => {
    if (isElected()) {
      await external.sweep()
      await sweepRecords()
    }
    await reserve.renew()
  }
  const wait = () => {
    timer = setTimeout(() => {
      running = sweep()
        .catch((error: unknown) => log.error({ err: error }, 'the sweep for expired records failed'))
        .finally(() => {
          if (!closed) wait()
        })
    }, seconds * 1000).unref()
  }

  return {
    start: wait,
    async close() {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

type Removable = { remove(id: string, allow: (record: { expiresAt: string | null }) => void): Promise<void> }

/** Deletes an expired record. @returns false if it stays, because a job needs it, or because its life was extended meanwhile */
async function removeExpired(store: Removable, id: string, now: string): Promise<boolean> {
  try {
    await store.remove(id, ({ expiresAt }) => {
      if (expiresAt !== null && expiresAt <= now) return
      const message = 'was given a later time of expiry'
      throw new TureenError('TUREEN_PRECONDITION_FAILED', `The record ${id} ${message}.`, [
        { field: 'expiresAt', expected: `${now} at the latest`, actual: String(expiresAt), message },
      ])
    })
    return true
  } catch (error) {
    if (error instanceof TureenError && staying.has(error.code)) return false
    throw error
  }
}

const staying: ReadonlySet<string> = new Set(['TUREEN_PRECONDITION_FAILED', 'TUREEN_IN_USE', 'TUREEN_NOT_FOUND'])
