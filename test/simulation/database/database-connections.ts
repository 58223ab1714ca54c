import type { DriverClient, DriverPool } from '../../../src/storage/postgres/database-pool.ts'
import type { Random } from '../../support/random.ts'
import type { Actor, VirtualTime } from '../virtual-time.ts'
import {
  type DatabaseAnswer,
  databaseError,
  type OpenTransaction,
  type SimulatedPostgres,
} from './simulated-postgres.ts'

/** Faults of the way to the database. `latency`: milliseconds of one way; `loss`: how often a connection is lost with a statement. */
export type DatabaseFaults = { latency(): number; loss(): number }

/** Milliseconds that a statement, or a wait for a connection, may take: as in `src/storage/postgres/database-pool.ts`. */
const [statementMilliseconds, connectMilliseconds] = [60_000, 10_000]

type Parts = {
  time: VirtualTime
  random: Random
  database: SimulatedPostgres
  faults: DatabaseFaults
  context(): unknown
}

/** A database server, and its connections. */
export type DatabaseServer = {
  /** Returns the pool of a process, with at most `size` connections. */
  pool(actor: Actor, size: number): DriverPool
  /** Ends all connections, as a restart does. None can be opened for so many milliseconds. */
  restart(milliseconds: number): void
  /** Closes the connections of a dead process after `milliseconds`: until then its transactions hold their locks. */
  forget(actor: Actor, milliseconds: number): void
  /** Returns the number of open transactions. */
  openTransactions(): number
}

/** Returns the server of a simulated database. */
export function databaseServer(parts: Parts): DatabaseServer {
  const { time, faults } = parts
  const connections = new Set<Connection>()
  let downUntil = 0

  const open = (actor: Actor): Promise<Connection> =>
    new Promise((resolve, reject) => {
      const answer = (settle: () => void) => time.after(faults.latency(), actor, settle)
      time.after(faults.latency(), undefined, () => {
        if (time.now() < downUntil) return answer(() => reject(new Error('connect ECONNREFUSED')))
        const connection = new Connection(parts, actor, () => connections.delete(connection))
        connections.add(connection)
        return answer(() => resolve(connection))
      })
    })

  return {
    pool: (actor, size) => poolOfConnections(time, actor, size, open),
    restart(milliseconds) {
      downUntil = time.now() + milliseconds
      for (const connection of [...connections]) connection.lose('terminating connection due to administrator command')
    },
    forget(actor, milliseconds) {
      for (const connection of [...connections])
        if (connection.actor === actor) time.after(milliseconds, undefined, () => connection.close())
    },
    openTransactions: () => [...connections].filter(connection => connection.isInTransaction()).length,
  }
}

/** A connection, with its side in the process and its side in the server. */
class Connection implements DriverClient {
  readonly actor: Actor
  readonly #parts: Parts
  readonly #onClose: () => void
  readonly #hearers: ((error: Error) => void)[] = []
  #transaction: OpenTransaction | undefined
  #isClosed = false
  #isKnownToBeLost = false
  #onRelease: (destroy: boolean) => void = () => undefined

  constructor(parts: Parts, actor: Actor, onClose: () => void) {
    this.#parts = parts
    this.actor = actor
    this.#onClose = onClose
  }

  isInTransaction(): boolean {
    return this.#transaction !== undefined
  }

  /** True once the process knows that the connection is lost. */
  isKnownToBeLost(): boolean {
    return this.#isKnownToBeLost
  }

  /** @param onRelease called once, when the process gives the connection back */
  lend(onRelease: (destroy: boolean) => void): this {
    this.#onRelease = onRelease
    return this
  }

  release(destroy: boolean): void {
    if (destroy) this.#parts.time.after(this.#parts.faults.latency(), undefined, () => this.close())
    this.#onRelease(destroy || this.#isClosed)
  }

  on(_: 'error', hear: (error: Error) => void): void {
    this.#hearers.push(hear)
  }

