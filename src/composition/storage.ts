import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import { openCheckedCatalog } from '../storage/check-catalog.ts'
import { openContentFiles } from '../storage/content-files.ts'
import { createContents } from '../storage/contents.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { shrinkLog } from '../storage/database.ts'
import { closeStore } from '../storage/private-files.ts'
import { continueIdsOf } from '../storage/record-ids.ts'
import { createReserve, startFromReserve } from '../storage/reserve.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** The catalog of a data directory. `checking`: see {@link openCheckedCatalog}. */
export type OpenCatalog = Awaited<ReturnType<typeof openCatalog>>

/** Opens the catalog, from the reserve if the disk is full. */
export async function openCatalog({ path, id }: DataDirectory, log: Logger) {
  const file = join(path, 'catalog.sqlite')
  const opened = await startFromReserve(path, () => openCheckedCatalog(file, id, log))
  await continueIdsOf(opened.catalog)
  return opened
}

/** The parts of a data directory: rows, files, and a reserve with which the server can delete on a full disk. */
export type Storage = Awaited<ReturnType<typeof openStorage>>

/** Opens the files beside a catalog. @param clock milliseconds since 1970 */
export async function openStorage(
  config: Config,
  { path }: DataDirectory,
  { catalog }: OpenCatalog,
  { threads, metrics, clock }: { threads: ThreadPool; metrics: Metrics; clock: () => number },
) {
  const contentFiles = await openContentFiles(path, config.maximumStoreBytes, metrics.received, threads.batches, clock)
  const reserve = createReserve(path, () => shrinkLog(catalog))
  await closeStore(path)
  const contents = createContents(catalog, contentFiles, reserve, threads.hash, metrics.contentDamaged)
  return { catalog, contentFiles, contents, reserve }
}
