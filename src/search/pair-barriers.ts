/**
 * A pair of models, and how far the goodness of their midpoint lies below the mean of the goodness of both. It is negative if the midpoint is
 * better, and null if one of the three has no score.
 */
export type PairBarrier = { a: number; b: number; barrier: number | null }

/** Findings on all pairs of models. `groups`: the models in groups without barriers inside, the largest group first. */
export type PairFindings = { barriers: PairBarrier[]; groups: number[][] }

/**
 * Returns the barriers of all pairs.
 * @param ends goodness of each model
 * @param middles goodness of the midpoint of each pair: 0 and 1, 0 and 2, and so on
 */
export function barriersOf(ends: readonly number[], middles: readonly number[]): PairBarrier[] {
  const pairs = ends.flatMap((first, a) => ends.slice(a + 1).map((second, further) => ({ first, second, a, further })))
  return pairs.map(({ first, second, a, further }, pair) => ({
    a,
    b: a + 1 + further,
    barrier: drop(first, second, middles[pair] ?? Number.NaN),
  }))
}

function drop(first: number, second: number, middle: number): number | null {
  // Halves first: a sum of two large scores overflows.
  const below = first / 2 + second / 2 - middle
  if (!Number.isFinite(below)) return null
  // The mean of two scores is rounded: a difference of that size is none.
  return Math.abs(below) <= 2 * Number.EPSILON * Math.max(Math.abs(first), Math.abs(second), Math.abs(middle))
    ? 0
    : below
}

/** True if a pair has a barrier. A pair without a score counts as one with a barrier. */
export function isBarrier(barrier: number | null, tolerance: number): boolean {
  return barrier === null || barrier > tolerance
}

/**
 * Parts the models into groups in which no pair has a barrier: complete linkage (Sorensen 1948). It begins with one group for each model, and
 * joins the two groups whose largest barrier between them is least, until all of these exceed the tolerance.
 * @returns the members of each group in order, the largest group first
 */
export function groupsWithoutBarriers(models: number, barriers: readonly PairBarrier[], tolerance: number): number[][] {
  const between = Array.from({ length: models }, () => Array.from({ length: models }, () => Number.POSITIVE_INFINITY))
  const setBetween = (a: number, b: number, value: number) => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      between[from]?.splice(to, 1, value)
  }
  const at = (a: number, b: number) => between[a]?.[b] ?? Number.POSITIVE_INFINITY
  for (const { a, b, barrier } of barriers) setBetween(a, b, barrier ?? Number.POSITIVE_INFINITY)
  const groups = new Map(Array.from({ length: models }, (_, model) => [model, [model]]))
  for (;;) {
    const keys = [...groups.keys()]
    let nearest = { a: -1, b: -1, barrier: Number.POSITIVE_INFINITY }
    for (const [index, a] of keys.entries())
      for (const b of keys.slice(index + 1)) if (at(a, b) < nearest.barrier) nearest = { a, b, barrier: at(a, b) }
    const { a, b, barrier } = nearest
    if (!Number.isFinite(barrier) || isBarrier(barrier, tolerance)) break
    groups.set(a, [...(groups.get(a) ?? []), ...(groups.get(b) ?? [])])
    groups.delete(b)
    for (const other of groups.keys()) if (other !== a) setBetween(a, other, Math.max(at(a, other), at(b, other)))
  }
  return [...groups.values()]
    .map(members => members.toSorted((a, b) => a - b))
    .toSorted((one, other) => other.length - one.length || (one[0] ?? 0) - (other[0] ?? 0))
}

/** Returns the models that are alone in their group, while others average well with each other: they spoil a soup of all. */
export function spoilersAmong(groups: readonly (readonly number[])[]): number[] {
  const largest = groups[0]?.length ?? 0
  return largest < 2 ? [] : groups.filter(({ length }) => length === 1).flat()
}
