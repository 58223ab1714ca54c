import { TureenError } from '../errors.ts'

/** Counts the bytes of a store, content and unfinished files, and holds them below a limit. */
export type Room = {
  /**
   * Reserves bytes that an upload has declared, at most {@link maximumReservation}.
   * @throws TureenError `TUREEN_STORE_FULL` if not all of the declared bytes fit
   */
  reserve(bytes: number): Reservation
  /**
   * Counts further bytes of an unfinished file, before they are written.
   * @param reservation its bytes are used first. @throws as reserve
   */
  claim(file: string, bytes: number, reservation?: Reservation): void
  /** Sets the bytes of a finished file. @throws as reserve, for the bytes above its earlier count */
  settle(file: string, bytes: number): void
  /** Stops counting an unfinished file, which is gone, or whose content existed already. */
  forget(file: string): void
  /** Counts an unfinished file as content from now on. */
  keep(file: string): void
  /** Subtracts the bytes of removed content. */
  shrink(bytes: number): void
}

/** Reserved room for bytes that have not arrived yet. The upload must release it at its end, also after a failure. */
export type Reservation = {
  /** Gives up `bytes` of the reservation, or the rest if that is less. */
  spend(bytes: number): void
  /** Gives up the rest of the reservation. */
  release(): void
}

/** Most bytes that an upload reserves: otherwise a few slow uploads with great lengths would reserve the whole store. */
export const maximumReservation = 8 << 20

/** The refusal of bytes above TUREEN_MAX_STORE_BYTES. Deleting quarantined files could not make enough room. */
export class StoreLimitReached extends TureenError {}

/** Bytes that count, but can be freed, oldest first. The owner reports freed bytes to {@link Room.shrink}. */
export type Spare = { holding(): { bytes: number }; makeRoom(bytes: number): void }

/**
 * Returns the room of a store.
 * @param maximumBytes most bytes of the store; 0: no limit
 * @param storedBytes bytes of content and of `spare`
 * @param spare bytes to free if a request does not fit otherwise
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
