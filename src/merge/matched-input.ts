import type { Alignment } from '../onnx/graph/align.ts'
import type { LeafPair } from '../onnx/graph/match.ts'
import type { Network } from '../onnx/graph/network.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { type IndexedInput, inputAt } from './merge-input.ts'
import { pairUnused } from './unused-tensors.ts'

/** An input whose tensors are paired with the base's. */
export type MatchedInput = IndexedInput & {
  /** This model's tensor that matches the base tensor; undefined if it is unused and absent here. */
  counterpart(tensor: TensorEntry): TensorEntry | undefined
  /** Pairs in which at least one is plain values of an attribute. */
  literals: readonly LeafPair[]
  /**
   * True for the base and its twins. They have the base's names, and the same values of all that is never averaged.
   */
  isTwin: boolean
}

/** Returns an input whose file is the base's, with its tensors paired in their order. */
export function asBase(base: IndexedInput, input: IndexedInput): MatchedInput {
  return { ...input, counterpart: inOrder(base.layout, input.layout), literals: [], isTwin: true }
}

function inOrder(base: Layout, other: Layout): MatchedInput['counterpart'] {
  if (base.tensors === other.tensors) return tensor => tensor
  const pairs = new Map(base.tensors.map((tensor, index) => [tensor, other.tensors[index]]))
  return tensor => pairs.get(tensor)
}

/** An input, and the tensors of it that an output depends on. */
export type UsedInput = { input: IndexedInput; used: ReadonlySet<TensorEntry> }

/** Returns a twin of the base with the tensors of its network paired in their order. */
export function asTwin({ input: base, used }: UsedInput, twin: IndexedInput): MatchedInput {
  const moved = new Map<TensorEntry, TensorEntry>()
  const unused: TensorEntry[] = []
  const theirUnused: TensorEntry[] = []
  for (const [index, ours] of base.layout.tensors.entries()) {
    const own = inputAt(twin.layout.tensors, index)
    // Nearly all twins have the tensors at the same places. Then a plan has each place once.
    const theirs = isAtSamePlace(ours, own) ? ours : own
    if (!used.has(ours)) {
      unused.push(ours)
      theirUnused.push(theirs)
    } else if (theirs !== ours) moved.set(ours, theirs)
  }
  const paired = pairUnused(unused, theirUnused)
  const counterpart = (tensor: TensorEntry) => (used.has(tensor) ? (moved.get(tensor) ?? tensor) : paired.get(tensor))
  return { ...twin, counterpart, literals: [], isTwin: true }
}

/** True if a twin stores a tensor in the same bytes of its file. */
function isAtSamePlace({ payload }: TensorEntry, twin: TensorEntry): boolean {
  const theirs = twin.payload
  return (
    payload.form === 'raw' &&
    theirs.form === 'raw' &&
    payload.start === theirs.start &&
    payload.offset === theirs.offset &&
    payload.length === theirs.length
  )
}

/** Returns an input with its tensors paired as an alignment says. */
export function asAligned(base: UsedInput, other: UsedInput, { leaves, zeros }: Alignment): MatchedInput {
  const pairs = new Map<TensorEntry, TensorEntry>()
  const literals: LeafPair[] = []
  for (const [ours, theirs] of leaves) {
    if (ours.tensor && theirs.tensor) pairs.set(ours.tensor, theirs.tensor)
    else literals.push({ ours, theirs })
    if (ours.indices && theirs.indices) pairs.set(ours.indices, theirs.indices)
  }
  for (const { tensor } of zeros)
    if (tensor && !pairs.has(tensor)) pairs.set(tensor, { ...tensor, payload: { form: 'zeros' } })
  for (const [ours, theirs] of pairUnused(unusedTensors(base), unusedTensors(other))) pairs.set(ours, theirs)
  return { ...other.input, counterpart: tensor => pairs.get(tensor), literals, isTwin: false }
}

function unusedTensors({ input, used }: UsedInput): TensorEntry[] {
  return input.layout.tensors.filter(tensor => !used.has(tensor))
}

/** Returns the tensors of a network, on which an output depends. */
export function usedTensors({ leaves }: Network): ReadonlySet<TensorEntry> {
  const used = new Set<TensorEntry>()
  for (const { tensor, indices } of leaves) {
    if (tensor) used.add(tensor)
    if (indices) used.add(indices)
  }
  return used
}
