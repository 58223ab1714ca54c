import type { Kysely, RawBuilder } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isPostgres } from '../catalog-sql.ts'

/**
 * A migration of the catalog. `needs`: the name of an earlier migration. A program that knows that one can use a catalog with this one, so
 * servers of both versions may run side by side. Undefined: a program must know this migration itself.
 */
export type CatalogMigration = Migration & { needs?: string }

/** Migrations by name. */
export type CatalogMigrations = Record<string, CatalogMigration>

/** Changes rows of versions that knew SQLite only. A database of PostgreSQL has no such rows, so the statement is SQLite's. */
export async function changeEarlierRows(db: Kysely<unknown>, statement: RawBuilder<unknown>): Promise<void> {
  if (!isPostgres(db)) await statement.execute(db)
}
