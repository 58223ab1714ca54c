import type { TensorEntry } from '../layout.ts'
import { isCountedNode, isCountedTensor } from './exporter-names.ts'
import { moduleNames, modulePath } from './module-names.ts'
import type { Leaf, Network, Operator } from './network.ts'
import { movesElements, type Reader, readersOf } from './readers.ts'

/** A name that a glob can match. */
export type TensorName = {
  text: string
  /** The owner of the name: the tensor, a node that reads it, or a module that it belongs to. */
  of: 'tensor' | 'node' | 'module'
  /** False for a number given by an exporter, which means something else in another file. */
  isTelling: boolean
  /**
   * The place at which the tensor is read under this name. 0 is the tensor itself; each reader or further name has its
   * own place from 1 on.
   */
  place: number
}

/**
 * Bounds on the names of one tensor and on their characters. A number that a whole network shares has hundreds of
 * readers. Without bounds, a hostile file could make all nodes read all tensors.
 */
const mostNames = 256
const mostCharacters = 16_384

/**
 * The largest number of readers and further names visited for one tensor. This includes readers after operators that
 * only move its elements.
 */
const mostVisited = 1024

const known = new WeakMap<Network, (tensor: TensorEntry) => readonly TensorName[]>()

/**
 * Returns a function that returns all names of a tensor, at most 256:
 * - its own name;
 * - the names of Identity outputs that pass it on;
 * - the names of nodes that read it, also through operators that only move elements;
 * - a name by its module, if an exporter replaced its own name.
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

/** Returns the names that globs are matched with, each once. */
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
