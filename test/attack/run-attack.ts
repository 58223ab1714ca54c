import { setTimeout as delay } from 'node:timers/promises'
import { type Attack, mostStall } from './attack.ts'
import type { HealthFigures, HealthProber } from './health-prober.ts'
import { doHonestWork } from './honest-work.ts'
import { leftInStore } from './left-in-store.ts'
import { measurePlainFlood, type PlainFlood } from './plain-flood.ts'
import type { Target } from './target.ts'

export type AttackResult = {
  name: string
  seconds: number
  health: HealthFigures
  /** Milliseconds of processor time that the event loop was held at most. */
  stall: number
  /** Resident memory in MB: before, at most meanwhile, and after. */
  memory: { before: number; most: number; after: number }
  /** The same flood on a server that does nothing else. */
  plain?: PlainFlood
  notes: string[]
  problems: string[]
  /** Number of the problems that are delays of others. */
  delays: number
}

/** Within this an attack is over, in seconds; what a server still does then, it would do for ever. */
const patience = 150
/** Milliseconds that /healthz and /readyz may take, but for the time that the server waits for a processor which others use. */
const healthBound = 100
/** The same for a single one of them. */
const worstHealth = 1_000
/** Most times the figures of a server that does nothing else, which has no request to check, to count, to log and to route. */
const plainFactors = { health: 3, stall: 2 }
const memoryEvery = 50
/** Connections that fetch keeps open for later requests. */
const spareSockets = 64
const settleMilliseconds = 15_000

/**
 * Runs one attack, and then looks at what is left of it.
 * @param stallBound milliseconds of processor time that the event loop may be held at a time; more if a server that does nothing else is
 *   held for longer by the same flood
 */
export async function runAttack(
  attack: Attack,
  target: Target,
  prober: HealthProber,
  stallBound = mostStall,
): Promise<AttackResult> {
  const problems: string[] = []
  const notes: string[] = []
  const plain = attack.flood && (await measurePlainFlood(attack.flood))
  const mostHealth = Math.max(healthBound, plainFactors.health * (plain?.health.p99 ?? 0))
  const longestStall = Math.max(stallBound, plainFactors.stall * (plain?.stall ?? 0))
  const before = target.residentMegabytes()
  const sockets = target.descriptors().sockets
  target.errorsLogged()
  await target.worstStall()
  await prober.take()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, target.residentMegabytes())
  }, memoryEvery)
  const started = performance.now()
  const problem = (text: string) => void problems.push(text)
  const deadline = new AbortController()
  try {
    const tooLong = delay(patience * 1000, undefined, { signal: deadline.signal }).then(() => {
      throw new Error(`it was not over in ${patience} s`)
    })
    await Promise.race([attack.run(target, { problem, note: text => void notes.push(text) }), tooLong])
  } catch (error) {
    problem(error instanceof Error ? `${error.message}${error.cause ? ` (${error.cause})` : ''}` : String(error))
  }
  deadline.abort()
  const seconds = (performance.now() - started) / 1000
  clearInterval(watch)
  const health = await prober.take()
  const stall = await target.worstStall()
  const others = problems.length
  if (health.p99 > mostHealth || health.worst > worstHealth)
    problem(
      `/healthz and /readyz took ${health.p99.toFixed(0)} ms (p99) and ${health.worst.toFixed(0)} ms at worst, without the wait for processors`,
    )
  if (stall > longestStall) problem(`the event loop was held for ${stall.toFixed(0)} ms`)
  const delays = problems.length - others
  for (const line of target.errorsLogged().slice(0, 3)) problem(`the server logged ${line.slice(0, 400)}`)
  for (const text of await lookAfter(target, sockets)) problem(text)
  return {
    name: attack.name,
    seconds,
    health,
    stall,
    memory: { before, most, after: target.residentMegabytes() },
    ...(plain ? { plain } : {}),
    notes,
    problems,
    delays,
  }
}

/** What an attack has left behind, once everything is deleted and honest clients have had their turn. */
async function lookAfter(target: Target, sockets: number): Promise<string[]> {
  try {
    await target.clear()
    await doHonestWork(target)
    const left = await leftInStore(target)
    let open = target.descriptors()
    const settled = () => open.files === 0 && open.sockets <= sockets + spareSockets
    for (const end = performance.now() + settleMilliseconds; !settled() && performance.now() < end; await delay(100))
      open = target.descriptors()
    return [
      left.incoming > 0 && `${left.incoming} files are left in incoming/`,
      left.bytes !== 0 && `the empty store counts ${left.bytes} bytes`,
      left.content > 0 && `${left.content} files are left in content/`,
      open.files > 0 && `${open.files} files of the store are open`,
      open.sockets > sockets + spareSockets && `${open.sockets} sockets are open, before it were ${sockets}`,
    ].filter(text => text !== false)
  } catch (error) {
    return [`afterwards: ${error instanceof Error ? error.message : error}`]
  }
}
