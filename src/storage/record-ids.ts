import { randomInt } from 'node:crypto'
import { v7 as uuid } from 'uuid'
import type { Catalog } from './database.ts'
import { recordKinds } from './records/record-tables.ts'

/** Number of ids in one millisecond. A random start in the lower half leaves at least 2 billion of them. */
const sequences = 2 ** 32

let [milliseconds, sequence] = [0, 0]

/** Milliseconds by which the clock of new ids is ahead of this machine's. */
let ahead = 0

/**
 * Makes new ids follow another clock than this machine's. Servers that share a catalog follow the clock of its database, so that ids of one are
 * not older than earlier ones of another. @param difference milliseconds by which that clock is ahead
 */
export function followClock(difference: number): void {
  ahead = difference
}

/**
 * Returns a new id for a record. As a text it is greater than every earlier id of this process and of its catalog. If the clock is set back,
 * ids continue from the latest time so far.
 */
export function newRecordId(now: number = Date.now() + ahead): string {
  sequence += 1
  if (now > milliseconds || sequence >= sequences) {
    milliseconds = Math.max(now, milliseconds + 1)
    sequence = randomInt(sequences / 2)
  }
  return uuid({ msecs: milliseconds, seq: sequence })
}

/** True if a value has the form of a record's id. Only damaged ids have another form. */
export function isRecordId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
}

/** Makes new ids greater than all ids of a catalog, even if the clock was ahead when it was written. */
export async function continueIdsOf(catalog: Catalog): Promise<void> {
  for (const table of recordKinds) {
    const ids = catalog.selectFrom(table).select('id').orderBy('id', 'desc')
    // Skip damaged ids, which contain no time. 'g' sorts after all hexadecimal digits.
    const greatest = await ids.where('id', '<', 'g').limit(1).executeTakeFirst()
    if (!isRecordId(greatest?.id)) continue
    // The first 48 bits of a UUID of version 7 are its time.
    const time = Number.parseInt(greatest.id.replace('-', '').slice(0, 12), 16)
    if (time < milliseconds) continue
    milliseconds = time + 1
    sequence = randomInt(sequences / 2)
  }
}