  /** Closes the server's side. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#transaction) this.#parts.database.rollback(this.#transaction)
    this.#transaction = undefined
    this.#onClose()
  }

  /** Closes both sides. */
  lose(reason: string): void {
    this.close()
    this.#parts.time.after(this.#parts.faults.latency(), this.actor, () => {
      this.#isKnownToBeLost = true
      for (const hear of this.#hearers) hear(new Error(reason))
    })
  }

  query(sql: string, parameters: unknown[]): ReturnType<DriverClient['query']> {
    const { time, faults, random, context } = this.#parts
    const givenContext = context()
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => {
        cancelTimeout()
        time.after(faults.latency(), this.actor, settle)
      }
      const lost = () => answer(() => reject(new Error('Connection terminated unexpectedly')))
      const cancelTimeout = time.after(statementMilliseconds, this.actor, () => reject(new Error('Query read timeout')))
      const run = () => {
        if (this.#isClosed) return lost()
        const outcome = this.#answer(sql, parameters, givenContext, run)
        if (outcome === undefined) return
        if (random.next() < faults.loss()) {
          this.lose('Connection terminated unexpectedly')
          return lost()
        }
        if ('error' in outcome) return answer(() => reject(outcome.error))
        return answer(() => resolve({ ...outcome, rows: outcome.rows as never[] }))
      }
      time.after(faults.latency(), undefined, () => {
        if (random.next() < faults.loss()) this.lose('Connection terminated unexpectedly')
        run()
      })
    })
  }

  /** Runs a statement in the server. @returns undefined if it waits, and `again` will be called */
  #answer(
    sql: string,
    parameters: readonly unknown[],
    context: unknown,
    again: () => void,
  ): DatabaseAnswer | { error: unknown } | undefined {
    const { database, time, random } = this.#parts
    const control = this.#control(sql, context)
    if (control) return control
    const transaction = this.#transaction ?? database.begin(context)
    try {
      const answer = database.execute(transaction, sql, parameters)
      if ('blockedBy' in answer) {
        let isWoken = false
        const wake = () => {
          if (isWoken) return
          isWoken = true
          // Whoever of those that wait comes first gets the lock.
          time.after(random.next(), undefined, again)
        }
        for (const blocker of answer.blockedBy) blocker.waiting.push(wake)
        return undefined
      }
      if (!this.#transaction) database.commit(transaction)
      return answer
    } catch (error) {
      if (!this.#transaction) database.rollback(transaction)
      return { error }
    }
  }

  #control(sql: string, context: unknown): DatabaseAnswer | { error: unknown } | undefined {
    const { database } = this.#parts
    const transaction = this.#transaction
    if (sql === 'begin') {
      if (transaction) return { error: databaseError('25001', 'there is already a transaction in progress') }
      this.#transaction = database.begin(context)
      return { command: 'BEGIN', rowCount: 0, rows: [] }
    }
    if (sql !== 'commit' && sql !== 'rollback') return undefined
    this.#transaction = undefined
    if (!transaction) return { command: 'ROLLBACK', rowCount: 0, rows: [] }
    if (sql === 'commit' && database.commit(transaction)) return { command: 'COMMIT', rowCount: 0, rows: [] }
    if (sql === 'rollback') database.rollback(transaction)
    return { command: 'ROLLBACK', rowCount: 0, rows: [] }
  }
}

function poolOfConnections(
  time: VirtualTime,
  actor: Actor,
  size: number,
  open: (actor: Actor) => Promise<Connection>,
): DriverPool {
  const idle: Connection[] = []
  const waiting: { resolve(): void }[] = []
  let lent = 0

  const untilFree = async () => {
    if (lent < size) {
      lent += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const cancel = time.after(connectMilliseconds, actor, () => {
        waiting.splice(waiting.indexOf(waiter), 1)
        reject(new Error('timeout exceeded when trying to connect'))
      })
      const waiter = {
        resolve: () => {
          cancel()
          resolve()
        },
      }
      waiting.push(waiter)
    })
  }
  const giveBack = () => {
    const next = waiting.shift()
    if (next) next.resolve()
    else lent -= 1
  }
  return {
    async connect() {
      await untilFree()
      try {
        const usable = idle.splice(0).filter(connection => !connection.isKnownToBeLost())
        const connection = usable.pop() ?? (await open(actor))
        idle.push(...usable)
        let isReleased = false
        return connection.lend(destroy => {
          if (isReleased) throw new Error('a connection was released twice')
          isReleased = true
          if (!destroy) idle.push(connection)
          giveBack()
        })
      } catch (error) {
        giveBack()
        throw error
      }
    },
    end: async () => undefined,
  }
}
