import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { OfferedRange, RangeBoard } from '../../src/jobs/range-board.ts'

/** A board, and the jobs whose searches use it. `newJob`: returns the id of a running job. */
export type BoardUnderTest = {
  board: RangeBoard
  newJob(): Promise<string>
  endJob(jobId: string): Promise<void>
}

const [one, two] = [
  { id: 'one', evaluators: 2 },
  { id: 'two', evaluators: 3 },
]
const soups = [
  { members: [0, 2], weights: [0.1 + 0.2, 1e-300], rules: [{ match: '*.bias', weights: [1, 0] }] },
  { members: [1], weights: [1], rules: [], parameters: { density: 1 / 3 } },
]
const newRange = (): OfferedRange => ({ id: randomUUID(), term: 0, fingerprint: 'print', soups })
const any = { except: [] }

/** The behaviour of every {@link RangeBoard}. */
export function rangeBoardSuite(open: () => Promise<BoardUnderTest>): void {
  let board: RangeBoard
  let jobs: BoardUnderTest
  let jobId: string
  beforeEach(async () => {
    jobs = await open()
    board = jobs.board
    jobId = await jobs.newJob()
  })
  const stateOf = async (id: string) => (await board.states(jobId)).find(state => state.id === id)

  describe('a range on the board', () => {
    test('is taken as it was offered', async () => {
      const range = newRange()
      await board.offer(jobId, [range])
      expect(await stateOf(range.id)).toEqual({ id: range.id, holder: null, beats: 0, isSettled: false })
      expect(await board.take(one, any)).toEqual({ ...range, jobId })
      expect(await stateOf(range.id)).toMatchObject({ holder: one })
    })

    test('keeps its term', async () => {
      const range = { ...newRange(), term: 2 }
      await board.offer(jobId, [range])
      expect(await board.take(one, any)).toEqual({ ...range, jobId })
    })

    test('is taken once, and workers that look at the same time take different ranges', async () => {
      const ranges = Array.from({ length: 12 }, newRange)
      await board.offer(jobId, ranges)
      const taken = await Promise.all(ranges.flatMap(() => [board.take(one, any), board.take(two, any)]))
      const ids = taken.flatMap(range => range?.id ?? [])
      expect(ids).toHaveLength(12)
      expect(new Set(ids)).toEqual(new Set(ranges.map(({ id }) => id)))
      expect(await board.take(one, any)).toBeUndefined()
    })

    test('is of one search or of any but some', async () => {
      const other = await jobs.newJob()
      await board.offer(jobId, [newRange()])
      expect(await board.take(one, { jobId: other })).toBeUndefined()
      expect(await board.take(one, { except: [jobId, other] })).toBeUndefined()
      expect(await board.take(one, { except: [other] })).toMatchObject({ jobId })
      await board.offer(other, [newRange()])
      expect(await board.take(two, { jobId: other })).toMatchObject({ jobId: other })
    })

    test('is not taken once its job has ended, and its worker learns that by a sign of life', async () => {
      const [first, second] = [newRange(), newRange()]
      await board.offer(jobId, [first])
      await board.take(one, any)
      await board.offer(jobId, [second])
      expect(await board.beat(one, [first.id])).toEqual([first.id])
      expect(await board.isRunning(jobId)).toBe(true)
      await jobs.endJob(jobId)
      expect(await board.isRunning(jobId)).toBe(false)
      expect(await board.beat(one, [first.id])).toEqual([])
      expect(await board.take(two, any)).toBeUndefined()
    })

    test('goes back to its search unless a worker has it', async () => {
      const [first, second] = [newRange(), newRange()]
      await board.offer(jobId, [first])
      await board.take(one, any)
      await board.offer(jobId, [second])
      expect(await board.takeBack([first.id, second.id])).toEqual([second.id])
      expect((await board.states(jobId)).map(({ id }) => id)).toEqual([first.id])
    })

    test('counts the signs of life of its worker only', async () => {
      const range = newRange()
      await board.offer(jobId, [range])
      await board.take(one, any)
      await board.beat(one, [range.id, 'unknown'])
      expect(await board.beat(two, [range.id])).toEqual([])
      expect(await stateOf(range.id)).toMatchObject({ beats: 1 })
    })

    test('is settled by its worker, and its search hears that', async () => {
      const range = newRange()
      await board.offer(jobId, [range])
      await board.take(one, any)
      const heard = vi.fn()
      const stop = board.onSettled(jobId, heard)
      const stopOther = board.onSettled('other', () => expect.unreachable())
      await board.settle(two, range.id)
      expect(await stateOf(range.id)).toMatchObject({ isSettled: false })
      await board.settle(one, range.id)
      expect(await stateOf(range.id)).toMatchObject({ isSettled: true, holder: one })
      await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
      stop()
      stopOther()
      expect(await board.take(two, any)).toBeUndefined()
    })

    test('can be taken by others once its worker has given it back', async () => {
      const range = newRange()
      await board.offer(jobId, [range])
      await board.take(one, any)
      await board.beat(one, [range.id])
      const heard = vi.fn()
      const stop = board.onOffered(heard)
      await board.release(two, range.id)
      expect(await board.take(two, any)).toBeUndefined()
      await board.release(one, range.id)
      await vi.waitFor(() => expect(heard).toHaveBeenCalled())
      stop()
      expect(await stateOf(range.id)).toMatchObject({ holder: null, beats: 0 })
      expect(await board.take(two, any)).toMatchObject({ id: range.id })
    })

    test('leaves the board when its search removes it, whoever has it', async () => {
      const other = await jobs.newJob()
      const [first, second, third] = [newRange(), newRange(), newRange()]
      await board.offer(jobId, [first, second])
      await board.offer(other, [third])
      await board.take(one, { jobId })
      await board.remove(jobId, [first.id])
      expect((await board.states(jobId)).map(({ id }) => id)).toEqual([second.id])
      await board.remove(jobId)
      expect(await board.states(jobId)).toEqual([])
      expect(await board.beat(one, [first.id, second.id])).toEqual([])
      expect(await board.states(other)).toHaveLength(1)
    })
  })
}
