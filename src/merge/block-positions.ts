import { isCountedTensor } from '../onnx/graph/exporter-names.ts'
import type { Network, Operator } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type Block, blockIn, isFoldable, moduleOf } from './block-names.ts'
import { blocksAround } from './blocks-around.ts'
import { consumersOf, weightReaders } from './weight-readers.ts'

/** A stack of repeated blocks, with its number of blocks. */
export type BlockStack = { stack: string; blocks: number }

/**
 * The positions of tensors in the stacks of blocks of a network, by path. The first block is 0, the last 1 (also a
 * single one). A tensor outside of blocks has 0, a tensor of an unknown block null.
 */
export type BlockPositions = { stacks: readonly BlockStack[]; positions: ReadonlyMap<string, number | null> }

/** A block, or `unknown` if names contradict each other. */
type BlockPlace = Block | 'outside' | 'unknown'

/**
 * Finds the stacks of blocks in a network by names such as `layers.3.`, and the block of every weight. A weight's own
 * names decide. If an exporter made them up, these decide, in this order:
 * - the nodes that read the weight;
 * - tensors of the same operator or module, or the bias after it;
 * - the blocks before and after it.
 *
 * mergekit gives a layer of a stack of n the position index / (n - 1), or 1 if n is 1. All other tensors have 0.
 * @param namesOf returns all names of a tensor: in this model, and of its counterparts in others
 */
export function blockPositions(
  network: Network,
  isWeight: (tensor: TensorEntry) => boolean,
  namesOf: (tensor: TensorEntry) => readonly string[],
): BlockPositions {
  const consumers = consumersOf(network)
  // A checkpoint has no operators: names alone decide.
  const readers =
    network.operators.length > 0
      ? weightReaders(network, consumers, isWeight)
      : new Map(network.leaves.flatMap(({ tensor }) => (tensor && isWeight(tensor) ? [[tensor, []] as const] : [])))
  const places = new Map<TensorEntry, BlockPlace>()
  const unplaced = () => [...readers].filter(([tensor]) => !places.has(tensor))
  for (const tensor of readers.keys()) {
    const own = namesOf(tensor)
      .map(blockIn)
      .find(block => block !== null)
    if (own) places.set(tensor, own)
  }
  const stacks = new Set([...places.values()].flatMap(place => (typeof place === 'object' ? place.stack : [])))
  for (const [tensor, operators] of unplaced()) {
    const place = placeByNodes(operators, !namesOf(tensor).every(isCountedTensor), stacks)
    if (place) places.set(tensor, place)
  }
  placeByNeighbours(unplaced(), readers, consumers, places)
  placeBetweenBlocks(unplaced(), readers, network, places)
  return positionsIn(readers.keys(), places)
}

/**
 * Returns the place that the readers of a tensor name. Undefined if they name none and the tensor has no name of its
 * own.
 */
function placeByNodes(
  operators: readonly Operator[],
  hasName: boolean,
  stacks: ReadonlySet<string>,
): BlockPlace | undefined {
  const blocks = operators.flatMap(({ name, opType }) => {
    const block = blockIn(name)
    return block ? [{ ...block, stack: sameStack(block.stack, stacks), isFoldable: isFoldable(name, opType) }] : []
  })
  const [first] = blocks
  if (!first) return hasName ? 'outside' : undefined
  // A name without a block is better evidence than the nodes, unless every node contradicts it.
  if (hasName && blocks.length < operators.length) return 'outside'
  if (blocks.some(block => !isSame(block, first))) return hasName ? 'outside' : 'unknown'
  return !hasName && blocks.some(block => block.isFoldable) ? 'unknown' : first
}

/** More stacks than this are not names of modules. */
const comparedStacks = 256

/** Returns the stack of tensors that equals a stack of nodes. Exporters omit or add modules around it. */
function sameStack(stack: string, stacks: ReadonlySet<string>): string {
  if (stacks.has(stack) || stacks.size > comparedStacks) return stack
  const alike = [...stacks].filter(each => each.endsWith(`.${stack}`) || stack.endsWith(`.${each}`))
  return alike.length === 1 && alike[0] !== undefined ? alike[0] : stack
}

