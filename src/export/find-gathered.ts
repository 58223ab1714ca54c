import { type CheckpointSource, type CheckpointSources, sourceAs } from './checkpoint-sources.ts'
import type { SourceCandidate } from './choose-source.ts'
import type { Derivation } from './derivation.ts'
import { type DerivedTensor, elementsOf } from './derived-tensor.ts'
import { transposed } from './element-moves.ts'
import { hasEnoughValues } from './value-counts.ts'

/** Most rows that a derivation lists. A window of attention has some thousand. */
const mostRows = 65_536

/**
 * Returns the tables of a checkpoint of which a weight has rows in a constant order, such as a bias of relative positions. The
 * columns of the table are one axis of the weight.
 */
export function gatheredCandidates(target: DerivedTensor, sources: CheckpointSources): SourceCandidate[] {
  if (!hasEnoughValues(target)) return []
  const elements = elementsOf(target.dims)
  return sources.all.flatMap(source => {
    const [rows = 0, columns = 0] = source.dims
    if (source.dims.length !== 2 || rows < 2 || columns < 2 || elements / columns > mostRows) return []
    return target.dims.flatMap((dim, axis) => {
      if (dim !== columns) return []
      const derivation = gatheredFrom(source, target, axis, sources)
      return derivation ? [{ key: source.key, derivation }] : []
    })
  })
}

/** Returns the derivation of a weight whose given axis has the columns of a table; undefined if a row is not in the table once. */
function gatheredFrom(
  source: CheckpointSource,
  target: DerivedTensor,
  axis: number,
  sources: CheckpointSources,
): Derivation | undefined {
  const others = [...target.dims.keys()].filter(each => each !== axis)
  const laid = transposed(target, [...others, axis])
  const table = sources.read(source, target.dtype)
  const [rows = 0] = source.dims
  const places = new Map<string, number>()
  for (const [row, text] of rowsOf(table, rows).entries()) places.set(text, places.has(text) ? -1 : row)
  const indices = rowsOf(laid, elementsOf(target.dims) / (source.dims[1] ?? 1)).map(text => places.get(text) ?? -1)
  if (indices.includes(-1) || new Set(indices).size < 2) return undefined
  const gathered: Derivation = { op: 'gather', of: sourceAs(source, target.dtype), indices }
  const reshaped: Derivation = { op: 'reshape', of: gathered, dims: laid.dims }
  if (axis === target.dims.length - 1) return reshaped
  const axes = target.dims.map((_, place) => placeBefore(place, axis, target.dims.length))
  return { op: 'transpose', of: reshaped, axes }
}

/** Returns the axis of a tensor whose axis `moved` was put last, for an axis of the tensor before. */
function placeBefore(place: number, moved: number, axes: number): number {
  if (place === moved) return axes - 1
  return place < moved ? place : place - 1
}

/** Returns the bits of each row as text. */
function rowsOf({ bytes }: DerivedTensor, rows: number): string[] {
  const width = bytes.byteLength / rows
  return Array.from({ length: rows }, (_, row) =>
    Buffer.from(bytes.buffer, bytes.byteOffset + row * width, width).toString('latin1'),
  )
}
