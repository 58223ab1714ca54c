import { isCountedTensor } from '../onnx/graph/exporter-names.ts'
import type { Derivation } from './derivation.ts'
import { modulesOf, type WeightName } from './graph-targets.ts'
import { type KeyPrefix, prefixBetween, renamedKey } from './key-prefix.ts'

/** A way in which a weight's values follow from a tensor of the checkpoint. */
export type SourceCandidate = { key: string; derivation: Derivation }

/** The chosen candidate. `choices`: all candidates that could stand for it, if no name and no place tells them apart. */
export type SourceChoice = { derivation: Derivation; choices: Derivation[] | null }

/** Most tensors with equal values, such as zeros, that still say something about prefixes. */
const mostKeys = 64

/**
 * Returns the differences between names in the graph and keys under which most weights are found. Several fit equally
 * well if the checkpoint has a copy of all its tensors.
 */
export function commonPrefixes(pairs: Iterable<readonly [name: string, keys: readonly string[]]>): KeyPrefix[] {
  const counted = new Map<string, { prefix: KeyPrefix; count: number }>()
  for (const [name, keys] of pairs) {
    if (isCountedTensor(name) || keys.length > mostKeys) continue
    for (const key of keys) {
      const prefix = prefixBetween(name, key)
      if (!prefix) continue
      const id = JSON.stringify(prefix)
      const known = counted.get(id) ?? { prefix, count: 0 }
      known.count += 1
      counted.set(id, known)
    }
  }
  const most = Math.max(0, ...[...counted.values()].map(({ count }) => count))
  const best = [...counted.values()].filter(({ count }) => count === most).map(({ prefix }) => prefix)
  const plain = best.filter(({ drop, add }) => drop === '' || add === '')
  return plain.length > 0 ? plain : best
}

/** Returns the keys that a name of the graph has under the given prefixes. */
export function keysNamed(name: string, prefixes: readonly KeyPrefix[]): Set<string> {
  return new Set(prefixes.filter(({ drop }) => name.startsWith(drop)).map(prefix => renamedKey(name, prefix)))
}

/**
 * Returns a function that is true for keys of the module that reads a weight; undefined if several modules do, or if no node tells its module.
 */
export function atPlaceOf(weight: WeightName): ((key: string) => boolean) | undefined {
  const modules = modulesOf(weight)
  const [module] = modules
  if (modules.size !== 1 || module === undefined) return undefined
  return key => {
    const own = key.slice(0, Math.max(0, key.lastIndexOf('.')))
    return own === module || own.endsWith(`.${module}`) || (own !== '' && module.endsWith(`.${own}`))
  }
}

/**
 * Chooses among candidates with equal values by the weight's name, then by the module that reads it. Otherwise all are choices.
 *
 * A weight that several modules read, and that has several candidates, can be several weights that a tool has merged.
 * Then a name tells only one of them.
 */
export function chooseSource(
  weight: WeightName,
  candidates: readonly SourceCandidate[],
  prefixes: readonly KeyPrefix[],
): SourceChoice | undefined {
  const [first] = candidates
  if (!first) return undefined
  if (candidates.length === 1) return { derivation: first.derivation, choices: null }
  const all = (some: readonly SourceCandidate[]) => ({
    derivation: (some[0] ?? first).derivation,
    choices: some.map(({ derivation }) => derivation),
  })
  if (modulesOf(weight).size > 1) return all(candidates)
  const keys = keysNamed(weight.name, prefixes)
  const named = candidates.filter(({ key }) => keys.has(key))
  if (named.length > 0) return named.length === 1 ? { ...all(named), choices: null } : all(named)
  const isThere = atPlaceOf(weight)
  const there = isThere ? candidates.filter(({ key }) => isThere(key)) : []
  return there.length === 1 ? { ...all(there), choices: null } : all(candidates)
}
