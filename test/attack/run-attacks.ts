import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { startWatched, type WatchedServer } from '../support/watched-server.ts'
import type { Attack } from './attack.ts'
import { type AttackServerKind, attackServers, attackTokens } from './attack-servers.ts'
import { type HealthProber, startProber } from './health-prober.ts'
import { doHonestWork } from './honest-work.ts'
import { type AttackResult, runAttack } from './run-attack.ts'
import { type Target, targetOf } from './target.ts'

export type ServerResult = {
  server: AttackServerKind
  /** Resident memory in MB: of the warm server before its first attack, and after the rest that follows the last. */
  memory: { start: number; end: number }
  problems: string[]
}

/** Seconds of rest before memory is measured for the last time. */
const restSeconds = 60
const memoryFactor = 1.5
/** Most runs of an attack that only delays others: a delay of the machine does not come each time, one of the server does. */
const mostRuns = 3
/** Rounds of honest work after which a server has loaded and compiled all that it needs. */
const warmRounds = 20

/** Starts the servers that the attacks need, and runs the attacks on each, one after the other. `onResult` hears of each as it is over. */
export async function runAttacks(
  attacks: readonly Attack[],
  onResult: (result: AttackResult) => void,
): Promise<ServerResult[]> {
  const kinds = [...new Set(attacks.map(({ server }) => server))]
  return Promise.all(
    kinds.map(kind =>
      attackServer(
        kind,
        attacks.filter(({ server }) => server === kind),
        onResult,
      ),
    ),
  )
}

async function attackServer(
  kind: AttackServerKind,
  attacks: readonly Attack[],
  onResult: (result: AttackResult) => void,
): Promise<ServerResult> {
  const server = await startWatched(attackServers[kind])
  const prober = startProber(server.url, server.process.pid ?? 0)
  try {
    const target = targetOf(server, kind === 'guarded' ? attackTokens : [])
    for (let round = 0; round < warmRounds; round += 1) await doHonestWork(target)
    const start = target.residentMegabytes()
    const gone = once(server.process, 'exit').then(() => undefined)
    // A server that has ended closes its channel first: whatever failed for that is of no interest.
    const orGone = (error: unknown) => Promise.race([gone, delay(1_000).then(() => Promise.reject(error))])
    for (const attack of attacks) {
      const result = await Promise.race([runUntilPrompt(attack, target, prober), gone]).catch(orGone)
      if (result === undefined) return { server: kind, memory: { start, end: 0 }, problems: [endOf(server, attack)] }
      onResult(result)
    }
    await delay(restSeconds * 1000)
    const end = target.residentMegabytes()
    const problems: string[] = []
    if (end > memoryFactor * start)
      problems.push(
        `${restSeconds} s after the last attack the ${kind} server holds ${end.toFixed(0)} MB, more than ${memoryFactor} times the ${start.toFixed(0)} MB of its start`,
      )
    return { server: kind, memory: { start, end }, problems }
  } finally {
    prober.stop()
    await server.stop()
  }
}

/** Runs an attack, and again if it has only delayed others. @returns the last result, with notes on those before */
async function runUntilPrompt(attack: Attack, target: Target, prober: HealthProber): Promise<AttackResult> {
  const earlier: string[] = []
  for (let runs = 1; ; runs += 1) {
    const result = await runAttack(attack, target, prober)
    const { problems, delays, notes } = result
    if (problems.length === 0 || problems.length > delays || runs === mostRuns)
      return { ...result, notes: [...notes, ...earlier] }
    earlier.push(...problems.map(problem => `in run ${runs}: ${problem}`))
  }
}

/** How a server has ended during an attack, with what it said last. */
function endOf({ process: { exitCode, signalCode }, logs }: WatchedServer, { name }: Attack): string {
  const said = logs.filter(line => !line.startsWith('{"level":30')).join('')
  return `the server ended with ${signalCode ?? exitCode} during ${name}, and later attacks were not run: ${said.slice(-2_000)}`
}
