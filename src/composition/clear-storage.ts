import type { Logger } from 'pino'
import type { Swept } from '../storage/contents.ts'
import { renewDamagedIds } from '../storage/damaged-ids.ts'
import type { OpenCatalog, Storage } from './storage.ts'
import { sweepDaily } from './sweep-daily.ts'

/** Most files that the log names one by one. */
const filesLogged = 100

/**
 * Clears away what a killed process left. While the catalog is still being checked this returns at once, and the clearing
 * follows the check. Content outside of the data directory is looked through in the background, by one of the servers that share it.
 *
 * @param closing fires when the server stops
 * @param onDamage hears that the catalog has not passed its check
 */
export async function clearStorage(
  { catalog, contents, contentFiles, reserve, election, closeRemote, retired }: Storage,
  { checking }: OpenCatalog,
  { closing, onDamage, log }: { closing: AbortSignal; onDamage: (error: unknown) => void; log: Logger },
): Promise<void> {
  const sweep = async () => {
    for (const renewed of await renewDamagedIds(catalog))
      log.warn(renewed, 'the id of a record was damaged on the disk, and the record has another one now')
    logSwept(log, await contents.sweep(closing), retired)
  }
  const sweepLogged = () =>
    sweep().then(
      () => true,
      (error: unknown) => {
        if (!closing.aborted) log.error({ err: error }, 'unknown files could not be looked for')
        return false
      },
    )
  const afterCheck = async (run: () => Promise<unknown>) => {
    try {
      await checking
    } catch (error) {
      if (!closing.aborted) onDamage(error)
      return
    }
    if (!closing.aborted) await run()
  }
  // Content elsewhere may be out of reach now, and other processes leave theirs there.
  if (closeRemote) {
    logSwept(log, { removed: await contentFiles.removeLeftovers(), quarantined: [] }, retired)
    void afterCheck(() => sweepDaily(election, sweepLogged, closing))
  } else if (checking) void afterCheck(sweepLogged)
  else await sweep()
  await reserve.renew()
}

function logSwept(log: Logger, { removed, quarantined }: Swept, retired: string): void {
  for (const file of removed.slice(0, filesLogged))
    log.warn({ file }, 'removed from incoming/: left by unfinished work')
  for (const sha256 of quarantined.slice(0, filesLogged)) log.warn({ sha256 }, retired)
  if (removed.length > 0) log.warn({ removed: removed.length }, 'files of unfinished work were removed')
  if (quarantined.length > 0)
    log.warn({ quarantined: quarantined.length }, `content without a record was ${retired.replace(/:.*/, '')}`)
}
