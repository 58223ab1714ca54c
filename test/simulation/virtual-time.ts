import { AsyncLocalStorage } from 'node:async_hooks'
import type { Random } from '../support/random.ts'
import { eventHeap, type ScheduledEvent } from './event-heap.ts'
import { nextRealTurn } from './virtual-globals.ts'

/** A simulated process. Once it is dead, nothing of it runs again. */
export type Actor = {
  readonly name: string
  isAlive: boolean
  /** Virtual time until which nothing of it runs, as in a long pause of its machine. */
  frozenUntil: number
  /** Milliseconds by which its clock is wrong. */
  readonly skew: number
}

type TimedEvent = ScheduledEvent & { actor: Actor | undefined; run: () => void; isCancelled: boolean }

/** The only clock of a run. Nothing happens between two events: their order, and so the whole run, follows from the seed. */
export type VirtualTime = {
  readonly random: Random
  /** Returns milliseconds since the beginning of the run. */
  now(): number
  /** Runs `run` later, as a part of an actor: never if that is dead by then. @returns a function that cancels it */
  after(milliseconds: number, actor: Actor | undefined, run: () => void): () => void
  /** Resolves later, as a part of the actor that calls this. */
  pause(milliseconds: number): Promise<void>
  /** Runs work as a part of an actor. */
  as<Result>(actor: Actor | undefined, work: () => Result): Result
  /** Returns the actor whose work runs. */
  actor(): Actor | undefined
  /** Lets time go on until `isOver`, or until nothing can happen any more. */
  run(isOver: () => boolean): Promise<void>
  /** Returns the number of events so far. */
  steps(): number
}

/** Waits until no promise is left that can settle without an event. */
const allSettled = () => new Promise<void>(resolve => nextRealTurn(resolve))

/** Returns the time of one run. */
export function virtualTime(random: Random): VirtualTime {
  const events = eventHeap<TimedEvent>()
  const actors = new AsyncLocalStorage<Actor | undefined>()
  const outside = AsyncLocalStorage.snapshot()
  let [now, order, steps] = [0, 0, 0]

  const after: VirtualTime['after'] = (milliseconds, actor, run) => {
    order += 1
    // Work of no process must not pass for work of the one that caused it.
    const bound = actor ? AsyncLocalStorage.bind(run) : () => outside(run)
    const event = { at: now + Math.max(0, milliseconds), order, actor, run: bound, isCancelled: false }
    events.add(event)
    return () => {
      event.isCancelled = true
    }
  }
  const step = (event: TimedEvent) => {
    const { actor } = event
    if (event.isCancelled || actor?.isAlive === false) return false
    now = Math.max(now, event.at)
    if (actor && actor.frozenUntil > now) {
      event.at = actor.frozenUntil
      events.add(event)
      return false
    }
    steps += 1
    event.run()
    return true
  }
  return {
    random,
    now: () => now,
    steps: () => steps,
    after,
    as: (actor, work) => actors.run(actor, work),
    actor: () => actors.getStore(),
    pause: milliseconds => new Promise(resolve => after(milliseconds, actors.getStore(), resolve)),
    async run(isOver) {
      await allSettled()
      while (!isOver()) {
        const event = events.take()
        if (!event) return
        if (step(event)) await allSettled()
      }
    },
  }
}
