import { AsyncLocalStorage } from 'node:async_hooks'
import { type Random, seededRandom } from '../support/random.ts'
import { createClients, type Servers, serverGone } from './clients.ts'
import { databaseServer } from './database/database-connections.ts'
import {
  type DatabaseTables,
  databaseTables,
  type SimulatedPostgres,
  simulatedPostgres,
} from './database/simulated-postgres.ts'
import { createLedger, type Ledger } from './ledger.ts'
import {
  graceMilliseconds,
  type ServerProcess,
  type ServerRole,
  startProcess,
  type WorkingClaim,
} from './server-process.ts'
import type { SharedParts } from './shared-parts.ts'
import { simulatedBucket } from './simulated-bucket.ts'
import { simulatedNotifications } from './simulated-notifications.ts'
import type { JobPlan } from './simulated-runner.ts'
import { beginning, giveGlobalsTo } from './virtual-globals.ts'
import { type Actor, virtualTime } from './virtual-time.ts'
import { weatherOf } from './weather.ts'

/** Result of a run. `violation`: the invariant that does not hold; `print`: equal for runs in which the same happened in the same order. */
export type SeedResult = { seed: number; violation: string | undefined; steps: number; print: number; trace: string[] }

/** Virtual milliseconds during which faults occur, and those after which everything must have ended. */
const [faultMilliseconds, longestMilliseconds] = [8_000, 1_800_000]

/** Returns a function that runs seeds, one after the other. @param schema the tables of the catalog, as SQL */
export function seedRunner(schema: readonly string[]): (seed: number, isTraced: boolean) => Promise<SeedResult> {
  const tables = databaseTables(schema)
  return async (seed, isTraced) => {
    const trace: string[] = []
    let violation: string | undefined
    const random = seededRandom(seed)
    const time = virtualTime(random)
    giveGlobalsTo(time)
    const note = (text: string) => {
      if (isTraced) trace.push(`${(time.now() / 1000).toFixed(3)} ${text}`)
    }
    const violated = (what: string) => {
      violation ??= what
      note(`VIOLATION: ${what}`)
    }
    const onRejection = (error: unknown) =>
      violated(`a promise was rejected: ${error instanceof Error ? error.stack : error}`)
    process.on('unhandledRejection', onRejection)
    try {
      await runCluster({ time, random, note, violated, tables, isViolated: () => violation !== undefined })
    } finally {
      process.off('unhandledRejection', onRejection)
    }
    return { seed, violation, steps: time.steps(), print: random.integer(0, 2 ** 32), trace }
  }
}

type Run = {
  time: ReturnType<typeof virtualTime>
  random: Random
  note(text: string): void
  violated(what: string): void
  isViolated(): boolean
  tables: DatabaseTables
}

