/** Runs work on content in turn: work on a digest waits for all earlier work on the same digest. */
export type DigestTurns = <Result>(digests: readonly string[], work: () => Promise<Result>) => Promise<Result>

export function createDigestTurns(): DigestTurns {
  const last = new Map<string, Promise<unknown>>()
  return async (digests, work) => {
    const before = new Set(digests.flatMap(sha256 => last.get(sha256) ?? []))
    const mine = (async () => {
      await Promise.allSettled(before)
      return work()
    })()
    for (const sha256 of digests) last.set(sha256, mine)
    try {
      return await mine
    } finally {
      for (const sha256 of digests) if (last.get(sha256) === mine) last.delete(sha256)
    }
  }
}
