import type { LockMode } from './lock-table.ts'

/** A statement of PostgreSQL in the words of SQLite. */
export type TranslatedStatement = {
  sql: string
  /** The lock on the rows that a select returns. */
  rowLock: LockMode | undefined
  /** The kind of statement, as PostgreSQL's answer names it. */
  command: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'
}

/** The function of SQLite that stands for PostgreSQL's clock, in milliseconds since 1970. */
export const clockFunction = 'clock_milliseconds'

const rowLocks = [
  [/ for key share$/, 'keyShare'],
  [/ for no key update$/, 'noKeyUpdate'],
  [/ for update$/, 'update'],
] as const satisfies readonly (readonly [RegExp, LockMode])[]

const commands = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const

/** Returns a statement of the catalog for SQLite. Both databases share all but a few words. @throws Error for words that it does not know */
export function sqlOfSqlite(statement: string): TranslatedStatement {
  const found = rowLocks.find(([words]) => words.test(statement))
  const sql = (found ? statement.replace(found[0], '') : statement)
    .replaceAll(/\$(\d+)/g, '?$1')
    .replaceAll('json_build_object(', 'json_object(')
    .replaceAll('json_agg(', 'json_group_array(')
    .replaceAll('json_object_agg(', 'json_group_object(')
    .replaceAll('::text', '')
    .replaceAll('(extract(epoch from clock_timestamp()) * 1000)::bigint', `${clockFunction}()`)
  const first = /^(?:with\b[\s\S]*?\)\s*)?(select|insert|update|delete)\b/i.exec(sql)?.[1]?.toUpperCase()
  const command = commands.find(name => name === first)
  if (!command || /\bfor (update|share|key share|no key update)\b|\bpg_|::/.test(sql))
    throw new Error(`the simulated database does not know this statement: ${statement}`)
  return { sql, rowLock: found?.[1], command }
}
