import type { Network, NetworkInput } from './network.ts'

/** Pairs of inputs, or of outputs, of two models. Runtimes address these by name. */
export type NamePairs = {
  /**
   * - `names`: both lists have the same names.
   * - `order`: they have no name in common, and pair in the order of their files.
   * - `mixed`: some names are in both; `open` lists the places of the other names.
   */
  by: 'names' | 'order' | 'mixed'
  pairs: readonly (readonly [ours: number, theirs: number])[]
  open: { ours: readonly number[]; theirs: readonly number[] }
}

/**
 * Pairs of inputs: the base's and the other model's. The walk through the networks pairs open inputs that meet at the
 * same place.
 */
export type InputPairs = {
  fixed: ReadonlyMap<NetworkInput, NetworkInput>
  open: { ours: ReadonlySet<NetworkInput>; theirs: ReadonlySet<NetworkInput> }
}

/** Pairs two lists by their names. Repetitions of a name pair in order. */
export function pairNames(ours: readonly string[], theirs: readonly string[]): NamePairs {
  const places = new Map<string, number[]>()
  theirs.forEach((name, place) => {
    const some = places.get(name)
    if (some) some.push(place)
    else places.set(name, [place])
  })
  const byName = ours.flatMap((name, place): [number, number][] => {
    const other = places.get(name)?.shift()
    return other === undefined ? [] : [[place, other]]
  })
  const [paired, pairedTheirs] = [0, 1].map(side => new Set(byName.map(pair => pair[side])))
  const open = {
    ours: [...ours.keys()].filter(place => !paired?.has(place)),
    theirs: [...theirs.keys()].filter(place => !pairedTheirs?.has(place)),
  }
  if (byName.length === 0) return pairOrder(ours, theirs)
  const isSame = open.ours.length === 0 && open.theirs.length === 0
  return { by: isSame ? 'names' : 'mixed', pairs: byName, open }
}

/** Pairs two lists in their order. */
export function pairOrder(ours: readonly string[], theirs: readonly string[]): NamePairs {
  const count = Math.min(ours.length, theirs.length)
  const rest = (list: readonly string[]) => [...list.keys()].slice(count)
  return {
    by: 'order',
    pairs: Array.from({ length: count }, (_, place) => [place, place] as const),
    open: { ours: rest(ours), theirs: rest(theirs) },
  }
}

/** True if pairs by name differ from pairs by order. */
export function contradictsOrder({ by, pairs }: NamePairs): boolean {
  return by !== 'order' && pairs.some(([ours, theirs]) => ours !== theirs)
}

/** Returns the pairs of two networks' inputs, given pairs of places. */
export function inputPairs(base: Network, other: Network, { pairs, open }: NamePairs): InputPairs {
  const at = (network: Network, place: number) => network.inputs[place]
  const fixed = pairs.flatMap(([a, b]): [NetworkInput, NetworkInput][] => {
    const [ours, theirs] = [at(base, a), at(other, b)]
    return ours && theirs ? [[ours, theirs]] : []
  })
  return {
    fixed: new Map(fixed),
    open: {
      ours: new Set(open.ours.flatMap(place => at(base, place) ?? [])),
      theirs: new Set(open.theirs.flatMap(place => at(other, place) ?? [])),
    },
  }
}
