import { TureenError } from '../errors.ts'

export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** A cursor is the last id, or index, that was seen; clients are to treat it as opaque. */
export function encodeCursor(last: string): string {
  return Buffer.from(last).toString('base64url')
}

export function decodeCursor(cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : decode(cursor, /^[0-9a-f-]{36}$/)
}

/** As {@link decodeCursor}, for lists whose items are counted. */
export function decodeIndexCursor(cursor: string): number {
  return Number(decode(cursor, /^\d{1,15}$/))
}

/** As {@link decodeCursor}, for the list of scores, whose key is `<time> <key>`. */
export function decodeScoreCursor(cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : decode(cursor, /^[\dT:.-]+Z [0-9a-f]{64}$/)
}

function decode(cursor: string, form: RegExp): string {
  const last = Buffer.from(cursor, 'base64url').toString('utf8')
  if (encodeCursor(last) !== cursor || !form.test(last)) {
    const message = 'is not a cursor of this list; send nextCursor of the page before'
    throw new TureenError('TUREEN_REQUEST_INVALID', `The cursor ${cursor} ${message}.`, [
      { field: 'cursor', expected: 'nextCursor of the page before', actual: cursor, message },
    ])
  }
  return last
}

/** Bytes of JSON of the items of one page. An item that alone has more comes alone. */
const maximumPageBytes = 1_000_000

/** Rows that are read before it is known how large they are. */
const firstRows = 8

/** Where a page of a list comes from. */
export type PageSource<Row, Item> = {
  /** Up to so many rows behind the one with a key; undefined: from the beginning. */
  read(after: string | undefined, count: number): Promise<readonly Row[]>
  /** The key of a row, of which the cursor is made. */
  keyOf(row: Row): string
  toItem(row: Row): Item
}

/**
 * A page of a list: up to `limit` items and 1 MB. It reads about as many rows as it answers with, however large they are.
 * @param after the key of the last row of the page before
 */
export async function readPage<Row, Item>(
  { read, keyOf, toItem }: PageSource<Row, Item>,
  limit: number,
  after: string | undefined,
): Promise<Page<Item>> {
  const items: Item[] = []
  let [last, bytes] = [after, 0]
  for (;;) {
    const fitting = items.length === 0 ? firstRows : Math.ceil(((maximumPageBytes - bytes) * items.length) / bytes)
    const count = Math.min(limit - items.length, fitting)
    const rows = await read(last, count + 1)
    const nextCursor = () => (last === undefined ? null : encodeCursor(last))
    for (const row of rows.slice(0, count)) {
      const item = toItem(row)
      bytes += bytesOf(item)
      if (items.length > 0 && bytes > maximumPageBytes) return { items, nextCursor: nextCursor() }
      items.push(item)
      last = keyOf(row)
    }
    if (rows.length <= count) return { items, nextCursor: null }
    if (items.length === limit) return { items, nextCursor: nextCursor() }
  }
}

/** The first items of a list that fit into one page. */
export function fittingItems<Item>(items: readonly Item[]): Item[] {
  let bytes = 0
  const beyond = items.findIndex((item, index) => {
    bytes += bytesOf(item)
    return index > 0 && bytes > maximumPageBytes
  })
  return beyond < 0 ? [...items] : items.slice(0, beyond)
}

function bytesOf(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item))
}
