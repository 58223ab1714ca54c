import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSocket } from '../support/raw-http.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import { getRequest } from '../support/slow-clients.ts'
import { until } from '../support/store-client.ts'

const requests = 300

const servers = serverGroup()
let server: SpawnedServer
beforeAll(async () => {
  server = await servers.start(await servers.data())
})
afterAll(servers.remove)

/** Opens connections, each with a request for this path. The server sees all of them at once, as it is stopped until `proceed`. */
async function burst(path: string): Promise<Socket[]> {
  const sockets: Socket[] = []
  server.process.kill('SIGSTOP')
  for (let index = 0; index < requests; index += 1) {
    const socket = await openSocket(server.url)
    socket.write(getRequest(path))
    sockets.push(socket)
  }
  return sockets
}
const proceed = () => server.process.kill('SIGCONT')

const logged = (path: string) => server.logs.filter(line => line.includes(`"path":"${path}"`))

test('a health probe passes most of the requests that came before it', async () => {
  const sockets = await burst('/nothing')
  let answered = 0
  for (const socket of sockets) socket.once('data', () => (answered += 1))
  const probe = await openSocket(server.url)
  probe.write(getRequest('/healthz'))
  proceed()
  expect(String(await once(probe, 'data'))).toMatch(/^HTTP\/1\.1 200 /)
  expect(answered).toBeLessThan(requests / 2)
  await until('all are answered', () => answered === requests)
  for (const socket of [probe, ...sockets]) socket.destroy()
})

test('requests whose clients have gone before their turn do not run, and are logged', async () => {
  const sockets = await burst('/gone')
  for (const socket of sockets) socket.destroy()
  proceed()
  await until('all are logged', () => logged('/gone').length === requests)
  const answered = logged('/gone').filter(line => !line.includes('"status":null'))
  expect(answered.length).toBeLessThan(requests / 2)
})
