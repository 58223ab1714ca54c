import type { Catalog } from './database.ts'
import { readOr } from './unreadable.ts'

/** A key as a client sends it, and its scope: the name of the client's token. */
export type ScopedKey = { scope: string; key: string }

/** The outcome of a request with a key. `fingerprint`: a digest of that request; `outcome`: a JSON value. */
export type KeptOutcome = { fingerprint: string; outcome: unknown }

/** Frees the keys of a record, in the transaction that deletes the record. */
export async function freeKeysOf(transaction: Catalog, resourceId: string): Promise<void> {
  await transaction.deleteFrom('idempotency_keys').where('resource_id', '=', resourceId).execute()
}

/** The kept idempotency keys. A key is kept until it expires, or until its record is deleted. */
export type IdempotencyKeys = {
  find(key: ScopedKey): Promise<KeptOutcome | undefined>
  /** Binds a free or expired key to the record that this transaction creates. */
  keep(transaction: Catalog, key: ScopedKey, kept: KeptOutcome & { resource: string }): Promise<void>
  /** Replaces the kept outcome of a key. */
  amend(key: ScopedKey, outcome: unknown): Promise<void>
  removeExpired(): Promise<void>
}

/**
 * Returns the idempotency keys of a catalog.
 * @param seconds seconds until a key expires
 * @param clock returns milliseconds since 1970
 */
export function createIdempotencyKeys(catalog: Catalog, seconds: number, clock: () => number): IdempotencyKeys {
  const now = () => new Date(clock()).toISOString()
  return {
    async find({ scope, key }) {
      const row = await catalog
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'outcome'])
        .where('scope', '=', scope)
        .where('key', '=', key)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      // A key whose outcome is damaged on disk is free again.
      return (
        row &&
        readOr<KeptOutcome, undefined>(
          () => ({ ...row, outcome: JSON.parse(row.outcome) }),
          () => undefined,
        )
      )
    },
    async keep(transaction, { scope, key }, { fingerprint, outcome, resource }) {
      const expires_at = new Date(clock() + seconds * 1000).toISOString()
      const values = { fingerprint, outcome: JSON.stringify(outcome), resource_id: resource, expires_at }
      await transaction
        .insertInto('idempotency_keys')
        .values({ scope, key, ...values })
        .onConflict(conflict => conflict.columns(['scope', 'key']).doUpdateSet(values))
        .execute()
    },
    async amend({ scope, key }, outcome) {
      await catalog
        .updateTable('idempotency_keys')
        .set({ outcome: JSON.stringify(outcome) })
        .where('scope', '=', scope)
        .where('key', '=', key)
        .execute()
    },
    async removeExpired() {
      await catalog.deleteFrom('idempotency_keys').where('expires_at', '<=', now()).execute()
    },
  }
}
