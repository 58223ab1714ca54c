import { rename } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { examineCatalog } from '../storage/examine-catalog.ts'
import { unlessMissing } from '../storage/missing-file.ts'
import { integrityFindings } from './catalog-findings.ts'

/** `id`: id of the store in the catalog; null if it has none. `aside`: new path of a damaged catalog, whose rows may still be readable. */
export type UsableCatalog = { id: string | null; aside?: string }

/**
 * Renames an unusable catalog, so that a new one can be started. If only indexes are damaged, it rebuilds them.
 * @throws Error if the catalog is of a newer version
 */
export async function usableCatalog(path: string, say: (line: string) => void): Promise<UsableCatalog> {
  const catalog = await examineCatalog(path)
  if (catalog.kind === 'newer')
    throw new Error(`catalog.sqlite ${catalog.reason}. Nothing was changed. Start the newer version.`)
  if (catalog.kind === 'missing') return { id: null }
  if (catalog.kind === 'catalog' && isSound(path)) return { id: catalog.id }
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '-')}`
  for (const ending of ['', '-wal', '-shm']) await unlessMissing(rename(`${path}${ending}`, `${aside}${ending}`))
  const reason = catalog.kind === 'catalog' ? 'is damaged' : catalog.reason
  say(`catalog.sqlite ${reason}. It was set aside as ${aside}, and a new one begun.`)
  const isOurs = catalog.kind === 'catalog' || catalog.kind === 'damaged'
  return { id: catalog.kind === 'catalog' ? catalog.id : null, ...(isOurs ? { aside } : {}) }
}

function isSound(path: string): boolean {
  const catalog = new DatabaseSync(path)
  try {
    const isWhole = () => integrityFindings(catalog).next().done === true
    if (isWhole()) return true
    catalog.exec('reindex')
    return isWhole()
  } catch {
    return false
  } finally {
    catalog.close()
  }
}
