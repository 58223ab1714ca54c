import type { Finding } from '../errors.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName } from '../tensor/dtype.ts'
import type { Warning } from './match-warnings.ts'
import type { MatchedInput } from './matched-input.ts'
import type { IndexedInput } from './merge-input.ts'

/** A checkpoint whose tensors are paired with the base's. `problems`: reasons why the two are not one architecture. */
export type PairedKeys = { input: MatchedInput; problems: Finding[]; warnings: Warning[] }

/**
 * Pairs the tensors of a checkpoint with the base's by their keys. If no key is in both, one prefix for all keys may differ, such as `module.`.
 * @param isCarried true for a tensor of the base that needs no counterpart
 */
export function pairKeys(
  base: IndexedInput,
  other: IndexedInput,
  isCarried: (tensor: TensorEntry) => boolean = () => false,
): PairedKeys {
  const { ours, theirs, warnings } = keyed(base, other)
  const pairs = new Map<TensorEntry, TensorEntry>()
  const problems: Finding[] = []
  for (const [key, tensor] of ours) {
    const found = theirs.get(key)
    if (found && hasForm(tensor, found)) pairs.set(tensor, found)
    else if (isCarried(tensor)) continue
    else if (found) problems.push(otherForm(tensor, found, base))
    else
      problems.push({
        tensor: tensor.name,
        message: `lacks the tensor ${tensor.name} of ${base.label}`,
      })
  }
  for (const [key, tensor] of theirs)
    if (!ours.has(key))
      problems.push({ tensor: tensor.name, message: `has the tensor ${tensor.name}, which ${base.label} lacks` })
  const input = { ...other, counterpart: (tensor: TensorEntry) => pairs.get(tensor), literals: [], isTwin: false }
  return { input, problems, warnings }
}

type Keyed = ReadonlyMap<string, TensorEntry>

/** Returns the tensors of both by keys that can be compared. */
function keyed(base: IndexedInput, other: IndexedInput): { ours: Keyed; theirs: Keyed; warnings: Warning[] } {
  const [ours, theirs] = [byKey(base, ''), byKey(other, '')]
  const isAlike = [...ours.keys()].some(key => theirs.has(key))
  const [our, their] = [commonPrefix(ours), commonPrefix(theirs)]
  if (isAlike || our === their) return { ours, theirs, warnings: [] }
  const stripped = { ours: byKey(base, our), theirs: byKey(other, their) }
  if (![...stripped.ours.keys()].some(key => stripped.theirs.has(key))) return { ours, theirs, warnings: [] }
  const message = `has keys that begin with ${shown(their)}, those of the base with ${shown(our)}: they are paired without`
  return { ...stripped, warnings: [{ kind: 'prefix of keys', message }] }
}

function shown(prefix: string): string {
  return prefix === '' ? 'no prefix' : prefix
}

function byKey({ layout }: IndexedInput, prefix: string): Keyed {
  return new Map(layout.tensors.map(tensor => [tensor.name.slice(prefix.length), tensor]))
}

/** Returns the longest beginning that all keys share and that ends with a dot; empty if there is none. */
function commonPrefix(tensors: Keyed): string {
  let common: string | undefined
  for (const key of tensors.keys()) {
    if (common === undefined) common = key
    let length = 0
    while (length < common.length && common[length] === key[length]) length += 1
    common = common.slice(0, length)
  }
  return common?.slice(0, common.lastIndexOf('.') + 1) ?? ''
}

function hasForm(ours: TensorEntry, theirs: TensorEntry): boolean {
  return (
    ours.dataType === theirs.dataType &&
    ours.dims.length === theirs.dims.length &&
    ours.dims.every((dim, axis) => dim === theirs.dims[axis])
  )
}

function otherForm(ours: TensorEntry, theirs: TensorEntry, base: IndexedInput): Finding {
  const [expected, actual] = [formOf(ours), formOf(theirs)]
  return {
    tensor: theirs.name,
    expected,
    actual,
    message: `has ${theirs.name} as ${actual}, and ${base.label} as ${expected}`,
  }
}

function formOf({ dataType, dims }: TensorEntry): string {
  return `${dtypeName(dataType)}[${dims.join(', ')}]`
}