async function runCluster({ time, random, note, violated, isViolated, tables }: Run): Promise<void> {
  const weather = weatherOf(random)
  const isShared = random.next() < 0.7
  const claims = new AsyncLocalStorage<WorkingClaim>()
  const { latency, repeats, databaseLoss, bucketLoss } = weather
  let ledger: Ledger | undefined
  const bucket = simulatedBucket({
    time,
    random,
    faults: { latency, repeats, loss: bucketLoss },
    onRemoved(sha256) {
      note(`the bucket removes ${sha256}`)
      ledger?.removed(sha256)
    },
  })
  const notifications = simulatedNotifications(time, random, { latency, repeats })
  const database: SimulatedPostgres = simulatedPostgres(tables, {
    committed(commit) {
      for (const change of commit.changes) {
        const { after } = database.named(change)
        note(`commit: ${change.kind} ${change.table} ${change.key} ${after.status ?? ''}`)
      }
      ledger?.committed(commit)
    },
    told: notifications.deliver,
    now: () => Math.floor(beginning + time.now()),
  })
  ledger = createLedger({ database, bucket, violated })
  const known = ledger
  const context = () => ({ actor: time.actor(), claim: claims.getStore() })
  const server = databaseServer({ time, random, database, faults: { latency, loss: databaseLoss }, context })

  const plans = new Map<string, JobPlan>()
  const planOf = (id: string) => {
    const plan = plans.get(id) ?? {
      steps: random.integer(0, 6),
      milliseconds: random.pick([10, 100, 1000]),
      isFailing: random.next() < 0.1,
      keepsScores: random.next() < 0.2,
      death: random.next() < 0.05 ? 1 : null,
    }
    plans.set(id, plan)
    return plan
  }
  /** `server`: undefined until it has started. */
  type Running = { role: ServerRole; server: ServerProcess | undefined; gone: PromiseWithResolvers<Error> }
  const running = new Map<Actor, Running>()
  let started = 0
  /** True once only the sweep is left, which needs one server of the API. */
  let isSweeping = false
  const start = (role: ServerRole) => {
    if (isSweeping && (role === 'worker' || running.size > 0)) return
    started += 1
    const name = `${role}-${started}`
    note(`${name} starts`)
    const actor: Actor = { name, isAlive: true, frozenUntil: 0, skew: random.integer(-400, 400) }
    const process: Running = { role, server: undefined, gone: Promise.withResolvers() }
    running.set(actor, process)
    time
      .as(actor, () => startProcess(parts, actor, role))
      .then(
        server => {
          process.server = server
        },
        (error: unknown) => {
          note(`${name} cannot start: ${error}`)
          kill(actor)
        },
      )
  }
  const leave = (actor: Actor) => {
    const left = running.get(actor)
    running.delete(actor)
    if (!left) return
    time.after(latency(), undefined, () => left.gone.resolve(serverGone()))
  }
  /** Starts another process, as an orchestrator does. */
  const replace = (role: ServerRole) => void time.after(500 + 3000 * random.next(), undefined, () => start(role))
  const kill = (actor: Actor) => {
    if (!actor.isAlive) return
    const left = running.get(actor)
    note(`${actor.name} is killed`)
    actor.isAlive = false
    server.forget(actor, random.next() < 0.8 ? latency() : 5000 * random.next())
    leave(actor)
    if (left) replace(left.role)
  }
  /** Ends a process that is not needed any more. */
  const retire = (actor: Actor) => {
    actor.isAlive = false
    running.delete(actor)
    server.forget(actor, 0)
  }
  const stop = async (actor: Actor) => {
    const { server: stopping, role } = running.get(actor) ?? {}
    if (!stopping || !role) return
    note(`${actor.name} stops`)
    leave(actor)
    await time.as(actor, () => stopping.stop())
    note(`${actor.name} has stopped`)
    if (!actor.isAlive) return
    actor.isAlive = false
    server.forget(actor, latency())
    replace(role)
  }
  const parts: SharedParts = {
    time,
    random,
    databaseServer: server,
    bucket,
    notifications,
    claims,
    planOf,
    kill,
    trace: note,
    violated,
  }
  const anyServing = () => {
    const serving = [...running.values()].flatMap(({ role, server }) => (server && role !== 'worker' ? [server] : []))
    return serving.length === 0 ? undefined : random.pick(serving)
  }
  const servers: Servers = {
    any: anyServing,
    untilGone: server => running.get(server.actor)?.gone.promise ?? Promise.resolve(serverGone()),
  }

  const sometimes = (times: number, fault: () => void) => {
    for (let turn = 0; turn < times; turn += 1) time.after(faultMilliseconds * random.next(), undefined, fault)
  }
  const onAny = (fault: (actor: Actor) => void) => () => {
    if (running.size > 0) fault(random.pick([...running.keys()]))
  }
  sometimes(weather.kills, onAny(kill))
  sometimes(
    weather.stops,
    onAny(actor => void stop(actor)),
  )
  sometimes(
    weather.deafness,
    onAny(actor => notifications.interrupt(actor, 10_000 * random.next())),
  )
  sometimes(
    weather.freezes,
    onAny(actor => {
      actor.frozenUntil = time.now() + 40_000 * random.next() ** 2
      note(`${actor.name} is frozen until ${actor.frozenUntil}`)
    }),
  )
  sometimes(weather.restarts, () => {
    note('the database restarts')
    server.restart(10_000 * random.next())
  })
  sometimes(weather.interruptions, () => {
    note('the bucket is out of reach')
    bucket.interrupt(20_000 * random.next())
  })
  time.after(faultMilliseconds, undefined, weather.clear)

  for (const role of isShared ? (['api', 'worker', 'api', 'worker'] as const) : (['alone'] as const)) start(role)
  const clients = createClients(parts, servers, known)
  const ends = Array.from({ length: 3 }, (_, number) => clients.start(`client-${number}`, 4))
  const isQuiet = () =>
    time.now() >= faultMilliseconds && ends.every(isOver => isOver()) && known.unfinished().length === 0
  await time.run(() => isViolated() || isQuiet() || time.now() > longestMilliseconds)
  if (isViolated()) return
  if (!isQuiet()) violated(`not all has ended: jobs ${known.unfinished()}, clients ${ends.map(isOver => isOver())}`)
  isSweeping = true
  const sweeper = anyServing()?.actor
  for (const [actor, { role }] of [...running]) if (sweeper ? actor !== sweeper : role === 'worker') retire(actor)
  await sweepAll()
  if (isViolated()) return
  known.close()
  for (const { server: left } of running.values())
    if (left && left.content.leases() > 0)
      violated(`${left.actor.name} holds ${left.content.leases()} leases at the end`)
  if (server.openTransactions() > 0) violated(`${server.openTransactions()} transactions are open at the end`)

  /**
   * Sweeps the bucket until content without a record is gone. The first sweep passes over what dead servers still hold, if the server was
   * frozen until then. The next one notes what has no record, and the last one removes it.
   */
  async function sweepAll() {
    const neededSweeps = 3
    let isSwept = false
    const grace = isShared ? graceMilliseconds.shared : graceMilliseconds.alone
    const sweep = async () => {
      // Until then the servers that died have no claim any more.
      await time.pause(grace)
      for (let sweeps = 0; sweeps < neededSweeps; ) {
        const api = anyServing()
        const isDone = await time
          .as(api?.actor, () => api?.contents.sweep(new AbortController().signal))
          ?.then(
            () => true,
            () => false,
          )
        sweeps += isDone ? 1 : 0
        if (sweeps < neededSweeps) await time.pause(isDone ? grace : 60_000)
      }
      isSwept = true
    }
    sweep().catch((error: unknown) => violated(`a sweep failed: ${error instanceof Error ? error.stack : error}`))
    await time.run(() => isSwept || isViolated())
  }
}
