import { TureenError } from '../errors.ts'

/** How much a store may hold, and how much it does: content, and files in the making. */
export type Room = {
  /** @throws TureenError `TUREEN_STORE_FULL` if so many bytes more do not fit */
  require(bytes: number): void
  /** Counts bytes that a file in the making has or is about to get, on top of those it was counted with. @throws as require */
  claim(file: string, bytes: number): void
  /** Counts a file in the making with so many bytes as it has in the end. @throws as require, of what is more than it was counted with */
  settle(file: string, bytes: number): void
  /** Counts a file in the making no longer: it is gone, or there was such content before. */
  forget(file: string): void
  /** Counts as content what was counted as a file in the making. */
  keep(file: string): void
  /** Counts content that has gone. */
  shrink(bytes: number): void
}

/** @param maximumBytes 0: without bounds */
export function createRoom(maximumBytes: number, contentBytes: number): Room {
  const claims = new Map<string, number>()
  let used = contentBytes
  const require: Room['require'] = bytes => {
    if (maximumBytes === 0 || used + bytes <= maximumBytes) return
    const [more, held, limit] = [bytes, used, maximumBytes].map(each => each.toLocaleString('en'))
    throw new TureenError(
      'TUREEN_STORE_FULL',
      `${more} bytes more do not fit: the store holds ${held} of ${limit} bytes (TUREEN_MAX_STORE_BYTES), files that are just being received or written among them. Delete models or data sets, or raise the limit.`,
    )
  }
  const claim: Room['claim'] = (file, bytes) => {
    require(bytes)
    used += bytes
    claims.set(file, (claims.get(file) ?? 0) + bytes)
  }
  return {
    require,
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
