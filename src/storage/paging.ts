import pLimit from 'p-limit'
import { longestCursor } from '../../schemas/common.ts'
import { TureenError } from '../errors.ts'
import { ownTurn } from '../own-turn.ts'

export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** Returns the cursor after an item: its id, index or key, encoded. Cursors are opaque for clients. */
export function encodeCursor(last: string): string {
  return Buffer.from(last).toString('base64url')
}

/** Reads the cursor of a list whose places have this form. */
export function decodePlace(cursor: string | undefined, form: RegExp): string | undefined {
  return cursor === undefined ? undefined : decode(cursor, form)
}

/** Reads the cursor of a list whose items have an index. */
export function decodeIndexCursor(cursor: string): number {
  return Number(decode(cursor, /^\d{1,15}$/))
}

/** Reads the cursor of the list of scores, whose key is `<time> <key>`. */
export function decodeScoreCursor(cursor: string | undefined): string | undefined {
  return decodePlace(cursor, /^[\dT:.-]+Z [0-9a-f]{64}$/)
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

/** Most bytes of JSON in one page. A larger item comes alone. */
const maximumPageBytes = 1_000_000

/** More than the bytes of a page beside its items: the names of its two fields, and the longest cursor. */
const emptyPageBytes = longestCursor + 100

/** Number of rows to read first, before their sizes are known. */
const firstRows = 8

/** Milliseconds of rows in one turn of the event loop, and one row more. */
const turnMilliseconds = 5

/** Limits the pages that are read at a time, of all lists together. The catalog answers one query after the other, and readiness waits behind them. */
const pageReads = pLimit(2)

/** The source of a list's pages. */
export type PageSource<Row, Item> = {
  /** Reads at most `count` rows after the row with a key; from the beginning if `after` is undefined. */
  read(after: string | undefined, count: number): Promise<readonly Row[]>
  /** Returns the key of a row, from which the cursor is made. */
  keyOf(row: Row): string
  toItem(row: Row): Item
}

/**
 * Returns a page of a list: at most `limit` items and 1 MB. It reads about as many rows as it returns, also if they are large.
 * @param after key of the last row of the previous page
 */
export async function readPage<Row, Item>(
  { read, keyOf, toItem }: PageSource<Row, Item>,
  limit: number,
  after: string | undefined,
): Promise<Page<Item>> {
  const items: Item[] = []
  let [last, bytes] = [after, emptyPageBytes]
  for (;;) {
    const fitting = items.length === 0 ? firstRows : Math.ceil(((maximumPageBytes - bytes) * items.length) / bytes)
    const count = Math.min(limit - items.length, fitting)
    const rows = await pageReads(() => read(last, count + 1))
    // Outside of the read: the catalog answers others meanwhile.
    await ownTurn()
    let begun = performance.now()
    const nextCursor = () => (last === undefined ? null : encodeCursor(last))
    for (const row of rows.slice(0, count)) {
      // A row may be a thousand times as long as its item, such as that of a soup with its recipe.
      if (performance.now() - begun > turnMilliseconds) {
        await ownTurn()
        begun = performance.now()
      }
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

/** Returns the first items of a list that fit into one page. */
export function fittingItems<Item>(items: readonly Item[]): Item[] {
  let bytes = emptyPageBytes
  const beyond = items.findIndex((item, index) => {
    bytes += bytesOf(item)
    return index > 0 && bytes > maximumPageBytes
  })
  return beyond < 0 ? [...items] : items.slice(0, beyond)
}

/** Returns the bytes of an item and of the comma behind it. */
function bytesOf(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item)) + 1
}
