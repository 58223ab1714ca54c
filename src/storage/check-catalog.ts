import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'
import { integrityFindings, mendCatalog } from './catalog-integrity.ts'
import { bringUpToDate, type Catalog, connectCatalog, openCatalog } from './database.ts'
import { examineCatalog } from './examine-catalog.ts'
import { damagedCatalog } from './store-refusals.ts'

/** A catalog that was opened, and the end of its check. */
export type CheckedCatalog = {
  catalog: Catalog
  /** Ends when the catalog has passed; null if it has. @throws Error that says what is damaged, and what to do */
  checking: Promise<void> | null
}

/** SQLite checks some hundred megabytes a second; a start does not wait for more than this. */
const checkedAtStart = 64 << 20

/**
 * Opens the catalog and has SQLite check it: before this returns, or beside the requests if the catalog is large and of this
 * version. Damaged indexes are made anew.
 *
 * @param atStart bytes of a catalog that is checked before this returns
 * @throws Error that says why the catalog cannot be used, and what to do
 */
export async function openCheckedCatalog(
  path: string,
  storeId: string,
  log: Logger,
  atStart: number = checkedAtStart,
): Promise<CheckedCatalog> {
  const examined = await examineCatalog(path)
  if (examined.kind !== 'catalog') return { catalog: await openCatalog(path, storeId), checking: null }
  if (examined.isCurrent && (await bytesOf(path)) > atStart) {
    const catalog = await openCatalog(path, storeId)
    return { catalog, checking: checkBeside(catalog, path, log) }
  }
  // A migration would build on what is damaged.
  const catalog = connectCatalog(path)
  try {
    await repair(catalog, await integrityFindings(catalog), path, log)
    await bringUpToDate(catalog, storeId)
    return { catalog, checking: null }
  } catch (error) {
    await catalog.destroy().catch(() => undefined)
    throw error
  }
}

/** Checks through a connection of its own, so that requests do not wait for it. */
async function checkBeside(catalog: Catalog, path: string, log: Logger): Promise<void> {
  const beside = connectCatalog(path)
  try {
    await repair(catalog, await integrityFindings(beside), path, log)
  } finally {
    await beside.destroy()
  }
  log.info('the catalog has passed its check')
}

async function repair(catalog: Catalog, findings: readonly string[], path: string, log: Logger): Promise<void> {
  const [first] = findings
  if (first === undefined) return
  log.warn(
    { findings },
    'the catalog is damaged: the server rebuilds its indexes, and the status of each job that has none',
  )
  if (!(await mendCatalog(catalog))) {
    const reason = `is damaged: ${basename(path)} fails SQLite's integrity_check ("${first.replaceAll(/\s+/g, ' ')}")`
    throw damagedCatalog(dirname(path), { reason })
  }
  log.warn(
    'the catalog has passed its check: only redundant data were damaged, and the server rebuilt them from the records',
  )
}

/** Bytes of the catalog with its log. */
async function bytesOf(path: string): Promise<number> {
  const log = await stat(`${path}-wal`).catch(() => null)
  return (await stat(path)).size + (log?.size ?? 0)
}
