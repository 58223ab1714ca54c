import type { Catalog } from './database.ts'
import { type DocumentKind, NewerDocument, openDocument, writeDocument } from './documents/stored-document.ts'
import { readOr } from './unreadable.ts'

/** A key as a client sends it, and its scope: the name of the client's token. */
export type ScopedKey = { scope: string; key: string }

/**
 * The outcome of a request with a key. `fingerprint`: a digest of that request; `outcome`: a JSON object, or the error of a newer version's
 * outcome.
 */
export type KeptOutcome = { fingerprint: string; outcome: object }

/** Frees the keys of a record, in the transaction that deletes the record. */
export async function freeKeysOf(transaction: Catalog, resourceId: string): Promise<void> {
  await transaction.deleteFrom('idempotency_keys').where('resource_id', '=', resourceId).execute()
}

/** The outcome that the catalog keeps of a key. */
const outcomeDocument: DocumentKind = { name: 'outcome', upgrades: [] }

/** The kept idempotency keys. A key is kept until it expires, or until its record is deleted. */
export type IdempotencyKeys = {
  find(key: ScopedKey): Promise<KeptOutcome | undefined>
  /**
   * Binds a free or expired key to the record that this transaction creates.
   * @returns false if another transaction has bound the key meanwhile; then this one must not create the record
   */
  keep(transaction: Catalog, key: ScopedKey, kept: KeptOutcome & { resource: string }): Promise<boolean>
  /** Frees a key whose outcome is damaged on disk. */
  free(key: ScopedKey): Promise<void>
  /** Replaces the kept outcome of a key. */
  amend(key: ScopedKey, outcome: object): Promise<void>
  removeExpired(): Promise<void>
}

/**
 * Returns the idempotency keys of a catalog.
 * @param seconds seconds until a key expires
 * @param clock returns milliseconds since 1970
 */
export function createIdempotencyKeys(catalog: Catalog, seconds: number, clock: () => number): IdempotencyKeys {
  const now = () => new Date(clock()).toISOString()
  const free: IdempotencyKeys['free'] = async ({ scope, key }) => {
    await catalog.deleteFrom('idempotency_keys').where('scope', '=', scope).where('key', '=', key).execute()
  }
  return {
    free,
    async find({ scope, key }) {
      const row = await catalog
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'outcome'])
        .where('scope', '=', scope)
        .where('key', '=', key)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      if (!row) return undefined
      const kept = readOr<KeptOutcome, undefined>(
        () => ({ ...row, outcome: outcomeIn(row.outcome) }),
        () => undefined,
      )
      if (!kept) await free({ scope, key })
      return kept
    },
    async keep(transaction, { scope, key }, { fingerprint, outcome, resource }) {
      const expires_at = new Date(clock() + seconds * 1000).toISOString()
      const values = {
        fingerprint,
        outcome: writeDocument(outcomeDocument, outcome),
        resource_id: resource,
        expires_at,
      }
      const { numInsertedOrUpdatedRows = 0n } = await transaction
        .insertInto('idempotency_keys')
        .values({ scope, key, ...values })
        .onConflict(conflict =>
          conflict.columns(['scope', 'key']).doUpdateSet(values).where('idempotency_keys.expires_at', '<=', now()),
        )
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows > 0n
    },
    async amend({ scope, key }, outcome) {
      await catalog
        .updateTable('idempotency_keys')
        .set({ outcome: writeDocument(outcomeDocument, outcome) })
        .where('scope', '=', scope)
        .where('key', '=', key)
        .execute()
    },
    async removeExpired() {
      await catalog.deleteFrom('idempotency_keys').where('expires_at', '<=', now()).execute()
    },
  }
}

function outcomeIn(text: string): object {
  try {
    return openDocument(outcomeDocument, text)
  } catch (error) {
    if (error instanceof NewerDocument) return error
    throw error
  }
}
