import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { evaluationClient } from './evaluation-client.ts'
import { npz } from './npz.ts'
import { serverVariables, spawnServer, temporaryDirectory } from './server.ts'

/** Resources of a server: names of files in its directory, its children, descriptors on its files, and connections. */
type Footprint = { files: string[]; children: number; descriptors: number; sockets: number }

/** A server in its own process. It is watched during attacks. */
export type AttackedServer = {
  url: string
  data: string
  pid: number
  /**
   * Runs an attack. Meanwhile the server must answer health probes, each within five seconds. Afterwards it must not have more files,
   * children or descriptors than before.
   */
  attack<Result>(run: () => Promise<Result>): Promise<Result>
  stop(): Promise<void>
}

/** Connections that fetch keeps open are not leaks. */
const idleConnections = 8
const settleMilliseconds = 30_000
const pollMilliseconds = 25

export async function startAttacked(variables: Record<string, string> = {}): Promise<AttackedServer> {
  const directory = await temporaryDirectory()
  const server = await spawnServer(directory.path, { TUREEN_LOG_LEVEL: 'info', ...variables })
  const pid = server.process.pid ?? 0
  const footprint = () => footprintOf(pid, directory.path)
  await warmEvaluators(server.url)
  // An evaluator that has been used is exchanged for another: what counts is how many there are in the end.
  const { TUREEN_EVAL_THREADS } = { ...serverVariables, ...variables }
  const children = Math.floor(availableParallelism() / Number(TUREEN_EVAL_THREADS))
  await untilSettled(footprint, children)
  const fits = (now: Footprint, before: Footprint) =>
    now.files.join() === before.files.join() &&
    now.children === children &&
    now.descriptors <= before.descriptors &&
    now.sockets <= before.sockets + idleConnections

  return {
    url: server.url,
    data: directory.path,
    pid,
    async attack(run) {
      const before = footprint()
      let going = true
      const attacking = run().finally(() => {
        going = false
      })
      // Whoever awaits it below meets the error.
      attacking.catch(() => undefined)
      while (going) {
        const response = await fetch(`${server.url}/healthz`, { signal: AbortSignal.timeout(healthMilliseconds) })
        expect(response.status).toBe(200)
        await response.arrayBuffer()
        await delay(pollMilliseconds)
      }
      const result = await attacking
      for (const end = performance.now() + settleMilliseconds; performance.now() < end; await delay(pollMilliseconds))
        if (fits(footprint(), before)) return result
      expect(footprint()).toEqual({ ...before, children })
      return result
    },
    async stop() {
      server.process.kill('SIGKILL')
      await server.exited
      await directory.remove()
    },
  }
}

/** On a busy machine a process may wait for a processor. */
const healthMilliseconds = 5_000

/** Starts the evaluators: they start with the first data set, and stay after it is deleted. */
async function warmEvaluators(url: string): Promise<void> {
  const client = evaluationClient(url)
  const { id } = await client.addDataset(npz({ x: { descr: '<f4', shape: [1], data: Float32Array.of(1) } }))
  expect((await fetch(`${url}/v1/datasets/${id}`, { method: 'DELETE' })).status).toBe(204)
}

async function untilSettled(footprint: () => Footprint, children: number): Promise<void> {
  let before = ''
  for (let same = 0; same < 10; await delay(50)) {
    const now = footprint()
    const seen = JSON.stringify(now)
    same = seen === before && now.children === children ? same + 1 : 0
    before = seen
  }
}

function footprintOf(pid: number, data: string): Footprint {
  const targets = readdirSync(`/proc/${pid}/fd`).map(name => linkOf(`/proc/${pid}/fd/${name}`))
  const files = readdirSync(data, { recursive: true, withFileTypes: true })
  return {
    files: files
      .filter(entry => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort(),
    children: workersOf(pid).length,
    descriptors: targets.filter(target => target.startsWith(data)).length,
    sockets: targets.filter(target => target.startsWith('socket:')).length,
  }
}

/** Returns the process ids of the evaluators of a server. Their parent may be the launcher, or bubblewrap. */
export function evaluatorsOf(server: number): number[] {
  return descendantsOf(server).filter(pid => wordsOf(pid)[1]?.endsWith('/evaluate/child/main.ts'))
}

/** Returns the process ids of all processes below a server, without those that only hold evaluators. */
function workersOf(server: number): number[] {
  return descendantsOf(server).filter(pid => !/\/launcher\/bin\/[^/]+$|\/bwrap$/.test(wordsOf(pid)[0] ?? ''))
}

function descendantsOf(pid: number): number[] {
  const children = Map.groupBy(livingProcesses(), ({ parent }) => parent)
  const below = (id: number): number[] => (children.get(id) ?? []).flatMap(child => [child.id, ...below(child.id)])
  return below(pid)
}

function livingProcesses(): { id: number; parent: number }[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const [, state, parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
        return state === 'Z' ? [] : [{ id: Number(name), parent: Number(parent) }]
      } catch {
        return []
      }
    })
}

/** Returns the command line of a process; none if it is gone. */
function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/** Returns the target of a link; '' if it is gone, such as that of a closed descriptor. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
