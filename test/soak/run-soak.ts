import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../support/random.ts'
import { type SpawnedServer, spawnServer, temporaryDirectory } from '../support/server.ts'
import { filesIn } from '../support/server-group.ts'
import { type Client, soakClient } from './soak-client.ts'
import { soakRecord } from './soak-record.ts'

export type SoakResult = {
  seed: number
  seconds: number
  /** What was done, with counts. */
  done: Record<string, number>
  /** Bytes of memory of a server that has just been started, and of the last one once it had nothing to do. */
  memory: { before: number; after: number }
  /** Descriptors that the idle server has on content and unfinished files, and how many unfinished files there are. */
  descriptors: number
  incoming: number
  problems: string[]
}

const clients = 3
/** A server lives this long at most before it is killed, in seconds. */
const longestLife = 20
const restSeconds = 90
/** An idle server keeps what it has compiled and some warm threads; it must not keep more with every job. */
const mostGrowth = 250 * 2 ** 20

export async function soak(minutes: number, seed: number): Promise<SoakResult> {
  const random = seededRandom(seed)
  const directory = await temporaryDirectory()
  const started = performance.now()
  const secondsLeft = () => minutes * 60 - (performance.now() - started) / 1000
  const record = soakRecord()
  const servers: SpawnedServer[] = []
  const start = async () => {
    const started = await spawnServer(directory.path, { TUREEN_EVAL_SECONDS: '10', TUREEN_LOG_LEVEL: 'info' })
    servers.push(started)
    return started
  }
  let server: SpawnedServer | undefined
  try {
    server = await start()
    await delay(2_000)
    const before = residentBytes(server)
    let client: Client = soakClient(server.url, record)
    await client.fill()
    while (secondsLeft() > 0) {
      let killed = false
      const work = async () => {
        while (!killed) await client.act(random).catch((error: unknown) => record.unanswered(killed, error))
      }
      const working = Array.from({ length: clients }, work)
      await delay(Math.min(1_000 + random.next() * longestLife * 1000, Math.max(0, secondsLeft() * 1000)))
      killed = true
      server.process.kill('SIGKILL')
      await server.exited
      await Promise.all(working)
      record.count('SIGKILLs')
      server = await start()
      client = soakClient(server.url, record)
      await client.check()
    }
    await client.untilIdle(restSeconds)
    await client.check()
    // Threads and connections that nobody needs are let go after ten seconds.
    await delay(12_000)
    const { incoming, content } = await filesIn(directory.path)
    const expected = record.contents()
    if (content.join() !== expected.join())
      record.problem(`the store has ${content.length} contents, and ${expected.length} were acknowledged`)
    const descriptors = openFiles(server, directory.path)
    const after = residentBytes(server)
    if (incoming.length > 0) record.problem(`unfinished files are left: ${incoming.join(', ')}`)
    if (descriptors > 0) record.problem(`${descriptors} files of the store are open though nothing is to be done`)
    if (after - before > mostGrowth) record.problem(`the memory has grown from ${before} to ${after} bytes`)
    // What a server has to say of a failure stands in its log alone.
    if (record.problems.length > 0)
      for (const { logs } of servers) for (const line of logs.filter(isError)) record.problem(`the log has ${line}`)
    return {
      seed,
      seconds: (performance.now() - started) / 1000,
      done: Object.fromEntries([...record.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
      memory: { before, after },
      descriptors,
      incoming: incoming.length,
      problems: record.problems,
    }
  } finally {
    server?.process.kill('SIGKILL')
    await server?.exited
    await directory.remove()
  }
}

/** Lines of pino's that say error or worse. */
function isError(line: string): boolean {
  return /"level":[56]0/.test(line)
}

function residentBytes({ process }: SpawnedServer): number {
  const status = readFileSync(`/proc/${process.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

function openFiles({ process }: SpawnedServer, data: string): number {
  const directory = `/proc/${process.pid}/fd`
  return readdirSync(directory).filter(name => {
    try {
      return /\/(content|incoming)\//.test(readlinkSync(`${directory}/${name}`).replace(data, ''))
    } catch {
      return false
    }
  }).length
}
