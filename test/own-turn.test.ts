import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connectionArrived, ownTurn, shortTurn } from '../src/own-turn.ts'

const presentTurn = () => performance.nodeTiming.uvMetricsInfo.loopCount

function work(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

/** Runs work of 1 ms in the turns that a function gives, all asked for in one turn. @returns how many ran in each turn, and their order */
async function runAll(giveTurn: () => Promise<void>, count: number): Promise<{ inTurns: number[]; order: number[] }> {
  const inTurn = new Map<number, number>()
  const order: number[] = []
  const all = Array.from({ length: count }, async (_, index) => {
    // Each in a callback of its own, as requests come.
    await nextTurn()
    await giveTurn()
    order.push(index)
    inTurn.set(presentTurn(), (inTurn.get(presentTurn()) ?? 0) + 1)
    work(1)
  })
  await Promise.all(all)
  return { inTurns: [...inTurn.values()], order }
}

const inOrder = (count: number) => Array.from({ length: count }, (_, index) => index)

test('each caller of ownTurn has a turn of the event loop of its own, in the order of the calls', async () => {
  const { inTurns, order } = await runAll(ownTurn, 20)
  expect(inTurns).toEqual(Array.from({ length: 20 }, () => 1))
  expect(order).toEqual(inOrder(20))
})

test('short work shares a turn until it has taken 2 ms of it', async () => {
  const { inTurns, order } = await runAll(shortTurn, 30)
  expect(Math.max(...inTurns)).toBeLessThanOrEqual(3)
  expect(order).toEqual(inOrder(30))
})

test('the first short work of a turn waits for none, unless a connection has arrived', async () => {
  await nextTurn()
  const before = presentTurn()
  await shortTurn()
  expect(presentTurn()).toBe(before)
  connectionArrived()
  await shortTurn()
  expect(presentTurn()).toBeGreaterThan(before)
})

test.each([
  ['ownTurn', ownTurn],
  ['shortTurn', shortTurn],
])('%s leaves turns to connections that arrive, but not all of them', async (_, giveTurn) => {
  const before = presentTurn()
  const arriving = new AbortController()
  const arriveInEachTurn = async () => {
    for (; !arriving.signal.aborted; await nextTurn()) connectionArrived()
  }
  const arrivals = arriveInEachTurn()
  await giveTurn()
  arriving.abort()
  await arrivals
  expect(presentTurn() - before).toBeGreaterThan(20)
  expect(presentTurn() - before).toBeLessThan(50)
})
