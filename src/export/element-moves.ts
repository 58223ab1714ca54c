import { floatFormat } from '../tensor/float-format.ts'
import { type DerivedTensor, elementsOf } from './derived-tensor.ts'

/** Elements that are copied: only their bits matter. */
type MovedWords = Uint8Array | Uint16Array | Uint32Array

/** Rows and columns that are copied together, so that both sides stay in the cache. */
const tile = 32

/** Returns a tensor with its axes in another order: axis `i` of the result is axis `axes[i]` of the source. */
export function transposed({ dtype, dims, bytes }: DerivedTensor, axes: readonly number[]): DerivedTensor {
  const { bytes: width } = floatFormat(dtype)
  const output = new Uint8Array(bytes.byteLength)
  // An element of 8 bytes is two of 4, the last axis.
  const isWide = width === 8
  const shape = isWide ? [...dims, 2] : dims
  const order = isWide ? [...axes, dims.length] : axes
  const [from, to] = [elementsIn(bytes, width), elementsIn(output, width)]
  const joined = joinedOrder(shape, order)
  move(from, to, joined.dims, joined.strides)
  return { dtype, dims: axes.map(axis => dims[axis] ?? 1), bytes: output }
}

/** Returns the places [start, end) of an axis. */
export function sliced({ dtype, dims, bytes }: DerivedTensor, axis: number, start: number, end: number): DerivedTensor {
  const [outer, inner] = around(dims, axis)
  const row = inner * floatFormat(dtype).bytes
  const [all, part] = [(dims[axis] ?? 1) * row, (end - start) * row]
  const output = new Uint8Array(outer * part)
  for (let index = 0; index < outer; index += 1) {
    const from = index * all + start * row
    output.set(bytes.subarray(from, from + part), index * part)
  }
  return { dtype, dims: dims.with(axis, end - start), bytes: output }
}

/** Returns the given places of the first axis. */
export function gatheredRows({ dtype, dims, bytes }: DerivedTensor, indices: readonly number[]): DerivedTensor {
  const [places = 1, ...rest] = dims
  const row = bytes.byteLength / places
  const output = new Uint8Array(indices.length * row)
  for (const [place, index] of indices.entries())
    output.set(bytes.subarray(index * row, (index + 1) * row), place * row)
  return { dtype, dims: [indices.length, ...rest], bytes: output }
}

/** Returns tensors of one type, whose other dims agree, one after the other along an axis. */
export function concatenatedTensors(parts: readonly [DerivedTensor, ...DerivedTensor[]], axis: number): DerivedTensor {
  const [{ dtype, dims }] = parts
  const [outer] = around(dims, axis)
  const output = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0))
  let at = 0
  for (let index = 0; index < outer; index += 1) {
    for (const { bytes } of parts) {
      const row = bytes.byteLength / outer
      output.set(bytes.subarray(index * row, (index + 1) * row), at)
      at += row
    }
  }
  const places = parts.reduce((sum, part) => sum + (part.dims[axis] ?? 1), 0)
  return { dtype, dims: dims.with(axis, places), bytes: output }
}

/** Returns the number of elements before an axis, and behind it: those of one place of the axis. */
export function around(dims: readonly number[], axis: number): [outer: number, inner: number] {
  return [elementsOf(dims.slice(0, axis)), elementsOf(dims.slice(axis + 1))]
}

/** Returns the number of elements from one place of each axis to the next. */
export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((_, axis) => elementsOf(dims.slice(axis + 1)))
}

function elementsIn(bytes: Uint8Array, width: number): MovedWords {
  if (width === 1) return bytes
  if (width === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

/** Sizes and strides in the source of the axes of a result; neighbours that also are neighbours in the source are one. */
export type JoinedOrder = { dims: number[]; strides: number[] }

/** Returns an order of axes in the form in which equal moves are equal, whatever axes the tensor is said to have. */
export function joinedOrder(dims: readonly number[], axes: readonly number[]): JoinedOrder {
  const strides = stridesOf(dims)
  return joinAxes(
    axes.map(axis => dims[axis] ?? 1),
    axes.map(axis => strides[axis] ?? 1),
  )
}

/** Joins neighbouring axes that also are neighbours in the source, and drops those of size 1. */
function joinAxes(dims: readonly number[], strides: readonly number[]): JoinedOrder {
  const joined: JoinedOrder = { dims: [], strides: [] }
  for (const [axis, dim] of dims.entries()) {
    const stride = strides[axis] ?? 1
    const last = joined.dims.length - 1
    if (dim === 1) continue
    if (last >= 0 && joined.strides[last] === stride * dim) {
      joined.dims[last] = (joined.dims[last] ?? 1) * dim
      joined.strides[last] = stride
    } else {
      joined.dims.push(dim)
      joined.strides.push(stride)
    }
  }
  return joined
}

/** Fills `to` in order with elements of `from`, which lie at strides. */
function move(from: MovedWords, to: MovedWords, dims: readonly number[], strides: readonly number[]): void {
  const [rows, columns] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1]
  const [down, across] = [strides.at(-2) ?? 0, strides.at(-1) ?? 1]
  const outerDims = dims.slice(0, -2)
  const outerStrides = strides.slice(0, -2)
  const counts = outerDims.map(() => 0)
  const area = rows * columns
  let base = 0
  for (let at = 0; at < to.length; at += area) {
    if (across === 1)
      for (let row = 0; row < rows; row += 1)
        to.set(from.subarray(base + row * down, base + row * down + columns), at + row * columns)
    else moveTiles(from, to, base, at, { rows, columns, down, across })
    for (let axis = counts.length - 1; axis >= 0; axis -= 1) {
      const count = (counts[axis] ?? 0) + 1
      base += outerStrides[axis] ?? 0
      if (count < (outerDims[axis] ?? 1)) {
        counts[axis] = count
        break
      }
      base -= count * (outerStrides[axis] ?? 0)
      counts[axis] = 0
    }
  }
}

type Area = { rows: number; columns: number; down: number; across: number }

function moveTiles(from: MovedWords, to: MovedWords, base: number, at: number, area: Area): void {
  const { rows, columns, down, across } = area
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(rows, top + tile)
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(columns, left + tile)
      for (let row = top; row < bottom; row += 1) {
        let source = base + row * down + left * across
        for (let column = left; column < right; column += 1, source += across)
          to[at + row * columns + column] = from[source] ?? 0
      }
    }
  }
}
