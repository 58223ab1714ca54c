import { TureenError } from '../errors.ts'

/** How much a store may hold, and how much it does: content, and files in the making. */
export type Room = {
  /**
   * Counts bytes that an upload has announced, at most {@link maximumReservation}.
   * @throws TureenError `TUREEN_STORE_FULL` if all of them do not fit
   */
  reserve(bytes: number): Reservation
  /**
   * Counts bytes that a file in the making has or is about to get, on top of those it was counted with.
   * @param reservation gives its bytes first. @throws as reserve
   */
  claim(file: string, bytes: number, reservation?: Reservation): void
  /** Counts a file in the making with so many bytes as it has in the end. @throws as reserve, of what is more than it was counted with */
  settle(file: string, bytes: number): void
  /** Counts a file in the making no longer: it is gone, or there was such content before. */
  forget(file: string): void
  /** Counts as content what was counted as a file in the making. */
  keep(file: string): void
  /** Counts content that has gone. */
  shrink(bytes: number): void
}

/** Room for bytes that are still to come. It must be released, however the upload ends. */
export type Reservation = {
  /** Gives up so many bytes, or all that are left. */
  spend(bytes: number): void
  /** Gives up all bytes that are left. */
  release(): void
}

/** What an upload may keep from others that it has not sent yet: else a few slow ones with great lengths would hold the whole store. */
export const maximumReservation = 8 << 20

/** The store has as much as it may hold (TUREEN_MAX_STORE_BYTES): whatever could give way has. */
export class StoreLimitReached extends TureenError {}

/** Bytes that count and can be had back, oldest first; what has gone is told to {@link Room.shrink}. */
export type Spare = { holding(): { bytes: number }; makeRoom(bytes: number): void }

/**
 * @param maximumBytes 0: without bounds
 * @param storedBytes of content, and of `spare`, which goes where it is in the way
 */
export function createRoom(maximumBytes: number, storedBytes: number, spare: Spare): Room {
  const claims = new Map<string, number>()
  let used = storedBytes
  const require = (bytes: number) => {
    const missing = maximumBytes === 0 ? 0 : used + bytes - maximumBytes
    if (missing > 0 && missing <= spare.holding().bytes) spare.makeRoom(missing)
    if (maximumBytes === 0 || used + bytes <= maximumBytes) return
    const [more, held, limit] = [bytes, used, maximumBytes].map(each => each.toLocaleString('en'))
    throw new StoreLimitReached(
      'TUREEN_STORE_FULL',
      `${more} bytes more do not fit: the store holds ${held} of ${limit} bytes (TUREEN_MAX_STORE_BYTES), including files in the making. Delete models or data sets, or raise the limit.`,
      [
        {
          field: 'TUREEN_MAX_STORE_BYTES',
          expected: `${limit} bytes at most`,
          actual: `${(used + bytes).toLocaleString('en')} bytes`,
          message: `${more} bytes more do not fit beside ${held} bytes`,
        },
      ],
    )
  }
  const claim: Room['claim'] = (file, bytes, reservation) => {
    reservation?.spend(bytes)
    require(bytes)
    used += bytes
    claims.set(file, (claims.get(file) ?? 0) + bytes)
  }
  return {
    reserve(bytes) {
      require(bytes)
      let left = Math.min(bytes, maximumReservation)
      used += left
      const spend = (most: number) => {
        const spent = Math.min(most, left)
        left -= spent
        used -= spent
      }
      return { spend, release: () => spend(left) }
    },
    claim,
    settle(file, bytes) {
      const claimed = claims.get(file) ?? 0
      if (bytes > claimed) return claim(file, bytes - claimed)
      used -= claimed - bytes
      claims.set(file, bytes)
    },
    keep: file => void claims.delete(file),
    forget(file) {
      used -= claims.get(file) ?? 0
      claims.delete(file)
    },
    shrink(bytes) {
      used -= bytes
    },
  }
}
