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
  /** Replaces the count of content: other servers change it, too. */
  correct(storedBytes: number): void
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

/** The refusal of bytes above a limit. Deleting spare files could not make enough room. */
export class StoreLimitReached extends TureenError {}

/** Settings that limit bytes: what they limit, and what to do. */
const limits = {
  TUREEN_MAX_STORE_BYTES: {
    holder: 'the store holds',
    included: 'files in the making',
    advice: 'Delete models or data sets, or raise the limit.',
  },
  TUREEN_CACHE_BYTES: {
    holder: 'the data directory holds',
    included: 'files in use and in the making',
    advice: 'Try again when fewer jobs and uploads run, or raise the limit.',
  },
} as const

/**
 * Returns the refusal of bytes above a limit.
 * @param setting the setting that says `maximumBytes`
 * @param bytes those to add to the bytes that are held
 */
export function limitReached(
  setting: keyof typeof limits,
  bytes: number,
  heldBytes: number,
  maximumBytes: number,
): StoreLimitReached {
  const [more, held, limit] = [bytes, heldBytes, maximumBytes].map(each => each.toLocaleString('en'))
  const { holder, included, advice } = limits[setting]
  return new StoreLimitReached(
    'TUREEN_STORE_FULL',
    `${more} bytes more do not fit: ${holder} ${held} of ${limit} bytes (${setting}), including ${included}. ${advice}`,
    [
      {
        field: setting,
        expected: `${limit} bytes at most`,
        actual: `${(heldBytes + bytes).toLocaleString('en')} bytes`,
        message: `${more} bytes more do not fit beside ${held} bytes`,
      },
    ],
  )
}

/**
 * Bytes that count, but can be freed, oldest first. `makeRoom` returns the bytes that it freed. The owner reports freed bytes to
 * {@link Room.shrink}.
 */
export type Spare = { holding(): { bytes: number }; makeRoom(bytes: number): number }

/**
 * Returns the room of a store.
 * @param maximumBytes most bytes of the store; 0: no limit
 * @param storedBytes bytes of content and of `spare`
 * @param spare bytes to free if a request does not fit otherwise
 * @param setting the setting that says `maximumBytes`
 */
export function createRoom(
  maximumBytes: number,
  storedBytes: number,
  spare: Spare,
  setting: keyof typeof limits = 'TUREEN_MAX_STORE_BYTES',
): Room {
  const claims = new Map<string, number>()
  let stored = storedBytes
  /** Bytes of unfinished files, and reserved ones. */
  let unfinished = 0
  const used = () => stored + unfinished
  const require = (bytes: number) => {
    const missing = maximumBytes === 0 ? 0 : used() + bytes - maximumBytes
    if (missing > 0 && missing <= spare.holding().bytes) spare.makeRoom(missing)
    if (maximumBytes !== 0 && used() + bytes > maximumBytes) throw limitReached(setting, bytes, used(), maximumBytes)
  }
  const claim: Room['claim'] = (file, bytes, reservation) => {
    reservation?.spend(bytes)
    require(bytes)
    unfinished += bytes
    claims.set(file, (claims.get(file) ?? 0) + bytes)
  }
  const forget: Room['forget'] = file => {
    unfinished -= claims.get(file) ?? 0
    claims.delete(file)
  }
  return {
    reserve(bytes) {
      require(bytes)
      let left = Math.min(bytes, maximumReservation)
      unfinished += left
      const spend = (most: number) => {
        const spent = Math.min(most, left)
        left -= spent
        unfinished -= spent
      }
      return { spend, release: () => spend(left) }
    },
    claim,
    settle(file, bytes) {
      const claimed = claims.get(file) ?? 0
      if (bytes > claimed) return claim(file, bytes - claimed)
      unfinished -= claimed - bytes
      claims.set(file, bytes)
    },
    keep(file) {
      stored += claims.get(file) ?? 0
      forget(file)
    },
    forget,
    shrink(bytes) {
      stored -= bytes
    },
    correct(bytes) {
      stored = bytes
    },
  }
}
