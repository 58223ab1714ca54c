import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let postgres: Awaited<ReturnType<typeof openTestCatalog>>
let sqlite: Catalog
beforeAll(async () => {
  postgres = await openTestCatalog()
  sqlite = await openCatalog(join(postgres.directory, 'catalog.sqlite'))
})
afterAll(async () => {
  await sqlite.destroy()
  await postgres.close()
})

/** A table as both databases describe it. Types are those of SQLite. */
type Table = { columns: string[]; key: string[]; references: string[]; indexes: string[] }

const rowsOf = async (catalog: Catalog, query: ReturnType<typeof sql<Record<string, string>>>) =>
  (await query.execute(catalog)).rows

const tablesOfSqlite = async (): Promise<Record<string, Table>> => {
  const tables = await rowsOf(
    sqlite,
    sql`select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name not like 'kysely%'`,
  )
  const described = tables.map(async ({ name: table }): Promise<[string, Table]> => {
    const columns = await rowsOf(sqlite, sql`select *, "notnull" as required from pragma_table_info(${table})`)
    const keys = columns.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a['pk']) - Number(b['pk']))
    const references = await rowsOf(sqlite, sql`select * from pragma_foreign_key_list(${table})`)
    const indexes = await rowsOf(
      sqlite,
      sql`select case list.origin when 'u' then 'unique' else list.name end as name, group_concat(info.name, ',') as columns
        from pragma_index_list(${table}) list join pragma_index_info(list.name) info
        where list.origin in ('c', 'u') group by list.name`,
    )
    return [
      String(table),
      {
        columns: columns
          .map(({ name, type, required, pk }) => `${name} ${type}${required || Number(pk) ? ' not null' : ''}`)
          .sort(),
        key: keys.map(({ name }) => String(name)),
        references: references.map(({ from, table, to }) => `${from} ${table}.${to}`).sort(),
        indexes: indexes.map(({ name, columns }) => `${name}(${columns})`).sort(),
      },
    ]
  })
  return Object.fromEntries(await Promise.all(described))
}

const tablesOfPostgres = async (): Promise<Record<string, Table>> => {
  const tables = await rowsOf(
    postgres.catalog,
    sql`select table_name as name from information_schema.tables
      where table_schema = current_schema() and table_name not like 'kysely%'`,
  )
  const described = tables.map(async ({ name: table }): Promise<[string, Table]> => {
    const columns = await rowsOf(
      postgres.catalog,
      sql`select column_name as name, data_type as type, collation_name as collation, is_nullable as nullable
        from information_schema.columns where table_schema = current_schema() and table_name = ${table}`,
    )
    // Texts compare by their bytes in SQLite.
    for (const { type, collation } of columns) expect(collation).toBe(type === 'text' ? 'C' : null)
    const indexes = await rowsOf(
      postgres.catalog,
      sql`select case when constrained.contype = 'u' then 'unique' else class.relname end as name, indisprimary as "isKey",
          (select string_agg(pg_get_indexdef(indexrelid, at, true), ',' order by at)
            from generate_series(1, indnkeyatts) at) as columns
        from pg_index join pg_class class on class.oid = indexrelid
        left join pg_constraint constrained on constrained.conindid = indexrelid and constrained.contype in ('p', 'u')
        where indrelid = ${sql.lit(table ?? '')}::regclass`,
    )
    const references = await rowsOf(
      postgres.catalog,
      sql`select own.attname as "from", confrelid::regclass::text as "table", other.attname as "to" from pg_constraint
        join pg_attribute own on own.attrelid = conrelid and own.attnum = conkey[1]
        join pg_attribute other on other.attrelid = confrelid and other.attnum = confkey[1]
        where contype = 'f' and conrelid = ${sql.lit(table ?? '')}::regclass`,
    )
    const sqliteTypes: Record<string, string> = { text: 'TEXT', bigint: 'INTEGER' }
    return [
      String(table),
      {
        columns: columns
          .map(
            ({ name, type, nullable }) => `${name} ${sqliteTypes[type ?? '']}${nullable === 'NO' ? ' not null' : ''}`,
          )
          .sort(),
        key: indexes
          .filter(({ isKey }) => isKey)
          .flatMap(({ columns }) => String(columns).replaceAll('"', '').split(',')),
        references: references.map(({ from, table, to }) => `${from} ${table}.${to}`).sort(),
        indexes: indexes.flatMap(({ name, columns, isKey }) => (isKey ? [] : [`${name}(${columns})`])).sort(),
      },
    ]
  })
  return Object.fromEntries(await Promise.all(described))
}

test('both databases have the same tables, columns, keys, references and indexes, but for the total of PostgreSQL', async () => {
  const expected = await tablesOfSqlite()
  const { jobs, model_files: files } = expected
  if (!jobs || !files) throw new Error('the catalog has jobs and files of models')
  // An index of PostgreSQL takes 2,704 bytes an entry: not all columns of a list, and no long location.
  jobs.indexes = jobs.indexes.filter(index => !index.startsWith('jobs_listed('))
  expect(files.key).toEqual(['model_id', 'location'])
  files.key = []
  // SQLite does not show the expressions of an index.
  for (const [table, { indexes }] of Object.entries(expected))
    for (const [at, index] of indexes.entries())
      if (index === `${table}_sorted_by_name(id)`) indexes[at] = `${table}_sorted_by_name(COALESCE(name, ''::text),id)`
  const digest = "sha256(replace(location, '\\'::text, '\\\\'::text)::bytea)"
  files.indexes.push(`model_files_key(model_id,${digest})`)
  files.indexes.sort()
  // SQLite has one server, which counts its content in memory.
  const columns = ['bytes INTEGER not null', 'files INTEGER not null']
  expected['content_total'] = { columns, key: [], references: [], indexes: [] }
  expect(await tablesOfPostgres()).toEqual(expected)
})

test('both databases know the same migrations', async () => {
  for (const catalog of [sqlite, postgres.catalog]) {
    const rows = await rowsOf(catalog, sql`select name from kysely_migration order by name`)
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(migrations))
  }
})

test('a job has one of five statuses in both', async () => {
  const row = { id: 'j', type: 'merge', status: 'lost', request: '{}', created_at: '' }
  for (const catalog of [sqlite, postgres.catalog])
    await expect(catalog.insertInto('jobs').values(row).execute()).rejects.toThrow('jobs_status')
})
