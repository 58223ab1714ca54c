import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createProgressWatch, type ProgressLimits, type Transfer } from '../../src/http/progress-watch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const limits: ProgressLimits = { bytesPerSecond: 1000, windowMilliseconds: 30_000, idleMilliseconds: 60_000 }

/** A transfer whose client moves so many bytes each second, and what became of it after so many seconds. */
function transferFor(
  seconds: number,
  moves: (second: number) => number,
  { isWaiting = () => true, ...changed }: Partial<ProgressLimits> & { isWaiting?: (second: number) => boolean } = {},
) {
  const watch = createProgressWatch({ ...limits, ...changed }, { perWindow: 30 })
  let second = 0
  let moved = 0
  const slow: (number | undefined)[] = []
  const transfer: Transfer = {
    bytes: () => moved,
    isWaiting: () => isWaiting(second),
    onSlow: rate => void slow.push(rate),
  }
  const stop = watch.watch(transfer)
  let ended: number | undefined
  for (; second < seconds; second += 1) {
    moved += moves(second)
    vi.advanceTimersByTime(1000)
    if (slow.length > 0) ended ??= second + 1
  }
  stop()
  watch.close()
  return { slow, ended }
}

describe('a transfer', () => {
  test('below the least rate is given up once, after one window', () => {
    expect(transferFor(120, () => 999)).toEqual({ slow: [999], ended: 30 })
  })

  test('at the least rate goes on', () => {
    expect(transferFor(120, () => 1000).slow).toEqual([])
  })

  test('may come in bursts that make the rate within a window', () => {
    expect(transferFor(120, second => (second % 20 === 0 ? 30_000 : 0)).slow).toEqual([])
  })

  test('lives on nothing that it moved long ago', () => {
    expect(transferFor(120, second => (second === 0 ? 1e9 : 0)).ended).toBe(31)
  })

  test('is not blamed for time in which nobody waited for it', () => {
    const isWaiting = (second: number) => second % 10 === 0
    expect(transferFor(250, () => 0, { isWaiting }).slow).toEqual([])
    expect(transferFor(320, () => 0, { isWaiting }).ended).toBeGreaterThan(250)
  })

  test('that stands still is given up where no rate is asked for', () => {
    expect(transferFor(120, () => 1, { bytesPerSecond: 0 }).slow).toEqual([])
    const still = transferFor(120, second => (second < 20 ? 1 : 0), { bytesPerSecond: 0 })
    expect(still.slow).toEqual([undefined])
    expect(still.ended).toBeGreaterThanOrEqual(79)
    expect(still.ended).toBeLessThanOrEqual(82)
  })
})

test('time in which the server could not look is nobody’s', () => {
  const watch = createProgressWatch(limits, { perWindow: 30 })
  const slow: unknown[] = []
  watch.watch({ bytes: () => 0, isWaiting: () => true, onSlow: rate => void slow.push(rate) })
  for (let look = 0; look < 60; look += 1) {
    // A loop that was blocked for five seconds runs its timer once, late.
    vi.advanceTimersByTime(999)
    vi.spyOn(performance, 'now').mockReturnValueOnce(1e6 + look * 6000)
    vi.advanceTimersByTime(1)
  }
  expect(slow).toEqual([])
  watch.close()
})
