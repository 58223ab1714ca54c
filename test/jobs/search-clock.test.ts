import { expect, test } from 'vitest'
import { deadlineOf, searchClock } from '../../src/jobs/search-clock.ts'

/** A clock of milliseconds that stands until it is moved. */
function handClock() {
  let milliseconds = 5_000
  return {
    now: () => milliseconds,
    pass: (seconds: number) => {
      milliseconds += seconds * 1000
    },
  }
}

test('seconds in earlier processes count, and those between two processes do not', () => {
  const { now, pass } = handClock()
  const clock = searchClock(60, 20, now)
  pass(15)
  expect([clock.seconds(), clock.secondsLeft()]).toEqual([35, 25])
  pass(100)
  expect([clock.seconds(), clock.secondsLeft()]).toEqual([135, 0])
})

test('the first candidate tells nothing of how long the others take', () => {
  const { now, pass } = handClock()
  const clock = searchClock(undefined, 0, now)
  pass(30)
  expect(clock.times(1, 11)).toEqual({ seconds: 30, secondsLeft: null })
  pass(4)
  expect(clock.times(3, 11)).toEqual({ seconds: 34, secondsLeft: 16 })
  expect(clock.times(12, 11).secondsLeft).toBe(0)
})

test('the seconds left are never more than the budget leaves', () => {
  const { now, pass } = handClock()
  const clock = searchClock(40, 0, now)
  clock.times(1, 100)
  pass(10)
  expect(clock.times(2, 100)).toEqual({ seconds: 10, secondsLeft: 30 })
})

test('a budget that is spent is over at once, and a search without one has no deadline', async () => {
  const over = deadlineOf(searchClock(10, 10))
  await expect.poll(() => over.aborted).toBe(true)
  expect(deadlineOf(searchClock(undefined, 10)).aborted).toBe(false)
})
