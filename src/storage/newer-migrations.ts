import { type Kysely, sql } from 'kysely'
import { isPostgres } from './catalog-sql.ts'
import type { CatalogMigration } from './migrations/catalog-migration.ts'
import { migrations } from './migrations/migrations.ts'

// Servers of two versions use one catalog while they are upgraded one after the other. The newer version says in the catalog what a program
// must know to use it (`CatalogMigration.needs`). Only PostgreSQL has several servers.

/**
 * Returns the migrations of a newer version that a catalog already has, as migrations that do nothing.
 * @throws Error if this version cannot use a catalog with one of them
 */
export async function newerMigrations<Tables>(catalog: Kysely<Tables>): Promise<Record<string, CatalogMigration>> {
  if (!isPostgres(catalog) || !(await hasTable(catalog, 'kysely_migration'))) return {}
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(catalog)
  const newer = applied.rows.map(({ name }) => name).filter(name => !Object.hasOwn(migrations, name))
  if (newer.length === 0) return {}
  const needs = new Map<string, string>()
  if (await hasTable(catalog, 'kysely_migration_needs')) {
    const kept = await sql<{ name: string; needs: string }>`select name, needs from kysely_migration_needs`.execute(
      catalog,
    )
    for (const { name, needs: needed } of kept.rows) needs.set(name, needed)
  }
  const unusable = newer.filter(name => !Object.hasOwn(migrations, needs.get(name) ?? ''))
  if (unusable.length > 0)
    throw new Error(
      `it was written by a newer version of Tureen, and this version cannot use its migrations ${unusable.join(', ')}. Start the newer version`,
    )
  return Object.fromEntries(newer.map(name => [name, { up: async () => undefined }]))
}

/** Writes into the catalog which of its migrations an older program can use. */
export async function keepMigrationNeeds<Tables>(catalog: Kysely<Tables>): Promise<void> {
  if (!isPostgres(catalog)) return
  for (const [name, { needs }] of Object.entries(migrations)) {
    if (needs === undefined) continue
    await sql`insert into kysely_migration_needs (name, needs) values (${name}, ${needs}) on conflict do nothing`.execute(
      catalog,
    )
  }
}

async function hasTable<Tables>(catalog: Kysely<Tables>, name: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select to_regclass(${name}) is not null as found`.execute(catalog)
  return rows.some(({ found }) => found)
}
