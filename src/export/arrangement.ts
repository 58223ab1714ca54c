import type { Derivation } from './derivation.ts'
import type { DerivedTensor } from './derived-tensor.ts'
import { joinedOrder, stridesOf, transposed } from './element-moves.ts'

/** A rearrangement of elements: the dims that they are given first, then the order of axes, then the dims of the result. */
export type Arrangement = {
  before: readonly number[] | null
  axes: readonly number[] | null
  after: readonly number[] | null
}

/** Most axes of a tensor whose orders are all tried. */
const mostAxes = 6

/**
 * Returns every rearrangement between tensors of the same number of elements, without looking at values: none, a
 * reshape, and an order of axes before or after a reshape. Two that move all elements alike are one.
 */
export function possibleArrangements(from: readonly number[], to: readonly number[]): Arrangement[] {
  const found: Arrangement[] = [{ before: null, axes: null, after: equalDims(from, to) ? null : to }]
  const met = new Set<string>()
  const isNew = (dims: readonly number[], axes: readonly number[]) => {
    const moves = JSON.stringify(joinedOrder(dims, axes))
    return !met.has(moves) && met.add(moves)
  }
  for (const axes of orders(from)) {
    const dims = axes.map(axis => from[axis] ?? 1)
    if (isNew(from, axes)) found.push({ before: null, axes, after: equalDims(dims, to) ? null : to })
  }
  for (const axes of orders(to)) {
    const before = to.map(() => 1)
    for (const [place, axis] of axes.entries()) before[axis] = to[place] ?? 1
    if (isNew(before, axes)) found.push({ before, axes, after: null })
  }
  return found
}

/** Returns the rearrangements that give a tensor other dims by an order of axes, without looking at its values. */
export function arrangementsTo(from: readonly number[], to: readonly number[]): Arrangement[] {
  const found: Arrangement[] = []
  const wide = (dims: readonly number[]) => dims.filter(dim => dim > 1)
  if (equalDims(wide(from), wide(to))) found.push({ before: null, axes: null, after: equalDims(from, to) ? null : to })
  const met = new Set<string>()
  for (const axes of orders(from)) {
    const dims = axes.map(axis => from[axis] ?? 1)
    const moves = JSON.stringify(joinedOrder(from, axes))
    if (!equalDims(wide(dims), wide(to)) || met.has(moves)) continue
    met.add(moves)
    found.push({ before: null, axes, after: equalDims(dims, to) ? null : to })
  }
  return found
}

/** Returns a derivation followed by a rearrangement. */
export function arranged(of: Derivation, { before, axes, after }: Arrangement): Derivation {
  const reshaped: Derivation = before ? { op: 'reshape', of, dims: [...before] } : of
  const turned: Derivation = axes ? { op: 'transpose', of: reshaped, axes: [...axes] } : reshaped
  return after ? { op: 'reshape', of: turned, dims: [...after] } : turned
}

/** Returns a tensor after a rearrangement. */
export function arrangedTensor(tensor: DerivedTensor, { before, axes, after }: Arrangement): DerivedTensor {
  const reshaped = before ? { ...tensor, dims: [...before] } : tensor
  const turned = axes ? transposed(reshaped, axes) : reshaped
  return after ? { ...turned, dims: [...after] } : turned
}

/** Returns the place in the source of an element of a rearranged tensor. */
export function placeBefore(place: number, { before, axes }: Arrangement, from: readonly number[]): number {
  if (!axes) return place
  const dims = before ?? from
  const strides = stridesOf(dims)
  let [rest, moved] = [place, 0]
  for (const axis of axes.toReversed()) {
    const dim = dims[axis] ?? 1
    moved += (rest % dim) * (strides[axis] ?? 0)
    rest = Math.floor(rest / dim)
  }
  return moved
}

/** True if both have the same sizes in the same order. */
export function equalDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis])
}

/** Returns the orders of axes that move elements. Axes of size 1 stay where they are. */
function orders(dims: readonly number[]): number[][] {
  const wide = dims.flatMap((dim, axis) => (dim > 1 ? [axis] : []))
  if (wide.length < 2 || wide.length > mostAxes) return []
  const [, ...moving] = permutations(wide)
  return moving.map(order => {
    const left = order.values()
    return dims.map((dim, axis) => (dim > 1 ? (left.next().value ?? axis) : axis))
  })
}

/** Returns all orders of some numbers. The first is their own order. */
export function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, place) => permutations(items.toSpliced(place, 1)).map(rest => [item, ...rest]))
}
