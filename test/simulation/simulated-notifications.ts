import { sql } from 'kysely'
import type { Notifications } from '../../src/storage/postgres/notifications.ts'
import type { Random } from '../support/random.ts'
import type { Actor, VirtualTime } from './virtual-time.ts'

/** Faults of notifications. `repeats`: how often a text arrives twice. */
export type NotificationFaults = { latency(): number; repeats(): number }

/** Milliseconds between two gaps of a process that hears nothing. */
const gapMilliseconds = 1000

type Listener = { actor: Actor; channel: string; hear(text: string): void; onGap(): void }

/** Notifications between the processes of a run. */
export type SimulatedNotifications = {
  /** Delivers a text that was told at a commit. */
  deliver(channel: string, text: string): void
  connect(actor: Actor): Notifications
  /** Keeps a process from hearing anything for so many milliseconds. */
  interrupt(actor: Actor, milliseconds: number): void
}

/** Returns the notifications of a run. */
export function simulatedNotifications(
  time: VirtualTime,
  random: Random,
  faults: NotificationFaults,
): SimulatedNotifications {
  const listeners = new Set<Listener>()
  const deafUntil = new Map<Actor, number>()
  const isDeaf = (actor: Actor) => (deafUntil.get(actor) ?? 0) > time.now()

  const deliver = (channel: string, text: string) => {
    for (const listener of listeners) {
      if (listener.channel !== channel) continue
      const times = random.next() < faults.repeats() ? 2 : 1
      for (let turn = 0; turn < times; turn += 1)
        time.after(faults.latency(), listener.actor, () => {
          if (listeners.has(listener) && !isDeaf(listener.actor)) listener.hear(text)
        })
    }
  }
  const tellGap = (actor: Actor) => {
    for (const listener of [...listeners]) if (listener.actor === actor) listener.onGap()
  }
  return {
    deliver,
    interrupt(actor, milliseconds) {
      deafUntil.set(actor, time.now() + milliseconds)
      const look = () => {
        tellGap(actor)
        if (isDeaf(actor)) time.after(gapMilliseconds, actor, look)
      }
      time.after(gapMilliseconds, actor, look)
    },
    connect: actor => ({
      listen(channel, hear, onGap) {
        const listener = { actor, channel, hear, onGap }
        listeners.add(listener)
        time.after(faults.latency(), actor, onGap)
        return () => void listeners.delete(listener)
      },
      async tell(catalog, channel, text) {
        if (catalog.isTransaction) await sql`select pg_notify(${channel}, ${text})`.execute(catalog)
        else time.after(20 * random.next(), undefined, () => deliver(channel, text))
      },
      close: async () => undefined,
    }),
  }
}
