import type { Alignment } from '../onnx/graph/align.ts'
import type { Leaf, Network } from '../onnx/graph/network.ts'
import type { Head } from '../onnx/graph/other-head.ts'

/** The largest number of items that a warning names. */
const named = 3

/** `kind`: separates warnings of one sort, which differ only in numbers and names. */
export type Warning = { kind: string; message: string }

/** Returns warnings about two models that were paired as one network. Each is to be read after the model's name. */
export function matchWarnings(alignment: Alignment, base: Network, other: Network): Warning[] {
  const { leaves, copies, isReordered, byNames } = alignment
  const warnings: Warning[] = []
  const warn = (kind: string, message: string) => warnings.push({ kind, message })
  const renamed = [...leaves].filter(([ours, theirs]) => ours.name !== theirs.name)
  const theirNames = new Set(renamed.length > 0 ? other.leaves.map(({ name }) => name) : [])
  const contradicted = renamed.filter(([ours]) => ours.isWeight && theirNames.has(ours.name))
  if (contradicted.length > 0) {
    warn(
      'contradicted names',
      `uses names of the base for other tensors: ${contradicted.length} were paired by structure, against their names (${examples(contradicted)})`,
    )
  }
  const others = renamed.filter(([ours]) => ours.isWeight && !theirNames.has(ours.name))
  if (others.length > 0)
    warn(
      'other names',
      `has other names for ${others.length} of the weights, paired by structure (${examples(others)})`,
    )
  if (isReordered)
    warn(
      'order of operands',
      `has operands of commutative operators in another order; they were paired by structure${byNames ? ', and by the names of their tensors if structure fits in several ways' : ''}`,
    )
  for (const [theirs, some] of sharedLeaves(leaves).slice(0, named))
    warn('shared tensors', `has one tensor, ${theirs.name}, where the base has ${namesOf(some)}`)
  for (const { ours, theirs } of copies.slice(0, named))
    warn(
      'shared tensors',
      `has a separate tensor ${theirs.name} in one of the places of the base's ${ours.name}; its values are the same as in the other places`,
    )
  if (alignment.head) warn('another head', headWarning(alignment.head, alignment, base))
  for (const message of interfaceWarnings(alignment, base, other)) warn('names of inputs and outputs', message)
  for (const [ours, theirs] of alignment.inputs) {
    if (ours.dims && theirs.dims && ours.dims.length !== theirs.dims.length) {
      const message = `takes the input ${theirs.name} with ${theirs.dims.length} dimensions, the base ${ours.name} with ${ours.dims.length}: the soup has the base's`
      warn('sizes of inputs', message)
      continue
    }
    const conflict = ours.dims?.findIndex((dim, index) => {
      const their = theirs.dims?.[index]
      return typeof dim === 'number' && typeof their === 'number' && dim !== their
    })
    if (conflict !== undefined && conflict >= 0)
      warn(
        'sizes of inputs',
        `fixes dimension ${conflict} of the input ${theirs.name} to ${theirs.dims?.[conflict]}, the base that of ${ours.name} to ${ours.dims?.[conflict]}: the soup has the base's`,
      )
  }
  return warnings
}

/** Returns leaves of the other network that stand for several of the base, each with these. */
function sharedLeaves(leaves: Alignment['leaves']): [Leaf, Leaf[]][] {
  /** By the number of the other network's leaf; a million leaves need no look-up. */
  const times: number[] = []
  for (const theirs of leaves.values()) times[theirs.id] = (times[theirs.id] ?? 0) + 1
  const shared = [...leaves].filter(([, { id }]) => (times[id] ?? 0) > 1)
  const grouped = Map.groupBy(shared, ([, theirs]) => theirs)
  return [...grouped].map(([theirs, pairs]) => [theirs, pairs.map(([ours]) => ours)])
}

function headWarning({ operators }: Head, { leaves }: Alignment, base: Network): string {
  const [first] = operators
  const alone = base.leaves.filter(leaf => leaf.isWeight && !leaves.has(leaf))
  const tensors = alone.length > 0 ? `, with ${alone.length} tensors (${namesOf(alone)})` : ''
  return `has another head than the base: the base's ${operators.size} operators from ${first?.name} on were not compared and are kept${tensors}`
}

/** Returns sentences on how inputs and outputs with different names were paired. */
function interfaceWarnings({ inputs, outputs, paired }: Alignment, base: Network, other: Network): string[] {
  const inputNames = [...inputs].map(([ours, theirs]) => [ours.name, theirs.name] as const)
  const outputNames = outputs.map(
    ([ours, theirs]) => [base.outputNames[ours] ?? '', other.outputNames[theirs] ?? ''] as const,
  )
  return [
    ['inputs', paired.inputs.by, inputNames] as const,
    ['outputs', paired.outputs.by, outputNames] as const,
  ].flatMap(([what, by, names]) => {
    const renamed = names.filter(([ours, theirs]) => ours !== theirs)
    if (renamed.length === 0) return []
    const some = renamed.slice(0, 10).map(([ours, theirs]) => `${theirs} for ${ours}`)
    const list = [...some, ...(renamed.length > some.length ? [`${renamed.length - some.length} more`] : [])].join(', ')
    const how = by === 'order' ? 'in the order of the files' : 'by structure'
    return [`has other names for ${what}, paired ${how} with the base's: ${list}`]
  })
}

function namesOf(leaves: readonly Leaf[]): string {
  const some = leaves.slice(0, 10).map(({ name }) => name)
  return [...some, ...(leaves.length > some.length ? [`${leaves.length - some.length} more`] : [])].join(', ')
}

function examples(pairs: readonly [Leaf, Leaf][]): string {
  const some = pairs.slice(0, named).map(([ours, theirs]) => `${theirs.name} for ${ours.name}`)
  return [...some, ...(pairs.length > named ? ['...'] : [])].join(', ')
}
