import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import { localBusyKeys } from '../storage/busy-keys.ts'
import { openCheckedCatalog } from '../storage/check-catalog.ts'
import { createContents } from '../storage/contents.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { type Catalog, shrinkLog } from '../storage/database.ts'
import { onlyServer } from '../storage/election.ts'
import { closeStore } from '../storage/private-files.ts'
import { continueIdsOf } from '../storage/record-ids.ts'
import { createReserve, startFromReserve } from '../storage/reserve.ts'
import { localUploads } from '../storage/running-uploads.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { openContent } from './content.ts'

/**
 * The catalog of a store. `checking`: see {@link openCheckedCatalog}. `notifications`: of all servers that share the catalog; null if this
 * server uses it alone. `beats`: the catalog for signs of life; null likewise.
 */
export type OpenCatalog = Awaited<ReturnType<typeof openCatalog>>

/**
 * Opens the catalog: in the configured database, or in the data directory, from the reserve if the disk is full.
 * @param onTaken hears that another server has taken the database of a running server
 */
export async function openCatalog(
  { database, isShared, sharedJobs }: Pick<Config, 'database' | 'isShared' | 'sharedJobs'>,
  directory: DataDirectory,
  log: Logger,
  onTaken: (error: Error) => void,
) {
  const open = async () => {
    const { path, id } = directory
    if (database === null)
      return {
        ...(await startFromReserve(path, () => openCheckedCatalog(join(path, 'catalog.sqlite'), id, log))),
        notifications: null,
        beats: null,
      }
    // The driver takes memory and time, which servers with SQLite do not spend.
    const { openPostgresCatalog } = await import('../storage/postgres/open-postgres.ts')
    if (!isShared) {
      const alone = { kind: 'alone', onTaken, prepare: async () => undefined } as const
      const catalog = await openPostgresCatalog(database, directory, log, alone)
      return { catalog, checking: null, notifications: null, beats: null }
    }
    const { prepareQueueEntries } = await import('../jobs/cluster/queue-entries.ts')
    const prepare = (direct: Catalog) => prepareQueueEntries(direct, sharedJobs.takeoverSeconds, log)
    const catalog = await openPostgresCatalog(database, directory, log, { kind: 'together', onTaken, prepare })
    const { openNotifications } = await import('../storage/postgres/notifications.ts')
    const { openBeats } = await import('../storage/postgres/open-beats.ts')
    const notifications = await openNotifications(catalog, database.directUrl, log)
    const beats = openBeats(database.url, sharedJobs.takeoverSeconds, log)
    return { catalog, checking: null, notifications, beats }
  }
  const opened = await open()
  await continueIdsOf(opened.catalog)
  return opened
}

/** The parts of a data directory: rows, files, and a reserve with which the server can delete on a full disk. */
export type Storage = Awaited<ReturnType<typeof openStorage>>

/**
 * Returns what holds across the servers of a shared store. It enters this server among them.
 * @returns undefined if one server has the store alone
 */
async function shareStorage(
  { isShared, maximumStoreBytes }: Pick<Config, 'isShared' | 'maximumStoreBytes'>,
  { catalog, beats }: Pick<OpenCatalog, 'catalog' | 'beats'>,
  { metrics, log }: { metrics: Metrics; log: Logger },
) {
  if (!isShared || beats === null) {
    metrics.sweeps(true)
    return undefined
  }
  const { startServerHolds } = await import('../storage/cluster/server-holds.ts')
  const { sharedClaims } = await import('../storage/cluster/shared-claims.ts')
  const { electSweeper } = await import('../storage/cluster/elect-sweeper.ts')
  const holds = await startServerHolds(catalog, log, undefined, beats)
  const election = electSweeper(holds, { log, onChange: metrics.sweeps })
  const { sharedBusyKeys, sharedUploads } = await import('../storage/cluster/shared-requests.ts')
  const requests = { uploads: sharedUploads(holds), busyKeys: sharedBusyKeys(holds) }
  return { holds, election, ...requests, ...sharedClaims(catalog, holds, maximumStoreBytes) }
}

/** Opens the files beside a catalog. @param clock milliseconds since 1970 */
export async function openStorage(
  config: Config,
  { path }: DataDirectory,
  opened: OpenCatalog,
  { threads, metrics, clock, log }: { threads: ThreadPool; metrics: Metrics; clock: () => number; log: Logger },
) {
  const { catalog, notifications, beats } = opened
  const shared = await shareStorage(config, opened, { metrics, log })
  const removeUnneeded = shared?.removeUnneeded
  const files = await openContent(config, path, catalog, { threads, metrics, clock, removeUnneeded })
  const reserve = createReserve(path, () => shrinkLog(catalog))
  await closeStore(path)
  const contents = createContents(catalog, files, reserve, {
    onDamaged: metrics.contentDamaged,
    ...(shared ? { claims: shared.claims, isChecked: true } : {}),
  })
  return {
    catalog,
    notifications,
    beats,
    ...files,
    contents,
    reserve,
    election: shared?.election ?? onlyServer,
    uploads: shared?.uploads ?? localUploads(),
    busyKeys: shared?.busyKeys ?? localBusyKeys(),
    holds: shared?.holds,
  }
}
