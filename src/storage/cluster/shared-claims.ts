import { setTimeout as delay } from 'node:timers/promises'
import type { ContentClaims, RemoveUnneeded } from '../content/content-claims.ts'
import { digestsInQuery, neededDigests } from '../content/needed-digests.ts'
import type { Catalog } from '../database.ts'
import { ClaimLost } from '../lost-database.ts'
import { lockName } from '../row-locks.ts'
import { requireRoom } from './required-room.ts'
import type { ServerHolds } from './server-holds.ts'

/** Claims that all servers of a store respect, and removals that respect them. */
export type SharedClaims = { claims: ContentClaims; removeUnneeded: RemoveUnneeded }

/** Milliseconds between two looks whether a removal has ended. */
const lookMilliseconds = 50

/**
 * Returns the claims of a server on the content of a shared store. An addition and a removal of the same content never run at a time: each
 * is a row, which is inserted in a short transaction under a lock.
 * @param maximumBytes most bytes of the content of all records and additions; 0: no limit
 */
export function sharedClaims(catalog: Catalog, holds: ServerHolds, maximumBytes: number): SharedClaims {
  /** Lets one transaction after the other go on that decides about one of the digests. */
  const lockDigests = async (transaction: Catalog, digests: ReadonlySet<string>) => {
    // Two additions with the same locks in another order would wait for each other.
    const locks = new Set([...digests].map(sha256 => `content ${sha256.charAt('sha256:'.length)}`))
    for (const name of [...locks].sort()) await lockName(transaction, name)
  }
  const isRemoved = async (digests: readonly string[]) => {
    for (let from = 0; from < digests.length; from += digestsInQuery) {
      const some = digests.slice(from, from + digestsInQuery)
      const removals = catalog.selectFrom('server_holds').select('id').where('kind', '=', 'removal')
      if (await removals.where('name', 'in', some).limit(1).executeTakeFirst()) return true
    }
    return false
  }

  const claims: ContentClaims = {
    async claim(files) {
      const digests = new Map(files.map(({ sha256, bytes }) => [sha256, bytes]))
      const rows = [...digests].map(([name, bytes]) => ({ kind: 'addition' as const, name, bytes }))
      const id = await holds.decide(async (transaction, take) => {
        // Additions get their numbers one after the other, so that each sees those before it.
        if (maximumBytes > 0) await lockName(transaction, 'room of the store')
        await lockDigests(transaction, new Set(digests.keys()))
        return take(rows)
      })
      try {
        // No removal begins any more. One of a server that died ends when that server is dead for all.
        while (await isRemoved([...digests.keys()])) await delay(lookMilliseconds)
        if (maximumBytes > 0) await requireRoom(catalog, id, maximumBytes)
      } catch (error) {
        await holds.release(id)
        throw error
      }
      return {
        async settle(transaction) {
          const { numDeletedRows } = await transaction
            .deleteFrom('server_holds')
            .where('id', '=', id)
            .executeTakeFirstOrThrow()
          if (numDeletedRows === BigInt(rows.length)) return
          throw new ClaimLost(
            'TUREEN_CATALOG_UNAVAILABLE',
            'This server had no connection to its database for so long that other servers took it for dead. Send the request again.',
          )
        },
        end: () => holds.release(id),
      }
    },
    isClaimed: () => false,
    inTurn: work => work(),
  }

  return {
    claims,
    async removeUnneeded(sha256, remove) {
      const removal = await holds.decide(async (transaction, take) => {
        await lockDigests(transaction, new Set([sha256]))
        // Claims first: an addition that commits in between has its record when it has no claim any more.
        const held = await transaction
          .selectFrom('server_holds')
          .select('id')
          .where('kind', 'in', ['addition', 'removal'])
          .where('name', '=', sha256)
          .limit(1)
          .executeTakeFirst()
        if (held || (await neededDigests(transaction, [sha256])).size > 0) return undefined
        return take([{ kind: 'removal', name: sha256 }])
      })
      if (removal === undefined) return undefined
      let late = 0
      const mayArriveLate = (milliseconds: number) => {
        late = Math.max(late, milliseconds)
      }
      try {
        return await remove({ isAllowed: holds.isSure, mayArriveLate })
      } finally {
        if (late > 0) holds.releaseLater(removal, late)
        else await holds.release(removal)
      }
    },
  }
}
