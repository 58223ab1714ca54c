import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the PostgreSQL server that holds the catalogs; undefined where the tests run on SQLite. */
    postgres: string | undefined
  }
}

/** Global setup of the tier `cluster`: one PostgreSQL server for all of its files. Each catalog is in a database of its own. */
export default async function provide(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres()
  project.provide('postgres', postgres.url('postgres'))
  return postgres.remove
}
