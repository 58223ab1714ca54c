import { averagedIn } from '../onnx/averaged-tensors.ts'
import type { Network } from '../onnx/graph/network.ts'
import type { Layout, OpaqueField, TensorEntry } from '../onnx/layout.ts'
import type { IndexedInput } from './merge-input.ts'
import { sameElements, sameSpans } from './same-elements.ts'

/**
 * Returns a function that is true for a twin of the base. The file of a twin differs in values of weights alone, and in
 * documentation and metadata. Its tensors are those at the same paths.
 *
 * Fine-tunes that one program wrote are twins. Their networks need not be matched, nor the second one be built.
 * @param network of the base
 * @throws TureenError naming a model that cannot be read
 */
export function twinsOf(base: IndexedInput, network: Network): (other: IndexedInput) => boolean {
  let fixed: readonly number[] | undefined
  return other => {
    if (!hasSameStructure(base, other)) return false
    fixed ??= fixedTensors(base.layout, network)
    return fixed.every(index => hasSameElements(base, other, index))
  }
}

/** Returns the places of the tensors that are never averaged. A network may depend on their values. */
function fixedTensors(layout: Layout, network: Network): number[] {
  const isAveraged = averagedIn(network)
  const places: number[] = []
  for (const [index, tensor] of layout.tensors.entries()) if (!isAveraged(tensor)) places.push(index)
  return places
}

function hasSameElements(base: IndexedInput, other: IndexedInput, index: number): boolean {
  const [ours, theirs] = [base.layout.tensors[index], other.layout.tensors[index]]
  if (!ours || !theirs) return false
  return sameElements({ tensor: ours, literal: null }, base, { tensor: theirs, literal: null }, other)
}

/** True if two files hold the same apart from the elements of tensors. A network is built from nothing else. */
function hasSameStructure(base: IndexedInput, other: IndexedInput): boolean {
  const [ours, theirs] = [base.layout, other.layout]
  return (
    ours.tensors.length === theirs.tensors.length &&
    ours.opaque.length === theirs.opaque.length &&
    Buffer.compare(ours.skeleton, theirs.skeleton) === 0 &&
    (ours.tensors === theirs.tensors ||
      ours.tensors.every((tensor, index) => isSameTensor(tensor, theirs.tensors[index]))) &&
    ours.opaque.every((field, index) => isSameField(field, base, theirs.opaque[index], other))
  )
}

function isSameTensor(ours: TensorEntry, theirs: TensorEntry | undefined): boolean {
  if (!theirs || ours.dataType !== theirs.dataType || ours.payload.form !== theirs.payload.form) return false
  if (ours.path !== theirs.path || ours.name !== theirs.name || ours.dims.length !== theirs.dims.length) return false
  return ours.dims.every((dim, axis) => dim === theirs.dims[axis])
}

function isSameField(
  ours: OpaqueField,
  base: IndexedInput,
  theirs: OpaqueField | undefined,
  other: IndexedInput,
): boolean {
  return theirs !== undefined && ours.path === theirs.path && sameSpans(ours.span, base, theirs.span, other)
}
