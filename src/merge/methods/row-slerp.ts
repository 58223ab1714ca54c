import type { ElementKernel } from '../../tensor/element-kernel.ts'
import { type Gram, GramSums } from '../../tensor/gram.ts'
import { sumBlock } from '../../tensor/pair-sums.ts'
import type { ElementReader } from '../element-reader.ts'
import { changed } from './sphere.ts'

/**
 * Returns the kernel that combines two models row by row. A row is the elements along the last axis, or all elements of
 * a tensor of one axis. Its coefficients follow from its dot products. With a base, the rows are differences from it,
 * and the result is added to it.
 */
export function rowSlerpKernel(
  reader: ElementReader,
  hasBase: boolean,
  coefficientsOf: (gram: Gram) => readonly [number, number],
): ElementKernel {
  const { dims, elements } = reader
  const length = dims.length > 1 ? (dims.at(-1) ?? 1) : elements
  const blocks = Array.from({ length: reader.sources }, () => new Float64Array(Math.min(sumBlock, length)))
  let known: { row: number; coefficients: readonly [number, number] } = { row: -1, coefficients: [0, 0] }

  /** @param load fills arrays with the elements of every source from a place in the row on */
  const learn = (row: number, load: (from: number, into: Float64Array[]) => void) => {
    const sums = new GramSums(2)
    for (let from = 0; from < length; from += sumBlock) {
      const count = Math.min(sumBlock, length - from)
      const values = blocks.map(block => block.subarray(0, count))
      load(from, values)
      const [x, y, base] = values
      if (hasBase && x && y && base) {
        for (let j = 0; j < count; j += 1) {
          x[j] = (x[j] ?? 0) - (base[j] ?? 0)
          y[j] = (y[j] ?? 0) - (base[j] ?? 0)
        }
      }
      sums.add(values, count)
    }
    known = { row, coefficients: coefficientsOf(sums.gram()) }
  }

  return {
    compared: hasBase ? 3 : 0,
    copiedNaN: [],
    counts: {},
    compute(inputs, output, first, count) {
      const [x, y, base] = inputs
      if (!x || !y) throw new RangeError('a model is missing')
      for (let from = 0; from < count; ) {
        const row = Math.floor((first + from) / length)
        const start = row * length - first
        const until = Math.min(count, start + length)
        if (known.row !== row && start === from && until === start + length)
          learn(row, (at, into) => {
            for (const [index, array] of into.entries())
              array.set(inputs[index]?.subarray(start + at, start + at + array.length) ?? [])
          })
        // A row that is not complete in the block is read as a whole, once.
        else if (known.row !== row) learn(row, (at, into) => reader.read(row * length + at, into))
        const [a, b] = known.coefficients
        for (let j = from; j < until; j += 1)
          output[j] = base ? changed(base[j] ?? 0, a, x[j] ?? 0, b, y[j] ?? 0) : a * (x[j] ?? 0) + b * (y[j] ?? 0)
        from = until
      }
    },
  }
}
