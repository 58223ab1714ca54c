import type { ProblemItem } from '../errors.ts'
import type { CheckpointTensor, Correspondence } from './correspondence.ts'
import type { Derivation } from './derivation.ts'
import { deriveWeight, type TensorSupplier } from './derive-weight.ts'
import { type KeyPrefix, renamedKey } from './key-prefix.ts'

/** The result of {@link fitCheckpoint}. `causes` is empty if the checkpoint fits. */
export type CheckpointFit = { prefix: KeyPrefix; causes: ProblemItem[] }

/**
 * Compares the tensors of another checkpoint with those that a correspondence reads. Keys may differ by one prefix for
 * all, such as `module.`. Each cause names a tensor that is missing or has another type or other dims, or the prefixes
 * between which the file leaves a choice. Values are not compared: see {@link differingChoices}.
 */
export function fitCheckpoint(
  { used }: Pick<Correspondence, 'used'>,
  tensors: readonly CheckpointTensor[],
): CheckpointFit {
  const theirs = new Map(tensors.map(tensor => [tensor.key, tensor]))
  const counted = prefixesBetween(used, theirs)
    .map(prefix => ({ prefix, hits: used.filter(({ key }) => theirs.has(renamedKey(key, prefix))).length }))
    .sort((a, b) => b.hits - a.hits)
  const [best, second] = counted
  const prefix = best?.prefix ?? { drop: '', add: '' }
  const isTied = best && second && best.hits === second.hits && best.hits > 0
  if (isTied && (prefix.drop !== '' || prefix.add !== '')) {
    const equal = counted.filter(({ hits }) => hits === best.hits)
    const actual = equal.map(({ prefix: { add } }) => add || 'no prefix').join(', ')
    const message = `has the tensors under several prefixes: ${actual}`
    return { prefix, causes: [{ expected: 'one prefix for all keys', actual, message }] }
  }
  return { prefix, causes: used.flatMap(tensor => misfit(tensor, theirs.get(renamedKey(tensor.key, prefix)), prefix)) }
}

function misfit(
  { key, dtype, dims }: CheckpointTensor,
  theirs: CheckpointTensor | undefined,
  prefix: KeyPrefix,
): ProblemItem[] {
  const tensor = renamedKey(key, prefix)
  const expected = `${dtype}[${dims.join(', ')}]`
  if (!theirs) return [{ tensor, expected, message: `lacks the tensor ${tensor}` }]
  const actual = `${theirs.dtype}[${theirs.dims.join(', ')}]`
  return actual === expected
    ? []
    : [{ tensor, expected, actual, message: `has ${tensor} as ${actual}, not ${expected}` }]
}

/** Returns the prefixes under which at least one key is found. No change comes first. */
function prefixesBetween(
  used: readonly CheckpointTensor[],
  theirs: ReadonlyMap<string, CheckpointTensor>,
): KeyPrefix[] {
  const found = new Map<string, KeyPrefix>([['\n', { drop: '', add: '' }]])
  const [first] = used
  if (!first) return [...found.values()]
  const drops = beginningsOf(first.key).filter(drop => used.every(({ key }) => key.startsWith(drop)))
  for (const drop of drops) {
    const rests = new Set(used.map(({ key }) => key.slice(drop.length)))
    for (const key of theirs.keys())
      for (const add of beginningsOf(key))
        if (rests.has(key.slice(add.length))) found.set(`${drop}\n${add}`, { drop, add })
  }
  return [...found.values()].filter(({ drop, add }) => drop === '' || drop !== add)
}

/** Returns the beginnings of a key that end with a dot, shortest first, from the empty one on. */
function beginningsOf(key: string): string[] {
  return ['', ...[...key.matchAll(/\./g)].map(({ index }) => key.slice(0, index + 1))]
}

/**
 * Returns a cause for each ambiguous weight whose choices differ in another checkpoint. For such a checkpoint the
 * correspondence proves nothing.
 *
 * @param read reads the other checkpoint by the keys of the correspondence's own
 */
export function differingChoices(
  { ambiguous }: Pick<Correspondence, 'ambiguous'>,
  read: TensorSupplier,
): ProblemItem[] {
  return ambiguous.flatMap(({ weights, choices }) => {
    const [first, ...rest] = choices
    if (!first) return []
    const { bytes } = deriveWeight(first, read)
    const other = rest.find(choice => Buffer.compare(bytes, deriveWeight(choice, read).bytes) !== 0)
    if (!other) return []
    const [tensor = ''] = weights
    const message = `has different values for ${shownChoice(first)} and ${shownChoice(other)}, and the exported checkpoint has equal ones: either could be ${tensor}`
    return [{ tensor, expected: `${shownChoice(first)} equal to ${shownChoice(other)}`, message }]
  })
}

/** Returns the key in a derivation, for messages. */
function shownChoice(derivation: Derivation): string {
  if (derivation.op === 'tensor') return derivation.key
  const inner = derivation.op === 'concat' ? derivation.of[0] : derivation.of
  return inner ? shownChoice(inner) : derivation.op
}
