import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

// The SQL that SQLite and PostgreSQL do not share. All other statements are the same on both.

/** True if this database is PostgreSQL; false if it is SQLite. */
export function isPostgres<Tables>(database: Kysely<Tables>): boolean {
  return database.getExecutor().adapter instanceof PostgresAdapter
}

/** Rows of one owner: the table, the column that refers to the owner, such as `models.id`, and the column that orders the rows. */
type OwnedRows = { table: string; owner: string; is: string; by: string }

/** Types of the columns of a list. SQLite casts them, since damage on disk may have changed their types. */
export type ColumnTypes = Record<string, 'text' | 'integer'>

/** Returns a column with the rows of an owner as the text of a JSON list of objects. */
export function jsonList<Tables>(
  database: Kysely<Tables>,
  { table, owner, is, by }: OwnedRows,
  columns: ColumnTypes,
): RawBuilder<string> {
  const own = sql`from ${sql.table(table)} where ${sql.ref(owner)} = ${sql.ref(is)}`
  const fields = (column: (name: string, type: ColumnTypes[string]) => RawBuilder<unknown>) =>
    sql.join(Object.entries(columns).flatMap(([name, type]) => [sql.lit(name), column(name, type)]))
  if (isPostgres(database)) {
    const items = sql`json_build_object(${fields(name => sql.ref(name))}) order by ${sql.ref(by)}`
    return sql<string>`(select coalesce(json_agg(${items})::text, '[]') ${own})`
  }
  const item = fields((name, type) => sql`cast(${sql.ref(name)} as ${sql.raw(type)})`)
  const names = sql.join(Object.keys(columns).map(name => sql.ref(name)))
  return sql<string>`(select json_group_array(json_object(${item})) from (select ${names} ${own} order by ${sql.ref(by)}))`
}

/** Returns a column with keys and values of an owner's rows as the text of a JSON object. */
export function jsonMap<Tables>(
  database: Kysely<Tables>,
  { table, owner, is, by }: OwnedRows,
  value: string,
): RawBuilder<string> {
  const own = sql`from ${sql.table(table)} where ${sql.ref(owner)} = ${sql.ref(is)}`
  const [key, of] = [sql.ref(by), sql.ref(value)]
  if (isPostgres(database))
    return sql<string>`(select coalesce(json_object_agg(${key}, ${of} order by ${key})::text, '{}') ${own})`
  return sql<string>`(select json_group_object(cast(${key} as text), cast(${of} as text))
    from (select ${key}, ${of} ${own} order by ${key}))`
}
