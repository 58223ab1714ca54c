import { randomInt } from 'node:crypto'
import { v7 as uuid } from 'uuid'
import type { Catalog } from './database.ts'

/** Ids of one millisecond are told apart by 32 bits; a random start leaves room for 2 billion of them. */
const sequences = 2 ** 32

let [milliseconds, sequence] = [0, 0]

/**
 * A new id for a record, greater as a text than every other of this process and of the catalog that it continues. The clock may be set
 * back: ids then go on from the greatest time that there was.
 */
export function newRecordId(now: number = Date.now()): string {
  sequence += 1
  if (now > milliseconds || sequence >= sequences) {
    milliseconds = Math.max(now, milliseconds + 1)
    sequence = randomInt(sequences / 2)
  }
  return uuid({ msecs: milliseconds, seq: sequence })
}

/** Whether a value has the form of a record's id, as every one has that was not damaged. */
export function isRecordId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
}

/** Makes new ids greater than all in a catalog, whose records may be of a time when the clock was ahead. */
export async function continueIdsOf(catalog: Catalog): Promise<void> {
  for (const table of ['models', 'datasets', 'jobs'] as const) {
    const ids = catalog.selectFrom(table).select('id').orderBy('id', 'desc')
    // One that was damaged on the disk is not of a time. 'g' comes behind all digits.
    const greatest = await ids.where('id', '<', 'g').limit(1).executeTakeFirst()
    if (!isRecordId(greatest?.id)) continue
    // The first 48 bits of a UUID of version 7 are its time.
    const time = Number.parseInt(greatest.id.replace('-', '').slice(0, 12), 16)
    if (time < milliseconds) continue
    milliseconds = time + 1
    sequence = randomInt(sequences / 2)
  }
}
