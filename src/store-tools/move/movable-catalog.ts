import type { DatabaseSync } from 'node:sqlite'
import { damagedId } from '../../storage/damaged-ids.ts'
import { recordKinds } from '../../storage/records/record-tables.ts'
import { integrityFindings, recordFindings } from '../catalog-findings.ts'
import type { MoveReport } from './move-report.ts'

/**
 * Checks a catalog before it is copied, and tells its unreadable records, which are copied as they are.
 * @throws Error if the catalog is damaged in a way that a start of the server repairs, or refuses
 */
export function requireMovable(catalog: DatabaseSync, { onFinding }: MoveReport): void {
  for (const { message } of integrityFindings(catalog))
    throw new Error(
      `catalog.sqlite ${message}. Nothing was changed. Start the server once without the new settings: it rebuilds indexes. docs/operations/damaged-catalog.md says what to do if it refuses.`,
    )
  for (const kind of recordKinds) {
    const damaged = catalog.prepare(`select cast(id as text) as id from ${kind} where ${damagedId} limit 1`).get()
    if (damaged)
      throw new Error(
        `catalog.sqlite has a damaged id in ${kind} (${damaged['id']}). Nothing was changed. Start the server once without the new settings: it gives such records other ids.`,
      )
  }
  for (const finding of recordFindings(catalog)) onFinding(finding)
}
