import type { SQLOutputValue } from 'node:sqlite'
import type { ColumnShape } from './table-shapes.ts'

/** A value as PostgreSQL keeps it. `change`: the difference to the stored value, in words; null if there is none. */
export type ValueInPostgres = { value: string | null; change: string | null }

/** Stands for characters that cannot be kept. */
const replacement = '\ufffd'

/** Integer for one that cannot be read, where a value is required. Sizes and positions are 0 or more, so it makes a record unreadable. */
const noInteger = '-1'

/**
 * Returns a value of SQLite as PostgreSQL can keep it. Damage on disk may have changed its type, and PostgreSQL stores no U+0000.
 * @param bytesOf returns the stored bytes of the text
 */
export function valueInPostgres(
  column: ColumnShape,
  value: SQLOutputValue,
  bytesOf: () => Uint8Array,
): ValueInPostgres {
  return column.type === 'text' ? keptText(column, value, bytesOf) : keptInteger(column, value)
}

function keptText({ isNullable }: ColumnShape, value: SQLOutputValue, bytesOf: () => Uint8Array): ValueInPostgres {
  if (value === null) return isNullable ? same(null) : { value: '', change: 'is null, and became an empty text' }
  if (value instanceof Uint8Array)
    return { value: withoutNul(new TextDecoder().decode(value)), change: 'is a blob, and became the text of its bytes' }
  if (typeof value !== 'string') return { value: String(value), change: 'is a number, and became the text of it' }
  if (value.includes('\0'))
    return { value: withoutNul(value), change: 'holds U+0000, which PostgreSQL does not store, and has U+FFFD instead' }
  if (value.includes(replacement) && !Buffer.from(value).equals(bytesOf()))
    return { value, change: 'holds bytes that are not UTF-8, and has U+FFFD instead' }
  return same(value)
}

function keptInteger({ isNullable }: ColumnShape, value: SQLOutputValue): ValueInPostgres {
  if (typeof value === 'bigint') return same(String(value))
  if (value === null && isNullable) return same(null)
  const otherwise = isNullable ? null : noInteger
  return { value: otherwise, change: `is not an integer, and became ${otherwise ?? 'null'}` }
}

function same(value: string | null): ValueInPostgres {
  return { value, change: null }
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', replacement)
}
