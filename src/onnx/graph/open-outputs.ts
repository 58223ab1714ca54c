import { type Difference, describe, shown } from './differences.ts'
import type { NamePairs } from './interface-pairs.ts'
import type { Network } from './network.ts'
import type { NetworkHashes } from './network-hash.ts'

/** Pairs of outputs, by position, and the differences of outputs without a partner. */
export type OutputPairs = { pairs: readonly (readonly [ours: number, theirs: number])[]; differences: Difference[] }

/**
 * Pairs the outputs that names leave open. A single one on either side pairs with the other. Several pair by their
 * hashes, if each hash occurs once on either side. Otherwise nothing decides between them.
 *
 * @param hashes equal for values that are computed alike; called only if several outputs are open
 */
export function pairOpenOutputs(
  base: Network,
  other: Network,
  { by, pairs, open }: NamePairs,
  hashes: { ours(): NetworkHashes; theirs(): NetworkHashes },
): OutputPairs {
  const count = open.ours.length
  if (count !== open.theirs.length) return { pairs, differences: [otherCount(base, other, open)] }
  if (by !== 'mixed' || count === 0) return { pairs, differences: [] }
  const [first, theirFirst] = [open.ours[0], open.theirs[0]]
  if (count === 1 && first !== undefined && theirFirst !== undefined)
    return { pairs: [...pairs, [first, theirFirst]], differences: [] }
  const theirs = Map.groupBy(open.theirs, place => hashes.theirs().of(other.outputs[place] ?? null))
  const ours = Map.groupBy(open.ours, place => hashes.ours().of(base.outputs[place] ?? null))
  const found = [...ours].flatMap(([hash, [place, ...others]]): [number, number][] => {
    const [partner, ...more] = theirs.get(hash) ?? []
    const isOnly = others.length === 0 && more.length === 0
    return isOnly && place !== undefined && partner !== undefined ? [[place, partner]] : []
  })
  if (found.length === count) return { pairs: [...pairs, ...found], differences: [] }
  const message = `has the outputs ${listed(other, open.theirs)} where the base has ${listed(base, open.ours)}: names do not say which is which, and structure fits in no or in more than one way. Give the outputs of both models the same names`
  return { pairs, differences: [{ kind: 'outputs', isHard: true, message }] }
}

function otherCount(base: Network, other: Network, open: NamePairs['open']): Difference {
  const [ours, theirs] = [base.outputNames.length, other.outputNames.length]
  const parts = [
    ...(open.theirs.length > 0 ? [`more here ${listed(other, open.theirs)}`] : []),
    ...(open.ours.length > 0 ? [`missing here ${listed(base, open.ours)}`] : []),
  ]
  return { kind: 'outputs', isHard: true, message: `has ${theirs} outputs, the base ${ours}: ${parts.join(', ')}` }
}

/** Lists the first three outputs in words, each with the operator that computes it. */
function listed(network: Network, places: readonly number[]): string {
  const some = places
    .slice(0, 3)
    .map(place => `${shown(network.outputNames[place])} (${describe(network.outputs[place] ?? null)})`)
  return [...some, ...(places.length > 3 ? [`${places.length - 3} more`] : [])].join(', ')
}
