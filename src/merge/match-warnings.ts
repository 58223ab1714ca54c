import type { Alignment } from '../onnx/graph/align.ts'
import type { Leaf, Network } from '../onnx/graph/network.ts'

/** Listed by name, at most. */
const named = 3

/** `kind` tells those apart that are of one sort but say other numbers and names. */
export type Warning = { kind: string; message: string }

/** What someone should know who takes two models for one network, although they are; each to be read after the model's name. */
export function matchWarnings({ leaves, copies, isReordered }: Alignment, base: Network, other: Network): Warning[] {
  const warnings: Warning[] = []
  const warn = (kind: string, message: string) => warnings.push({ kind, message })
  const pairs = [...leaves]
  const theirNames = new Set(other.leaves.map(({ name }) => name))
  const renamed = pairs.filter(([ours, theirs]) => ours.name !== theirs.name)
  const contradicted = renamed.filter(([ours]) => ours.isWeight && theirNames.has(ours.name))
  if (contradicted.length > 0) {
    warn(
      'contradicted names',
      `has the base's names for other tensors: ${contradicted.length} were paired by structure against their names (${examples(contradicted)})`,
    )
  }
  const others = renamed.filter(pair => pair[0].isWeight && !contradicted.includes(pair))
  if (others.length > 0)
    warn(
      'other names',
      `has other names for ${others.length} of the weights, paired by structure (${examples(others)})`,
    )
  if (isReordered)
    warn('order of operands', 'has operands of commutative operators in another order; they were paired by structure')
  const sources = new Map<Leaf, Leaf[]>()
  for (const [ours, theirs] of pairs) {
    const some = sources.get(theirs)
    if (some) some.push(ours)
    else sources.set(theirs, [ours])
  }
  const spread = [...sources].filter(([, some]) => some.length > 1)
  for (const [theirs, some] of spread.slice(0, named))
    warn('shared tensors', `has the one tensor ${theirs.name} where the base has ${namesOf(some)}`)
  for (const { ours, theirs } of copies.slice(0, named))
    warn(
      'shared tensors',
      `has a copy of its own, ${theirs.name}, in a place of the base's ${ours.name}; the two hold the same`,
    )
  base.inputs.forEach((ours, rank) => {
    const theirs = other.inputs[rank]
    if (ours.dims && theirs?.dims && ours.dims.length !== theirs.dims.length) {
      const message = `takes the input ${theirs.name} with ${theirs.dims.length} dimensions, the base ${ours.name} with ${ours.dims.length}: the soup takes the base's`
      warn('sizes of inputs', message)
      return
    }
    const conflict = ours.dims?.findIndex((dim, index) => {
      const their = theirs?.dims?.[index]
      return typeof dim === 'number' && typeof their === 'number' && dim !== their
    })
    if (conflict !== undefined && conflict >= 0)
      warn(
        'sizes of inputs',
        `fixes dimension ${conflict} of the input ${theirs?.name} to ${theirs?.dims?.[conflict]}, the base that of ${ours.name} to ${ours.dims?.[conflict]}: the soup takes the base's`,
      )
  })
  return warnings
}

function namesOf(leaves: readonly Leaf[]): string {
  const some = leaves.slice(0, 10).map(({ name }) => name)
  return [...some, ...(leaves.length > some.length ? [`${leaves.length - some.length} more`] : [])].join(', ')
}

function examples(pairs: readonly [Leaf, Leaf][]): string {
  const some = pairs.slice(0, named).map(([ours, theirs]) => `${theirs.name} for ${ours.name}`)
  return [...some, ...(pairs.length > named ? ['...'] : [])].join(', ')
}
