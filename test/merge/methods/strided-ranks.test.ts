import { expect, test } from 'vitest'
import { elementReader } from '../../../src/merge/element-reader.ts'
import { StridedRanks } from '../../../src/merge/methods/strided-ranks.ts'
import { memorySource } from '../../../src/onnx/byte-source.ts'
import type { RowLayout } from '../../../src/tensor/row-layout.ts'

const layouts: Record<string, RowLayout> = {
  'columns of a matrix': { slabs: 1, outer: 300, units: 7, inner: 1 },
  'more columns than are read at a time': { slabs: 1, outer: 3, units: 20_000, inner: 1 },
  'columns of several matrices': { slabs: 5, outer: 40, units: 6, inner: 1 },
  'filters that lie in pieces': { slabs: 2, outer: 12, units: 9, inner: 6 },
  'pieces longer than are read at a time': { slabs: 1, outer: 2, units: 2, inner: 17_000 },
  'rows whose places need more than 16 bits': { slabs: 1, outer: 70_000, units: 2, inner: 1 },
}

/** Of every element, how many of its row come before it by size, or are as large and stand before it; the row by row definition. */
function placesOf(values: Float32Array, { outer, units, inner }: RowLayout): number[] {
  const slab = outer * units * inner
  const rows = Map.groupBy(values.keys(), at => Math.floor(at / slab) * units + (Math.floor(at / inner) % units))
  const places = new Array<number>(values.length)
  for (const row of rows.values()) {
    const order = row.toSorted((i, j) => Math.abs(values[j] ?? 0) - Math.abs(values[i] ?? 0) || i - j)
    for (const [place, at] of order.entries()) places[at] = place
  }
  return places
}

test.each(Object.entries(layouts))(
  '%s: places in the order of rows, with memory for all or for a part',
  (_, layout) => {
    const { slabs, outer, units, inner } = layout
    const elements = slabs * outer * units * inner
    // Sizes of which many are equal.
    const values = Float32Array.from({ length: elements }, (_, at) => (((at * 7919) % 1013) - 500) / 64)
    const sources = [values, new Float32Array(elements)].map(each => memorySource(new Uint8Array(each.buffer)))
    const tensor = { name: 'w', dtype: 'float32', dims: [elements], elements }
    const reader = elementReader({ ...tensor, rows: { layout, reason: 'operator' } }, sources)
    const expected = placesOf(values, layout)
    for (const memory of [1 << 20, 3000, 0]) {
      // Little memory is for few elements: where rows are long only some of them are asked for.
      const step = memory === 1 << 20 ? 1 : Math.ceil(elements / 20)
      const ranks = new StridedRanks(reader, 0, 1, memory)
      for (let at = 0; at < elements; at += step) {
        ranks.moveTo(at)
        if (ranks.ranks[at - ranks.first] !== expected[at])
          expect([at, ranks.ranks[at - ranks.first]]).toEqual([at, expected[at]])
      }
      expect(ranks.ranks.byteLength).toBeLessThanOrEqual(Math.max(memory, units * inner * 4))
    }
  },
)
