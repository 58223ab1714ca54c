import pLimit from 'p-limit'

const oneAtATime = pLimit(1)

/** Most turns in succession that are left to new connections: a flood of them must not stop all work. */
const mostLeft = 32

/** Milliseconds of a turn in which short work may begin, from the first of it. */
const shortMilliseconds = 2

/** Most short work that begins in a turn. */
const shortInTurn = 16

/** Number of the turn in which the last connection was accepted. */
let arrivedIn = -1
/** The last turn in which short work began: its number, the time of the first such work, and how much has begun. */
let begun = { turn: -1, at: 0, count: 0 }
/** The last turn that somebody waited for, and the number of turns in succession that were left to new connections up to it. */
let seen = { turn: -1, left: 0 }
/** Short work that waits for a turn. */
const waiting: (() => void)[] = []
let isServing = false

const { nodeTiming } = performance

const presentTurn = () => nodeTiming.uvMetricsInfo.loopCount

/** Tells that a connection was accepted in this turn of the event loop. */
export function connectionArrived(): void {
  arrivedIn = presentTurn()
}

/**
 * Waits for a turn of the event loop that no other caller of this function has. Callers get their turns in the order of their calls.
 * Work that takes milliseconds waits for its own turn: otherwise many simultaneous requests would block the loop for the sum of their
 * times. Node accepts one connection in a turn. So turns in which one arrives stay short, for there may be a health probe behind it.
 */
export function ownTurn(): Promise<void> {
  return oneAtATime(async () => {
    do await new Promise(resolve => setImmediate(resolve))
    while (isLeft())
  })
}

/**
 * Waits for a turn that may have other short work, of 2 ms in all. It is this turn unless others wait, or a connection has arrived. Callers
 * get their turns in the order of their calls.
 */
export async function shortTurn(): Promise<void> {
  if (waiting.length === 0 && arrivedIn !== presentTurn() && beginShort()) return
  await new Promise<void>(resolve => {
    waiting.push(resolve)
    if (!isServing) serveInNextTurn()
  })
}

/** True if this turn is left to the connection that has arrived. */
function isLeft(): boolean {
  const turn = presentTurn()
  if (seen.turn !== turn) seen = { turn, left: arrivedIn === turn && seen.left < mostLeft ? seen.left + 1 : 0 }
  return seen.left > 0
}

/** Counts short work that begins in this turn. @returns false if the turn has no time left for it */
function beginShort(): boolean {
  const [turn, now] = [presentTurn(), performance.now()]
  if (begun.turn !== turn) begun = { turn, at: now, count: 0 }
  begun.count += 1
  return now - begun.at < shortMilliseconds && begun.count <= shortInTurn
}

/** Between two immediates Node runs all that follows from the first. So each of them sees how long the work before it has taken. */
function serveInNextTurn(): void {
  isServing = true
  let isOpen = false
  setImmediate(() => {
    isOpen = !isLeft()
  })
  for (let place = 0; place < Math.min(waiting.length, shortInTurn); place += 1)
    setImmediate(() => {
      if (isOpen && beginShort()) waiting.shift()?.()
    })
  setImmediate(() => {
    isServing = false
    if (waiting.length > 0) serveInNextTurn()
  })
}
