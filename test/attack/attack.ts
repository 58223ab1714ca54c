import type { AttackServerKind } from './attack-servers.ts'
import type { Target } from './target.ts'

/** What an attack says of its run. */
export type Findings = {
  /** Something that must not happen did: it got in, or it cost more than it may. */
  problem(text: string): void
  /** A number worth reading, such as how long the heaviest request took. */
  note(text: string): void
}

export type Attack = {
  /** A short name, as --only takes it. */
  name: string
  /** What it does and which bound must hold, in one sentence. */
  does: string
  server: AttackServerKind
  run(target: Target, findings: Findings): Promise<void>
  /**
   * The connections of the attack, opened on a server that does nothing else, and closed. The bounds of the attack follow what that costs, as
   * most of it is the cost of Node.
   */
  flood?(url: string): Promise<void>
}

/**
 * Milliseconds of processor time that the server's event loop may be held at a time, whatever many clients do at once. Twice the 50 ms of
 * one request: a processor that others use, and a cold cache, make the same work take longer.
 */
export const mostStall = 100
