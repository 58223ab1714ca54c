import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stallWatch } from '../support/watched-server.ts'
import { type HealthFigures, startProber } from './health-prober.ts'

/** What a flood costs a server that does nothing else: the least that it can cost on this machine, at this time. */
export type PlainFlood = { health: HealthFigures /** Milliseconds of processor time. */; stall: number }

const script = fileURLToPath(new URL('./plain-server.ts', import.meta.url))
/** Milliseconds in which a server sees all that its clients have done. */
const settleMilliseconds = 500

/** Floods a server of node:http. @param flood as the attack does it, on the server at a URL */
export async function measurePlainFlood(flood: (url: string) => Promise<void>): Promise<PlainFlood> {
  const server = fork(script, { execArgv: stallWatch })
  const asked = async (): Promise<unknown> => (await once(server, 'message'))[0]
  const url = `http://127.0.0.1:${await asked()}`
  const prober = startProber(url, server.pid ?? 0)
  try {
    // A server that has just started compiles what it runs.
    for (const path of ['/healthz', '/readyz']) await (await fetch(`${url}${path}`)).arrayBuffer()
    await prober.take()
    await flood(url)
    await delay(settleMilliseconds)
    server.send('ask')
    const stall = Number(await asked())
    return { health: await prober.take(), stall }
  } finally {
    prober.stop()
    server.kill('SIGKILL')
  }
}
