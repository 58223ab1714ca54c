import type { ElementKernel } from '../../tensor/element-kernel.ts'
import { type Gram, gramOf } from '../../tensor/gram.ts'
import { sumBlock } from '../../tensor/pair-sums.ts'
import { TreeSums } from '../../tensor/tree-sums.ts'
import type { ElementReader } from '../element-reader.ts'
import { changed } from './sphere.ts'

/**
 * The number of columns whose coefficients are kept; each takes 56 bytes. With more columns, all are computed again for
 * each row.
 */
const mostColumns = 1 << 20
/** Elements of each source that are read at a time. */
const readElements = 1 << 14

/** The coefficients of the columns in [from, until). */
type Strip = { from: number; until: number; first: Float64Array; second: Float64Array }

/**
 * Returns the kernel that combines two models column by column. A column is the elements along the first of at least
 * two axes. Its coefficients follow from its dot products. With a base, the columns are differences from it, and the
 * result is added to it.
 */
export function columnSlerpKernel(
  reader: ElementReader,
  hasBase: boolean,
  coefficientsOf: (gram: Gram) => readonly [number, number],
  columnsAtOnce = mostColumns,
): ElementKernel {
  const rows = reader.dims[0] ?? 1
  const columns = reader.elements / rows
  let strip: Strip = { from: 0, until: 0, first: new Float64Array(0), second: new Float64Array(0) }

  const learn = (column: number) => {
    const from = column - (column % columnsAtOnce)
    const until = Math.min(columns, from + columnsAtOnce)
    const [first, second] = [new Float64Array(until - from), new Float64Array(until - from)]
    const dots = columnDots(reader, hasBase, rows, columns, from, until)
    for (let at = 0; at < first.length; at += 1) {
      const gram = gramOf(
        2,
        dots.map(each => each[at] ?? 0),
      )
      const [a, b] = coefficientsOf(gram)
      first[at] = a
      second[at] = b
    }
    strip = { from, until, first, second }
  }

  return {
    compared: hasBase ? 3 : 0,
    copiedNaN: [],
    counts: {},
    compute([x, y, base], output, first, count) {
      if (!x || !y) throw new RangeError('a model is missing')
      for (let j = 0; j < count; j += 1) {
        const column = (first + j) % columns
        if (column < strip.from || column >= strip.until) learn(column)
        const [a, b] = [strip.first[column - strip.from] ?? 0, strip.second[column - strip.from] ?? 0]
        output[j] = base ? changed(base[j] ?? 0, a, x[j] ?? 0, b, y[j] ?? 0) : a * (x[j] ?? 0) + b * (y[j] ?? 0)
      }
    },
  }
}

/**
 * Returns for each column in [from, until) the dot products of the first model with itself, of both, and of the second
 * with itself.
 */
function columnDots(
  reader: ElementReader,
  hasBase: boolean,
  rows: number,
  columns: number,
  from: number,
  until: number,
): Float64Array[] {
  const width = until - from
  const totals = Array.from({ length: 3 }, () => new TreeSums(width))
  const piece = Math.min(width, readElements)
  const rowsAtOnce = width === columns ? Math.max(1, Math.floor(readElements / width)) : 1
  const memory = Array.from({ length: hasBase ? 3 : 2 }, () => new Float64Array(readElements))
  for (let start = 0; start < rows; start += sumBlock) {
    const [xx, xy, yy] = totals.map(() => new Float64Array(width))
    if (!xx || !xy || !yy) throw new RangeError('a sum is missing')
    const end = Math.min(rows, start + sumBlock)
    for (let row = start; row < end; row += rowsAtOnce) {
      for (let at = from; at < until; at += piece) {
        const count = Math.min(end - row, rowsAtOnce) * Math.min(until - at, piece)
        const values = memory.map(array => array.subarray(0, count))
        reader.read(row * columns + at, values)
        const [x, y, base] = values
        for (let j = 0, column = at - from; j < count; j += 1, column += 1) {
          if (column === width) column = 0
          const origin = base?.[j] ?? 0
          const [u, v] = [(x?.[j] ?? 0) - origin, (y?.[j] ?? 0) - origin]
          xx[column] = (xx[column] ?? 0) + u * u
          xy[column] = (xy[column] ?? 0) + u * v
          yy[column] = (yy[column] ?? 0) + v * v
        }
      }
    }
    for (const [index, sums] of [xx, xy, yy].entries()) totals[index]?.add(sums)
  }
  return totals.map(({ total }) => total)
}