/**
 * Places a tensor where all other tensors of its operator are; else those of its module; else the bias that is added to
 * the result.
 */
function placeByNeighbours(
  unplaced: readonly (readonly [TensorEntry, readonly Operator[]])[],
  readers: ReadonlyMap<TensorEntry, readonly Operator[]>,
  consumers: ReadonlyMap<Operator, readonly Operator[]>,
  places: Map<TensorEntry, BlockPlace>,
): void {
  if (unplaced.length === 0) return
  const atOperators = new Map<Operator, Shared>()
  const inModules = new Map<string, Shared>()
  for (const [tensor, place] of places) {
    for (const operator of readers.get(tensor) ?? []) {
      share(atOperators, operator, place)
      const module = moduleOf(operator.name)
      if (module !== null) share(inModules, module, place)
    }
  }
  const biasBehind = (operator: Operator) => {
    const [next, ...others] = consumers.get(operator) ?? []
    return next?.opType === 'Add' && others.length === 0 ? atOperators.get(next) : undefined
  }
  const found = unplaced.map(([tensor, operators]) => {
    const place =
      agreedBy(operators, operator => atOperators.get(operator)) ??
      agreedBy(operators, ({ name }) => inModules.get(moduleOf(name) ?? '')) ??
      agreedBy(operators, biasBehind)
    return [tensor, place] as const
  })
  for (const [tensor, place] of found) if (place) places.set(tensor, place)
}

/** Places tensors that lie between tensors of one block. */
function placeBetweenBlocks(
  unplaced: readonly (readonly [TensorEntry, readonly Operator[]])[],
  readers: ReadonlyMap<TensorEntry, readonly Operator[]>,
  network: Network,
  places: Map<TensorEntry, BlockPlace>,
): void {
  if (unplaced.length === 0) return
  const known = new Map<Operator, Block>()
  for (const [tensor, place] of places)
    if (typeof place === 'object') for (const operator of readers.get(tensor) ?? []) known.set(operator, place)
  const around = blocksAround(network, known)
  for (const [tensor, operators] of unplaced) {
    const blocks = operators.map(around)
    const place = agreed(blocks.filter(block => block !== null))
    if (place && blocks.every(block => block !== null)) places.set(tensor, place)
  }
}

function positionsIn(tensors: Iterable<TensorEntry>, places: ReadonlyMap<TensorEntry, BlockPlace>): BlockPositions {
  const counts = new Map<string, number>()
  for (const place of places.values())
    if (typeof place === 'object') counts.set(place.stack, Math.max(counts.get(place.stack) ?? 0, place.index + 1))
  const positionOf = (place: BlockPlace | undefined): number | null => {
    if (place === 'outside') return 0
    if (place === undefined || place === 'unknown') return null
    const count = counts.get(place.stack) ?? 1
    return count > 1 ? place.index / (count - 1) : 1
  }
  return {
    stacks: [...counts].map(([stack, blocks]) => ({ stack, blocks })),
    positions: new Map([...tensors].map(tensor => [tensor.path, positionOf(places.get(tensor))])),
  }
}

/** Returns the place that all have; undefined if there is none, or more than one. */
function agreed(places: readonly BlockPlace[]): BlockPlace | undefined {
  const [first, ...others] = places
  return first !== undefined && others.every(other => isSame(first, other)) ? first : undefined
}

function isSame(one: BlockPlace, other: BlockPlace): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return one.stack === other.stack && one.index === other.index
}

/** The place of all tensors of an operator or module; null if they are in several. Thousands may share one module. */
type Shared = BlockPlace | null

function share<Key>(places: Map<Key, Shared>, key: Key, place: BlockPlace): void {
  const before = places.get(key)
  places.set(key, before === undefined || (before !== null && isSame(before, place)) ? place : null)
}

/**
 * Returns the place that all operators with a place have; undefined if none has one, or if they contradict each other.
 */
function agreedBy(
  operators: readonly Operator[],
  placeOf: (operator: Operator) => Shared | undefined,
): BlockPlace | undefined {
  const said = operators.map(placeOf).filter(place => place !== undefined)
  return said.includes(null) ? undefined : agreed(said.filter(place => place !== null))
}
