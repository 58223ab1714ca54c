import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Random } from '../support/random.ts'
import type { DatabaseServer } from './database/database-connections.ts'
import type { WorkingClaim } from './server-process.ts'
import type { SimulatedBucket } from './simulated-bucket.ts'
import type { SimulatedNotifications } from './simulated-notifications.ts'
import type { JobPlan } from './simulated-runner.ts'
import type { Actor, VirtualTime } from './virtual-time.ts'

/** The parts of a run that all of its processes share. */
export type SharedParts = {
  time: VirtualTime
  random: Random
  databaseServer: DatabaseServer
  bucket: SimulatedBucket
  notifications: SimulatedNotifications
  /** The claim of the running work. */
  claims: AsyncLocalStorage<WorkingClaim>
  planOf(id: string): JobPlan
  /** Ends a process without warning. */
  kill(actor: Actor): void
  /** Notes what happens, for a failing run. */
  trace(text: string): void
  /** Ends the run: an invariant does not hold. */
  violated(what: string): void
}
