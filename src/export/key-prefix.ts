/** The difference between two lists of names: each name of the first loses `drop` and gains `add` at its beginning. */
export type KeyPrefix = { drop: string; add: string }

/** Returns the name in the second list for a name of the first. */
export function renamedKey(key: string, { drop, add }: KeyPrefix): string {
  return add + key.slice(drop.length)
}

/**
 * Returns the difference between two names that end alike, from a dot or the beginning of one of them on; undefined if
 * their last parts differ.
 */
export function prefixBetween(name: string, key: string): KeyPrefix | undefined {
  const [ours, theirs] = [name.split('.'), key.split('.')]
  let equal = 0
  while (equal < ours.length && equal < theirs.length && ours.at(-1 - equal) === theirs.at(-1 - equal)) equal += 1
  if (equal === 0) return undefined
  return { drop: beginning(ours, equal), add: beginning(theirs, equal) }
}

function beginning(parts: readonly string[], equal: number): string {
  return parts
    .slice(0, parts.length - equal)
    .map(part => `${part}.`)
    .join('')
}
