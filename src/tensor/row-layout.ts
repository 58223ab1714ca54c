/**
 * The rows of a tensor. Element ((slab * outer + i) * units + unit) * inner + k of the tensor is element i * inner + k
 * of row slab * units + unit. A row has outer * inner elements. Contiguous rows have `outer` and `units` 1. Plain data.
 */
export type RowLayout = { slabs: number; outer: number; units: number; inner: number }

/**
 * An axis of a tensor, or a part of one. `isUnit`: true if the index along the axis selects a row; false if the axis
 * runs within a row.
 */
export type RowAxis = { length: number; isUnit: boolean }

/**
 * Returns the rows of a tensor by its axes, in order. If every row would have one element, the whole tensor is one row.
 * Undefined if units and rows alternate too often for a layout.
 */
export function rowLayout(axes: readonly RowAxis[]): RowLayout | undefined {
  const runs: RowAxis[] = []
  for (const { length, isUnit } of axes) {
    const last = runs.at(-1)
    if (length === 1) continue
    if (last?.isUnit === isUnit) runs.splice(-1, 1, { isUnit, length: last.length * length })
    else runs.push({ length, isUnit })
  }
  if (runs.every(({ isUnit }) => isUnit)) return oneRow(axes.reduce((product, { length }) => product * length, 1))
  const slabs = runs[0]?.isUnit ? (runs.shift()?.length ?? 1) : 1
  const [first = 1, units = 1, last = 1, ...rest] = runs.map(({ length }) => length)
  if (rest.length > 0) return undefined
  return units === 1 ? { slabs, outer: 1, units, inner: first } : { slabs, outer: first, units, inner: last }
}

/** Returns rows along the last axis. A tensor of rank 0 or 1 is one row. */
export function lastAxisRows(dims: readonly number[]): RowLayout {
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const length = dims.at(-1) ?? 1
  return dims.length < 2 || length === 1 ? oneRow(elements) : { ...oneRow(length), slabs: elements / length }
}

/** True if two layouts describe the same rows. */
export function isSameLayout(a: RowLayout, b: RowLayout): boolean {
  return a.slabs === b.slabs && a.outer === b.outer && a.units === b.units && a.inner === b.inner
}

function oneRow(elements: number): RowLayout {
  return { slabs: 1, outer: 1, units: 1, inner: elements }
}
