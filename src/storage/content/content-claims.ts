import pLimit from 'p-limit'
import type { Catalog } from '../database.ts'
import type { ReceivedFile } from '../received-file.ts'

/** Keeps the content of running additions from being removed, before it has a record. */
export type ContentClaims = {
  /** Claims the content of files. It returns when no removal of the same content runs any more. */
  claim(files: readonly Pick<ReceivedFile, 'sha256' | 'bytes'>[]): Promise<ContentClaim>
  /** True if a running addition of this process needs the content. */
  isClaimed(sha256: string): boolean
  /** Runs work that commits records, or that decides which content has none. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Ends a claim in the transaction that inserts the records. @throws ClaimLost if the claim has ended before: the content may be gone */
export type SettleClaim = (transaction: Catalog) => Promise<void>

/** A claim on content. `end`: ends it if no transaction has. */
export type ContentClaim = { settle: SettleClaim; end(): Promise<void> }

/** A removal of content that runs. */
export type Removal = {
  /** Asked just before the content is removed: false once other servers may take this one for dead, and add it again. */
  isAllowed(): boolean
  /** Tells that a request without an answer may remove the content within so many milliseconds. Nobody adds the same content until then. */
  mayArriveLate(milliseconds: number): void
}

/**
 * Runs the removal of content if no record and no claim of any server needs it. While it runs, nobody adds the same content.
 * @returns undefined if the content is needed
 */
export type RemoveUnneeded = <Result>(
  sha256: string,
  remove: (removal: Removal) => Promise<Result>,
) => Promise<Result | undefined>

/** Returns the claims of a server that has its store alone. They are in memory. */
export function localClaims(): ContentClaims {
  // Records must not appear while others decide which content has none, so run one of these at a time.
  const exclusive = pLimit(1)
  /** Number of running additions of each digest. Their content has no record yet, and must stay. */
  const adding = new Map<string, number>()
  return {
    async claim(files) {
      const digests = new Set(files.map(({ sha256 }) => sha256))
      for (const sha256 of digests) adding.set(sha256, (adding.get(sha256) ?? 0) + 1)
      return {
        settle: async () => undefined,
        async end() {
          for (const sha256 of digests) {
            const left = (adding.get(sha256) ?? 0) - 1
            if (left > 0) adding.set(sha256, left)
            else adding.delete(sha256)
          }
        },
      }
    },
    isClaimed: sha256 => adding.has(sha256),
    inTurn: work => exclusive(work),
  }
}
