import { TureenError } from '../errors.ts'

export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** A cursor is the last id, or index, that was seen; clients are to treat it as opaque. */
export function encodeCursor(last: string): string {
  return Buffer.from(last).toString('base64url')
}

export function decodeCursor(cursor: string): string {
  return decode(cursor, /^[0-9a-f-]{36}$/)
}

/** As {@link decodeCursor}, for lists whose items are counted. */
export function decodeIndexCursor(cursor: string): number {
  return Number(decode(cursor, /^\d{1,15}$/))
}

/** As {@link decodeCursor}, for the list of scores, whose order is that of their times. */
export function decodeScoreCursor(cursor: string): { createdAt: string; key: string } {
  const [createdAt = '', key = ''] = decode(cursor, /^[\dT:.-]+Z [0-9a-f]{64}$/).split(' ')
  return { createdAt, key }
}

function decode(cursor: string, form: RegExp): string {
  const last = Buffer.from(cursor, 'base64url').toString('utf8')
  if (encodeCursor(last) !== cursor || !form.test(last)) {
    const message = 'is not a cursor of this list; take nextCursor of the page before'
    throw new TureenError('TUREEN_REQUEST_INVALID', `The cursor ${message}.`, [{ field: 'cursor', message }])
  }
  return last
}

/** The first `limit` of rows that were fetched with one more than that, and where the next page begins. */
export function pageOf<Item extends { id: string }>(rows: readonly Item[], limit: number): Page<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(last.id) : null }
}
