import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Changes the catalog of a server that `startApp` started, as a fault or an operator would.
 * @param sql one statement, with `?` for each parameter
 * @returns the number of changed rows
 */
export async function changeCatalog(
  { data, database }: { data: string; database: string | null },
  sql: string,
  parameters: readonly string[] = [],
): Promise<number> {
  if (database === null) return changeSqlite(join(data, 'catalog.sqlite'), sql, parameters)
  const { Client } = (await import('pg')).default
  const client = new Client(database)
  await client.connect()
  let place = 0
  const { rowCount } = await client.query(
    sql.replaceAll('?', () => `$${++place}`),
    [...parameters],
  )
  await client.end()
  return rowCount ?? 0
}

/** Waits between tries. The server in this process may hold the catalog for a transaction, which a waiting thread would not let end. */
async function changeSqlite(path: string, sql: string, parameters: readonly string[]): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const catalog = new DatabaseSync(path, { timeout: 0 })
    try {
      return Number(catalog.prepare(sql).run(...parameters).changes)
    } catch (error) {
      if (tries === 1000 || !(error instanceof Error) || !error.message.includes('locked')) throw error
    } finally {
      catalog.close()
    }
    await delay(10)
  }
}
