import { TureenError } from '../../errors.ts'
import type { ReceivedFile } from '../received-file.ts'
import type { HashFile, Verified } from '../sound-files.ts'

/** A local file that stays where it is until it is released. Further calls of `release` do nothing. */
export type ContentLease = { path: string; release(): void }

/** A part of content, in bytes. */
export type ContentRange = { start: number; length: number }

/** Yields a part of a file. A piece stays valid until the second next piece is requested. */
export type ReadRange = (range: ContentRange) => AsyncGenerator<Uint8Array, void>

/** Returns a URL from which clients download a file themselves; null if they get it from this server. @param disposition of that answer */
export type ContentLink = (disposition: string) => Promise<string | null>

/**
 * Content by digest, wherever it is kept. Content is visible only when it is whole and has its digest. Putting the same bytes twice gives one
 * content. Digests are texts such as `sha256:ab12...`.
 */
export type ContentStore = {
  /** Returns the path at which the content with a digest lies while a lease on it is held. */
  path(sha256: string): string
  /** Returns the digest of the content at such a path. */
  digestAt(path: string): string
  /**
   * Makes received files content, durably. It takes the files away from their paths. A failure may leave some of them in the store.
   * @throws TureenError `TUREEN_STORE_FULL`
   */
  put(files: readonly ReceivedFile[]): Promise<void>
  /**
   * Makes content a local file, and keeps it there until the lease is released, even if the content is removed meanwhile.
   * @param signal ends the wait for the file
   * @throws ContentGone without such content; ContentDamaged if it holds other bytes
   */
  lease(sha256: string, signal: AbortSignal): Promise<ContentLease>
  /**
   * Returns the damage of local content, in words; null if it matches its digest, or if the store can bring it anew. It hashes a file that it
   * does not know yet.
   */
  damage(sha256: string, signal: AbortSignal): Promise<string | null>
  /** Reads content again with `hash`, even if it is known to be sound. @returns undefined without such content */
  verify(sha256: string, hash: HashFile, signal: AbortSignal): Promise<Verified | undefined>
  /**
   * Yields a part of content. A piece stays valid until the second next piece is requested.
   * @throws ContentGone without such content; ContentDamaged or RangeError if it ends before the range or holds other bytes
   */
  read(sha256: string, range: ContentRange): AsyncGenerator<Uint8Array, void>
  /**
   * Returns a URL from which clients download content themselves, for a while; null if they get it from this server.
   * @param disposition the header Content-Disposition of that answer
   * @throws ContentGone without such content
   */
  link(sha256: string, disposition: string): Promise<string | null>
  /** Yields the digests of all content. */
  list(): AsyncGenerator<string>
  /** Removes content if it can. Otherwise a later sweep finds it. Without such content it does nothing. */
  remove(sha256: string): Promise<void>
  /** Takes content that no record refers to out of use, if it can. @returns true if it did */
  retire(sha256: string): Promise<boolean>
  /** Gives up what an earlier process has begun to send to the store and has not finished. */
  abandonUnfinished(): Promise<void>
  /** Returns the number of leases that are held. */
  leases(): number
}

/** The store has no usable content with this digest. `damage`: the reason in words, after the name of the content. */
export class ContentDamaged extends TureenError {
  readonly damage: string
  constructor(sha256: string, damage: string) {
    super('TUREEN_CONTENT_DAMAGED', `The content ${sha256} ${damage}. Upload the same file again.`, [
      { field: 'sha256', actual: sha256, message: damage },
    ])
    this.damage = damage
  }
}

/** The store has no content with this digest. */
export class ContentGone extends ContentDamaged {
  constructor(sha256: string) {
    super(sha256, 'is gone')
  }
}
