import { expect, test } from 'vitest'
import { sweepDaily } from '../../src/composition/sweep-daily.ts'
import { onlyServer } from '../../src/storage/election.ts'

/** Sweeps with these outcomes, and returns the seconds between them. */
async function pausesAfter(outcomes: readonly boolean[]): Promise<number[]> {
  const closing = new AbortController()
  const left = [...outcomes]
  const pauses: number[] = []
  const sweep = async () => left.shift() ?? false
  await sweepDaily(onlyServer, sweep, closing.signal, async milliseconds => {
    pauses.push(milliseconds / 1000)
    if (left.length === 0) closing.abort()
  })
  return pauses
}

test('the first sweep is repeated once what dead servers held is free, and then there is one a day', async () => {
  const [second, ...later] = await pausesAfter([true, true, true])
  // Others take a server for dead after two minutes of silence.
  expect(second).toBeGreaterThan(120)
  expect(second).toBeLessThan(300)
  expect(later).toEqual([86_400, 86_400])
})

test('a sweep that failed is tried again after a minute', async () => {
  expect((await pausesAfter([false, true, false, true])).map(Math.round)).toEqual([60, 150, 60, 86_400])
})

test('a server that closes before it is elected sweeps nothing', async () => {
  const closing = new AbortController()
  const untilElected = async () => closing.abort()
  await sweepDaily({ untilElected }, () => Promise.reject(new Error('not asked')), closing.signal)
})
