import type { Logger } from 'pino'
import type { Swept } from '../storage/contents.ts'
import { renewDamagedIds } from '../storage/damaged-ids.ts'
import type { OpenCatalog, Storage } from './storage.ts'

/** Most files that the log names one by one. */
const filesLogged = 100

/**
 * Clears away what a killed process left. While the catalog is still being checked this returns at once, and the clearing
 * follows the check.
 *
 * @param closing fires when the server stops
 * @param onDamage hears that the catalog has not passed its check
 */
export async function clearStorage(
  { catalog, contents, reserve }: Storage,
  { checking }: OpenCatalog,
  { closing, onDamage, log }: { closing: AbortSignal; onDamage: (error: unknown) => void; log: Logger },
): Promise<void> {
  const sweep = async () => {
    for (const renewed of await renewDamagedIds(catalog))
      log.warn(renewed, 'the id of a record was damaged on the disk, and the record has another one now')
    logSwept(log, await contents.sweep(closing))
  }
  const sweepAfter = async (check: Promise<void>) => {
    try {
      await check
    } catch (error) {
      if (!closing.aborted) onDamage(error)
      return
    }
    if (closing.aborted) return
    await sweep().catch((error: unknown) => log.error({ err: error }, 'unknown files could not be looked for'))
  }
  if (checking) void sweepAfter(checking)
  else await sweep()
  await reserve.renew()
}

function logSwept(log: Logger, { removed, quarantined }: Swept): void {
  for (const file of removed.slice(0, filesLogged))
    log.warn({ file }, 'removed from incoming/: left by unfinished work')
  for (const sha256 of quarantined.slice(0, filesLogged))
    log.warn({ sha256 }, 'moved from content/ to quarantine/: no record refers to it')
  if (removed.length > 0) log.warn({ removed: removed.length }, 'files of unfinished work were removed')
  if (quarantined.length > 0)
    log.warn(
      { quarantined: quarantined.length },
      'content without a record is in quarantine/; uploading the same bytes brings it back',
    )
}
