import { type RawBuilder, sql } from 'kysely'
import type { QueueEntries } from '../../src/jobs/cluster/queue-entries.ts'
import type { Catalog } from '../../src/storage/database.ts'

/** The table of the entries, as SQL. They are rows of the same database, so an entry is committed with its job. */
export const entriesTable = `create table "simulated_entries" ("id" text primary key, "type" text not null, "state" text not null,
  "fetches" integer not null, "heartbeat" integer not null)`

/**
 * Returns the entries of the queue as one process has them, in place of pg-boss.
 * @param now returns milliseconds by the clock of the database
 * @param takeoverMilliseconds milliseconds without a heartbeat until another process may take an entry
 */
export function simulatedEntries(catalog: Catalog, now: () => number, takeoverMilliseconds: number): QueueEntries {
  const run = async (through: Catalog, statement: RawBuilder<{ id: string; fetches: number }>) =>
    (await statement.execute(through)).rows
  const own = ({ id, retryCount }: { id: string; retryCount: number }) =>
    sql`"id" = ${id} and "fetches" = ${retryCount} and "state" = 'active'`
  return {
    async add(through, type, ids) {
      let added = 0
      for (const id of ids) {
        const insert = sql<{
          id: string
          fetches: number
        }>`insert into "simulated_entries" ("id", "type", "state", "fetches", "heartbeat")
          values (${id}, ${type}, 'queued', 0, 0) on conflict ("id") do nothing returning "id", "fetches"`
        added += (await run(through, insert)).length
      }
      return added
    },
    async fetch(type, most) {
      const rows = await run(
        catalog,
        sql`update "simulated_entries" set "state" = 'active', "fetches" = "fetches" + 1, "heartbeat" = ${now()}
          where "id" in (select "id" from "simulated_entries" where "type" = ${type} and "state" = 'queued' order by "id" limit ${most})
          returning "id", "fetches"`,
      )
      return rows.map(({ id, fetches }) => ({ id, type, retryCount: fetches }))
    },
    async renew(through, entries) {
      const renewed = new Set<string>()
      for (const entry of entries) {
        const touch = sql<{
          id: string
          fetches: number
        }>`update "simulated_entries" set "heartbeat" = ${now()} where ${own(entry)}
          returning "id", "fetches"`
        for (const { id } of await run(through, touch)) renewed.add(id)
      }
      return renewed
    },
    async remove(through, entry) {
      await run(through, sql`delete from "simulated_entries" where ${own(entry)}`)
    },
    async putBack(through, entry) {
      await run(through, sql`update "simulated_entries" set "state" = 'queued' where ${own(entry)}`)
    },
    async releaseSilent() {
      const silentSince = now() - takeoverMilliseconds
      await run(
        catalog,
        sql`update "simulated_entries" set "state" = 'queued' where "state" = 'active' and "heartbeat" < ${silentSince}`,
      )
    },
    close: async () => undefined,
  }
}
