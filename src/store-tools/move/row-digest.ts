import { createHash } from 'node:crypto'

/** Values of a row as texts, in the order of the columns. */
export type TextRow = readonly (string | null)[]

/** Number of rows, a digest of them that does not depend on their order, and the characters of the longest row. */
export type RowsSummary = { rows: number; digest: string; longest: number }

/** Collects the summary of rows, one at a time. */
export type RowsDigest = { add(row: TextRow): void; summary(): RowsSummary }

const digestBits = 256

/** Returns a summary of no rows. The digest is the sum of the digests of all rows, so that two databases may order texts differently. */
export function createRowsDigest(): RowsDigest {
  let [rows, longest, sum] = [0, 0, 0n]
  return {
    add(row) {
      rows += 1
      longest = Math.max(longest, charactersOf(row))
      const digest = createHash('sha256').update(JSON.stringify(row)).digest('hex')
      sum = BigInt.asUintN(digestBits, sum + BigInt(`0x${digest}`))
    },
    summary: () => ({ rows, longest, digest: sum.toString(16).padStart(digestBits / 4, '0') }),
  }
}

/** Returns the number of characters of a row. */
export function charactersOf(row: TextRow): number {
  return row.reduce((sum, value) => sum + (value?.length ?? 0), 0)
}
