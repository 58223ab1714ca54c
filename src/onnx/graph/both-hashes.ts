import type { ModelFiles } from '../external-data.ts'
import { unorderedView } from './fingerprint.ts'
import { inputLabels } from './input-labels.ts'
import type { InputPairs } from './interface-pairs.ts'
import { leafDigest } from './leaf-values.ts'
import type { Leaf, NetworkInput } from './network.ts'
import type { NetworkFiles } from './network-files.ts'
import { type HashView, type NetworkHashes, networkHashes, operatorLabel } from './network-hash.ts'

/** Larger tensors that are never averaged are hashed by type only; their values are compared later. */
const largestDigest = 64 * 1024

/** Hashes of two networks, equal for values that are computed alike. Each is made when it is first asked for. */
export type BothHashes = { ours(): NetworkHashes; theirs(): NetworkHashes }

/**
 * Returns the hashes of two networks whose inputs are paired. `inexact`: equal for different spellings of one
 * computation. `exact`: equal only for operators written alike.
 */
export function bothHashes(
  base: NetworkFiles,
  other: NetworkFiles,
  { fixed }: InputPairs,
  view: 'inexact' | 'exact' = 'inexact',
): BothHashes {
  const [ours, theirs] = [new Map<NetworkInput, string>(), new Map<NetworkInput, string>()]
  for (const [index, [a, b]] of [...fixed].entries()) {
    ours.set(a, `paired ${index}`)
    theirs.set(b, `paired ${index}`)
  }
  const digest = numbersOfTexts()
  return {
    ours: lazily(() => hashesOf(base, ours, view, digest)),
    theirs: lazily(() => hashesOf(other, theirs, view, digest)),
  }
}

/** Returns a function that gives equal texts one number, which costs less than a sha256. The numbers never leave this process. */
function numbersOfTexts(): (text: string) => string {
  const numbers = new Map<string, string>()
  return text => {
    const known = numbers.get(text)
    if (known !== undefined) return known
    const number = String(numbers.size)
    numbers.set(text, number)
    return number
  }
}

function hashesOf(
  files: NetworkFiles,
  paired: ReadonlyMap<NetworkInput, string>,
  exactness: 'inexact' | 'exact',
  digest: (text: string) => string,
): NetworkHashes {
  const leaf = (each: Leaf) => shortLabel(each, files)
  const view: HashView = exactness === 'exact' ? { leaf, operator: operatorLabel } : unorderedView(files, leaf)
  const open = files.network.inputs.some(input => !paired.has(input)) ? inputLabels(files.network, view) : undefined
  return networkHashes(files.network, {
    ...view,
    digest,
    input: input => paired.get(input) ?? open?.(input) ?? input.type,
  })
}

function shortLabel(leaf: Leaf, files: ModelFiles): string {
  if (leaf.isWeight) return `weight ${leaf.type}`
  const isSmall = (leaf.literal?.byteLength ?? 0) + (leaf.tensor?.elements ?? 0) <= largestDigest
  return isSmall ? `${leaf.type} ${leafDigest(leaf, files)}` : leaf.type
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
