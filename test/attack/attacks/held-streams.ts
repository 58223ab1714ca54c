import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { endlessLoop } from '../../support/hostile-models.ts'
import { npz } from '../../support/npz.ts'
import { openSocket } from '../../support/raw-http.ts'
import { getRequest } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'
import type { Target } from '../target.ts'

const asked = 400
/** One token may hold so many of each. */
const mostStreams = 64
const mostWaits = 256
const mostMegabytes = 60
/** Milliseconds in which the server answers those that it refuses. */
const settleMilliseconds = 2_000

/** A job that runs until it is cancelled. @returns its id */
async function endlessJob(target: Target): Promise<string> {
  const values = { descr: '<f4', shape: [1, 1], data: Float32Array.of(1) }
  const response = await target.fetch('/v1/datasets', { method: 'POST', body: npz({ x: values, t: values }) })
  const created = z.object({ id: z.string() })
  const { id: dataset } = created.parse(await response.json())
  const model = await target.upload(endlessLoop())
  const answer = await target.post('/v1/evaluations', {
    model,
    dataset,
    inputs: { x: 'x' },
    target: 't',
    metrics: ['mse'],
  })
  return created.parse(await answer.json()).id
}

export const heldStreams: Attack = {
  name: 'held-streams',
  does: '400 event streams and 400 waits of one client; 64 and 256 are held, the others are 429, and other clients are served.',
  server: 'guarded',
  async flood(url) {
    const sockets: Socket[] = []
    for (const held of [mostWaits, mostStreams]) {
      for (let index = 0; index < asked; index += 1) {
        const socket = await openSocket(url)
        sockets.push(socket.resume())
        socket.write(getRequest(index < held ? '/held' : '/', attackTokens[0]))
      }
      await delay(settleMilliseconds)
    }
    for (const socket of sockets) socket.destroy()
  },
  async run(target, { problem, note }) {
    const id = await endlessJob(target)
    const before = target.residentMegabytes()
    const sockets: Socket[] = []
    /** Asks again and again. @returns how many were answered with each status; those that wait have none */
    const hold = async (path: string) => {
      const answers: string[] = []
      for (let index = 0; index < asked; index += 1) {
        const socket = await openSocket(target.url)
        sockets.push(socket)
        socket.once('data', (chunk: Buffer) => {
          answers.push(chunk.toString('latin1', 9, 12))
          socket.resume()
        })
        socket.write(getRequest(path, attackTokens[0]))
      }
      await delay(settleMilliseconds)
      const other = await target.fetch(path.replace('wait=60', 'wait=0'), { headers: target.headers(1) })
      if (other.status >= 400) problem(`beside it another client's ${path} was answered with ${other.status}`)
      await other.body?.cancel()
      const refused = answers.filter(status => status === '429').length
      return { refused, held: asked - refused }
    }
    try {
      const waits = await hold(`/v1/jobs/${id}?wait=60`)
      const streams = await hold(`/v1/jobs/${id}/events`)
      note(`${waits.held} waits and ${streams.held} event streams of ${asked} are held`)
      if (waits.held !== mostWaits) problem(`${waits.held} waits are held, ${mostWaits} may be`)
      if (streams.held !== mostStreams) problem(`${streams.held} event streams are held, ${mostStreams} may be`)
      const growth = target.residentMegabytes() - before
      note(`${growth.toFixed(0)} MB above before`)
      if (growth > mostMegabytes) problem(`streams and waits hold ${growth.toFixed(0)} MB`)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  },
}
