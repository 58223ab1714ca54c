import type { CatalogMigrations } from './catalog-migration.ts'
import { checkpointMigrations } from './checkpoint-migrations.ts'
import { contentTotalMigrations } from './content-total-migrations.ts'
import { externalMigrations } from './external-migrations.ts'
import { firstMigrations } from './first-migrations.ts'
import { listMigrations } from './list-migrations.ts'
import { mistakeMigrations } from './mistake-migrations.ts'
import { resultMigrations } from './result-migrations.ts'
import { sharedStoreMigrations } from './shared-store-migrations.ts'

/**
 * The migrations of the catalog, by name, for SQLite and PostgreSQL. Never change a released migration; add new ones at the end. In
 * PostgreSQL, `text` gets the collation "C" and `integer` 64 bits, as SQLite has them.
 */
export const migrations: CatalogMigrations = {
  ...firstMigrations,
  ...resultMigrations,
  ...sharedStoreMigrations,
  ...externalMigrations,
  ...listMigrations,
  ...checkpointMigrations,
  ...mistakeMigrations,
  ...contentTotalMigrations,
}
