import type { TensorEntry } from '../layout.ts'
import { isCountedNode, isCountedTensor } from './exporter-names.ts'
import { moduleNames, modulePath } from './module-names.ts'
import type { Leaf, Network, Operator } from './network.ts'
import { movesElements, type Reader, readersOf } from './readers.ts'

/** A name by which a glob can match a tensor. */
export type TensorName = {
  text: string
  /** What has the name: the tensor, a node that reads it, or a module that it was found to belong to. */
  of: 'tensor' | 'node' | 'module'
  /** Whether it means the same in another file; false for names that an exporter counted up. */
  isTelling: boolean
  /** Where the tensor is read under this name: 0 for the tensor itself, from 1 for each place that reads it or calls it otherwise. */
  place: number
}

/**
 * Names of one tensor that count, and their characters in sum. A number that a whole network shares has hundreds of readers; without a
 * bound a hostile file would have all of its nodes read all of its tensors.
 */
const mostNames = 256
const mostCharacters = 16_384

/** Readers and further names of one tensor that are visited, those behind readers that only move its elements included. */
const mostVisited = 1024

const known = new WeakMap<Network, (tensor: TensorEntry) => readonly TensorName[]>()

/**
 * Returns a function that gives all names of a tensor, at most 256: its own, those under which Identity hands it on, those of the nodes
 * that read it, be it through operators that only move elements, and, where an exporter took its own name away, one by its module.
 */
export function tensorNames(network: Network): (tensor: TensorEntry) => readonly TensorName[] {
  const before = known.get(network)
  if (before) return before
  const names = findNames(network)
  known.set(network, names)
  return names
}

function findNames(network: Network): (tensor: TensorEntry) => readonly TensorName[] {
  const readers = readersOf(network)
  const modules = moduleNames(network, readers)
  const leaves = new Map(network.leaves.map(leaf => [leaf.tensor, leaf]))
  const found = new Map<TensorEntry, readonly TensorName[]>()
  return tensor => {
    const before = found.get(tensor)
    if (before) return before
    const leaf = leaves.get(tensor)
    const names = leaf ? namesOf(leaf, network, readers, modules) : ownName(tensor.name || tensor.path)
    found.set(tensor, names)
    return names
  }
}

/** The names of a tensor as a glob is held against them, each once. */
export function matchedNames(names: readonly TensorName[]): string[] {
  return [...new Set(names.map(({ text }) => text))]
}

function ownName(text: string): TensorName[] {
  return [{ text, of: 'tensor', isTelling: !isCountedTensor(text), place: 0 }]
}

function namesOf(
  leaf: Leaf,
  { aliases }: Network,
  readers: (value: Leaf | Operator) => readonly Reader[],
  modules: (leaf: Leaf, reader: Reader) => string | undefined,
): TensorName[] {
  const names = ownName(leaf.name)
  let characters = leaf.name.length
  const add = (text: string, of: TensorName['of'], isTelling: boolean, place: number) => {
    characters += text.length
    if (text !== '' && names.length < mostNames && characters <= mostCharacters)
      names.push({ text, of, isTelling, place })
  }
  let places = 0
  let left = mostVisited
  const addAliases = (value: Leaf | Operator) => {
    for (const [output, node] of aliases.get(value) ?? []) {
      if (left-- <= 0) return
      const place = output === leaf.name ? 0 : ++places
      if (place > 0) add(output, 'tensor', !isCountedTensor(output), place)
      add(node, 'node', !isCountedNode(node), place)
    }
  }
  addAliases(leaf)
  const visited = new Set<Operator>()
  const pending: (Reader & { place: number })[] = []
  const visit = (value: Leaf | Operator, place: number | null) => {
    for (const reader of readers(value)) {
      if (left-- <= 0) return
      if (visited.has(reader.operator)) continue
      visited.add(reader.operator)
      pending.push({ ...reader, place: place ?? ++places })
    }
  }
  visit(leaf, null)
  for (let next = pending.shift(); next; next = pending.shift()) {
    const { operator, place } = next
    for (const node of operator.nodes) {
      const path = modulePath(node)
      add(node, 'node', !isCountedNode(node), place)
      if (path.length < node.replace(/^\//, '').length) add(path, 'node', !isCountedNode(node), place)
    }
    const module = modules(leaf, next)
    if (module !== undefined) add(module, 'module', true, place)
    if (!movesElements(next)) continue
    addAliases(operator)
    visit(operator, place)
  }
  return names
}
