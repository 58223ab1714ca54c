import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { residentMegabytes } from '../support/slow-clients.ts'
import type { WatchedServer } from '../support/watched-server.ts'
import { openDescriptors, processorSeconds } from './process-figures.ts'

/** A server under attack, and what an attacker and its watcher do with it. */
export type Target = {
  url: string
  data: string
  /** Headers of the client with this index; none where the server asks for no token. */
  headers(client?: number): Record<string, string>
  /** The same as lines of a raw request, each with its line end. */
  headerLines(client?: number): string
  fetch(path: string, init?: RequestInit): Promise<Response>
  post(path: string, body: unknown): Promise<Response>
  /** Uploads a model that must be taken. @returns its id */
  upload(bytes: Uint8Array<ArrayBuffer>, query?: string): Promise<string>
  /** Runs something. @returns the longest time that the event loop was held meanwhile, in milliseconds of processor time */
  stallOf(run: () => Promise<unknown>): Promise<number>
  /** The longest stall since the last call, those of {@link stallOf} included. */
  worstStall(): Promise<number>
  residentMegabytes(): number
  processorSeconds(): number
  descriptors(): { files: number; sockets: number }
  /** Lines of the log at level error or worse since the last call that tell of a failure which has no code of its own. */
  errorsLogged(): string[]
  /** Cancels and deletes every job, and deletes every model and data set. */
  clear(): Promise<void>
}

const items = z.object({ items: z.array(z.object({ id: z.string() })), nextCursor: z.string().nullable() })
const created = z.object({ id: z.string() })

export function targetOf(server: WatchedServer, tokens: readonly string[]): Target {
  const pid = server.process.pid ?? 0
  let worst = 0
  const headers = (client = 0): Record<string, string> => {
    const token = tokens[client % tokens.length]
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }
  const send = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, {
      ...init,
      headers: { ...headers(), ...Object.fromEntries(new Headers(init.headers)) },
    })
  const idsOf = async (resource: string) => items.parse(await (await send(`/v1/${resource}?limit=500`)).json()).items
  const removeAll = async (resource: string) => {
    for (let left = await idsOf(resource); left.length > 0; left = await idsOf(resource)) {
      for (const { id } of left) {
        if (resource === 'jobs') await (await send(`/v1/jobs/${id}/cancel`, { method: 'POST' })).arrayBuffer()
        await (await send(`/v1/${resource}/${id}`, { method: 'DELETE' })).arrayBuffer()
      }
      // A job that is being cancelled cannot be deleted yet.
      await delay(20)
    }
  }
  const target: Target = {
    url: server.url,
    data: server.data,
    headers,
    headerLines: client =>
      Object.entries(headers(client))
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    fetch: send,
    post: (path, body) =>
      send(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    async upload(bytes, query = '') {
      const response = await send(`/v1/models?${query}`, { method: 'POST', body: bytes })
      const text = await response.text()
      if (!response.ok) throw new Error(`an upload was refused with ${response.status}: ${text.slice(0, 300)}`)
      return created.parse(JSON.parse(text)).id
    },
    async stallOf(run) {
      worst = Math.max(worst, await server.stallSinceAsked())
      await run()
      const stall = await server.stallSinceAsked()
      worst = Math.max(worst, stall)
      return stall
    },
    async worstStall() {
      const stall = Math.max(worst, await server.stallSinceAsked())
      worst = 0
      return stall
    },
    residentMegabytes: () => residentMegabytes(pid),
    processorSeconds: () => processorSeconds(pid),
    descriptors: () => openDescriptors(pid, server.data),
    errorsLogged: () =>
      server.logs
        .splice(0)
        .filter(line => /"level":[56]0/.test(line) && !/"type":"(TureenError|StoreLimitReached)"/.test(line)),
    async clear() {
      for (const resource of ['jobs', 'models', 'datasets']) await removeAll(resource)
    },
  }
  return target
}
