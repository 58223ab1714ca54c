import { maximumLabels, type RecordChange } from '../../../schemas/common.ts'
import { TureenError } from '../../errors.ts'
import type { Catalog } from '../database.ts'
import { insertLabels, type Labels } from '../record-labels.ts'
import type { RecordTable } from './record-tables.ts'

/** The fields of a record that clients may change. */
export type ChangeableFields = { name: string | null; labels: Labels }

/**
 * Returns the fields of a record after a merge patch (RFC 7396): absent fields stay, and null removes.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if the record would get more than 64 labels
 */
export function changedFields(before: ChangeableFields, { name, labels }: RecordChange): ChangeableFields {
  const merged = new Map(labels === null ? [] : Object.entries(before.labels))
  for (const [key, value] of Object.entries(labels ?? {}))
    if (value === null) merged.delete(key)
    else merged.set(key, value)
  // Records of earlier versions may have more labels, and may keep them.
  if (merged.size > maximumLabels && merged.size > Object.keys(before.labels).length) throw tooManyLabels(merged.size)
  return { name: name === undefined ? before.name : name, labels: Object.fromEntries(merged) }
}

/** Writes the fields of a record that differ from those before. */
export async function writeChange(
  transaction: Catalog,
  table: Exclude<RecordTable, 'jobs'>,
  id: string,
  before: ChangeableFields,
  after: ChangeableFields,
): Promise<void> {
  if (after.name !== before.name)
    await transaction.updateTable(table).set({ name: after.name }).where('id', '=', id).execute()
  const gone = Object.keys(before.labels).filter(key => after.labels[key] !== before.labels[key])
  if (gone.length > 0)
    await transaction.deleteFrom('labels').where('owner_id', '=', id).where('key', 'in', gone).execute()
  const added = Object.entries(after.labels).filter(([key, value]) => before.labels[key] !== value)
  await insertLabels(transaction, id, Object.fromEntries(added))
}

function tooManyLabels(count: number): TureenError {
  const message = `the record would have ${count} labels, and may have ${maximumLabels}`
  return new TureenError('TUREEN_REQUEST_INVALID', `With this change ${message}. Remove labels: null removes one.`, [
    { field: 'labels', expected: `at most ${maximumLabels} labels`, actual: String(count), message },
  ])
}
