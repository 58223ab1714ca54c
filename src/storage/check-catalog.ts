import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'
import { integrityFindings, mendCatalog } from './catalog-integrity.ts'
import { bringUpToDate, type Catalog, connectCatalog, openCatalog } from './database.ts'
import { examineCatalog } from './examine-catalog.ts'
import { damagedCatalog } from './store-refusals.ts'

/** An open catalog, and its check. */
export type CheckedCatalog = {
  catalog: Catalog
  /**
   * Resolves when the catalog has passed its check; null if it has already passed.
   * @throws Error that says what is damaged, and what to do
   */
  checking: Promise<void> | null
}

/** Largest catalog, in bytes, whose check a start waits for. SQLite checks some hundred megabytes a second. */
const checkedAtStart = 64 << 20

/**
 * Opens the catalog and checks it with SQLite. If the catalog is large and of this version, the check runs while the server already serves
 * requests. It rebuilds damaged indexes.
 *
 * @param atStart largest catalog, in bytes, that is checked before this returns
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
  // Check before the migration, which must not build on damaged data.
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

/** Checks the catalog through its own connection, so that requests do not wait. */
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

/** Returns the bytes of the catalog with its write-ahead log. */
async function bytesOf(path: string): Promise<number> {
  const log = await stat(`${path}-wal`).catch(() => null)
  return (await stat(path)).size + (log?.size ?? 0)
}
