import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { decodePlace, fittingItems, readPage } from '../../src/storage/paging.ts'

const idOf = (index: number) => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`

/** A list of rows with so many bytes each, and how many were read of it. */
function listOf(sizes: readonly number[]) {
  const rows = sizes.map((bytes, index) => ({ id: idOf(index), text: 'x'.repeat(bytes) }))
  const counted = { reads: 0, rows: 0 }
  const read = async (after: string | undefined, count: number) => {
    const from = after === undefined ? 0 : rows.findIndex(({ id }) => id === after) + 1
    const found = rows.slice(from, from + count)
    counted.reads += 1
    counted.rows += found.length
    return found
  }
  const page = (limit: number, cursor?: string) =>
    readPage({ read, keyOf: ({ id }) => id, toItem: row => row }, limit, decodePlace(cursor, /^[0-9a-f-]{36}$/))
  return { rows, counted, page }
}

/** The number of items on each page of a list. */
async function pagesOf({ rows, page }: ReturnType<typeof listOf>, limit: number): Promise<number[]> {
  const ids: string[] = []
  const lengths: number[] = []
  let cursor: string | null = null
  do {
    const { items, nextCursor }: Awaited<ReturnType<typeof page>> = await page(limit, cursor ?? undefined)
    ids.push(...items.map(({ id }) => id))
    lengths.push(items.length)
    cursor = nextCursor
  } while (cursor !== null)
  expect(ids).toEqual(rows.map(({ id }) => id))
  return lengths
}

describe('a page of a list', () => {
  test.each([
    ['no rows', [], 50, [0]],
    ['fewer rows than the limit', Array(7).fill(10), 50, [7]],
    ['as many rows as the limit', Array(50).fill(10), 50, [50]],
    ['more rows than the limit', Array(120).fill(10), 50, [50, 50, 20]],
    ['rows of 300 KB', Array(7).fill(300_000), 50, [3, 3, 1]],
    ['rows that alone are larger than a page', Array(3).fill(1_500_000), 50, [1, 1, 1]],
    ['a large row among small ones', [10, 10, 1_500_000, 10], 50, [2, 1, 1]],
  ])('has what fits: %s', async (_, sizes, limit, lengths) => {
    expect(await pagesOf(listOf(sizes), limit)).toEqual(lengths)
  })

  test('of small rows takes two reads, and of large rows reads few that it leaves out', async () => {
    const small = listOf(Array(500).fill(100))
    expect((await small.page(500)).items).toHaveLength(500)
    expect(small.counted.reads).toBeLessThan(4)
    const large = listOf(Array(500).fill(400_000))
    expect((await large.page(500)).items).toHaveLength(2)
    expect(large.counted.rows).toBeLessThan(10)
  })
})

test('of many pages that are asked for at once two are read at a time', async () => {
  let [reading, most] = [0, 0]
  const read = async () => {
    reading += 1
    most = Math.max(most, reading)
    await setImmediate()
    reading -= 1
    return [{ id: idOf(0) }]
  }
  const source = { read, keyOf: ({ id }: { id: string }) => id, toItem: (row: { id: string }) => row }
  const pages = await Promise.all(Array.from({ length: 10 }, () => readPage(source, 1, undefined)))
  expect(pages).toHaveLength(10)
  expect(most).toBe(2)
})

test('of a list that is there as a whole come the first items that fit, at least one', () => {
  const item = (bytes: number) => 'x'.repeat(bytes)
  expect(fittingItems([])).toEqual([])
  expect(fittingItems([item(10), item(20)])).toHaveLength(2)
  expect(fittingItems(Array(5).fill(item(300_000)))).toHaveLength(3)
  expect(fittingItems([item(2_000_000), item(1)])).toHaveLength(1)
})

test('rows that take long to read do not share a turn of the event loop', async () => {
  const presentTurn = () => performance.nodeTiming.uvMetricsInfo.loopCount
  const inTurn = new Map<number, number>()
  const rows = Array.from({ length: 12 }, (_, index) => idOf(index))
  const toItem = (row: string) => {
    inTurn.set(presentTurn(), (inTurn.get(presentTurn()) ?? 0) + 1)
    for (const end = performance.now() + 6; performance.now() < end; );
    return row
  }
  const read = async (after: string | undefined) => (after === undefined ? rows : rows.filter(row => row > after))
  const { items } = await readPage({ read, keyOf: row => row, toItem }, 50, undefined)
  expect(items).toEqual(rows)
  expect(Math.max(...inTurn.values())).toBe(1)
})
