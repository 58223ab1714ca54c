import { z } from 'zod'
import { TureenError } from '../errors.ts'
import { NewerDocument } from './documents/stored-document.ts'

/** Reads a column of a record. @throws Error that names the column if `read` throws */
export function column<Value>(name: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Error(`its ${name} cannot be read (${error instanceof Error ? error.message : error})`)
  }
}

/**
 * Returns the record that `read` makes from a row; the result of `rest` if the row is damaged on disk, or of a newer version.
 * @param read uses only the row, so that every error means such a row
 * @param rest gets the reason why the row cannot be read
 */
export function readOr<Read, Rest>(read: () => Read, rest: (reason: string) => Rest): Read | Rest {
  try {
    return read()
  } catch (error) {
    return rest(reasonOf(error))
  }
}

/** Returns the reason why a record cannot be read, and what to do. */
function reasonOf(error: unknown): string {
  if (error instanceof NewerDocument) return `${error.message}. Start that version again, or delete the record`
  const damage = error instanceof z.ZodError ? issueOf(error) : error instanceof Error ? error.message : String(error)
  return `${damage}. Delete the record, make it again, and check the disk`
}

/** Returns the JSON value of a text if it matches the schema; else `otherwise`. */
export function jsonOr<Value, Otherwise>(
  schema: z.ZodType<Value>,
  text: string,
  otherwise: Otherwise,
): Value | Otherwise {
  return readOr<Value, Otherwise>(
    () => schema.parse(JSON.parse(text)),
    () => otherwise,
  )
}

/** Returns the value if it matches the schema; else `otherwise`. */
export function validOr<Value, Otherwise>(
  schema: z.ZodType<Value>,
  value: unknown,
  otherwise: Otherwise,
): Value | Otherwise {
  const { success, data } = schema.safeParse(value)
  return success ? data : otherwise
}

/** True if a record can be read. */
export function isReadable<Item extends object>(item: Item): item is Exclude<Item, { unreadable: string }> {
  return !('unreadable' in item)
}

/** The record that a refusal is about, under the name of its kind. */
export type NamedRecord = { model: string } | { dataset: string } | { export: string } | { job: string }

/** Returns a record that can be read. @throws TureenError `TUREEN_RECORD_UNREADABLE` if it cannot */
export function requireReadable<Item extends object>(
  record: NamedRecord,
  item: Item,
): Exclude<Item, { unreadable: string }> {
  if (isReadable(item)) return item
  throw unreadableRecord(record, 'unreadable' in item ? String(item.unreadable) : '')
}

/** Returns the refusal of a record that cannot be read. @param reason the reason, and what to do */
export function unreadableRecord(record: NamedRecord, reason: string): TureenError {
  const [[kind = '', id] = []] = Object.entries(record)
  const what = kind === 'dataset' ? 'data set' : kind
  return new TureenError('TUREEN_RECORD_UNREADABLE', `The record of the ${what} ${id} cannot be read: ${reason}.`, [
    { ...record, message: reason },
  ])
}

function issueOf({ issues: [first] }: z.ZodError): string {
  return `its ${first?.path.join('.')} is not valid (${first?.message})`
}
