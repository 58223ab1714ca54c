import type { Catalog } from './database.ts'
import { readOr } from './unreadable.ts'

/** A key as a client sends it, within what belongs to one principal. */
export type ScopedKey = { scope: string; key: string }

/** What a request with a key has created. `fingerprint` tells that request from others, `outcome` is a JSON value. */
export type KeptOutcome = { fingerprint: string; outcome: unknown }

/** Frees the keys under which something was created, in the transaction that deletes it. */
export async function freeKeysOf(transaction: Catalog, resourceId: string): Promise<void> {
  await transaction.deleteFrom('idempotency_keys').where('resource_id', '=', resourceId).execute()
}

/** What has been created under which Idempotency-Key, until the keys expire or that is deleted. */
export type IdempotencyKeys = {
  find(key: ScopedKey): Promise<KeptOutcome | undefined>
  /** Binds a key, free or expired, to what is created in this transaction. */
  keep(transaction: Catalog, key: ScopedKey, kept: KeptOutcome & { resource: string }): Promise<void>
  /** Puts a later outcome of the same creation in place of the one that is kept. */
  amend(key: ScopedKey, outcome: unknown): Promise<void>
  removeExpired(): Promise<void>
}

/**
 * @param seconds how long a key is remembered
 * @param clock milliseconds since 1970
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
      // A key whose outcome was damaged on the disk is free again.
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
