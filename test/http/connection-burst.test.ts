import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSocket } from '../support/raw-http.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'

/** More than Node lets wait unless it is told otherwise. */
const burst = 1_000
const isAllowed = () => Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) > burst

const servers = serverGroup()
let server: SpawnedServer
beforeAll(async () => {
  server = await servers.start(await servers.data())
})
afterAll(servers.remove)

test.skipIf(process.platform !== 'linux' || !isAllowed())(
  'a burst of connections waits in the system while the server is busy',
  async () => {
    server.process.kill('SIGSTOP')
    const sockets: Socket[] = []
    for (let index = 0; index < burst; index += 1) void openSocket(server.url).then(socket => sockets.push(socket))
    await expect.poll(() => sockets.length, { timeout: 10_000 }).toBe(burst)
    server.process.kill('SIGCONT')
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    for (const socket of sockets) socket.destroy()
  },
)
