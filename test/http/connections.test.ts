import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { converse, expectProblem, openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { getRequest, uploadHead } from '../support/slow-clients.ts'
import { until } from '../support/store-client.ts'

const most = 4

let app: Awaited<ReturnType<typeof startApp>>
const opened: Socket[] = []
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_CONNECTIONS: String(most) })
})
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy()
  await until('connections are free', async () => (await get('/v1/models')).status === 200)
})
afterAll(() => app.close())

const get = (path: string) => converse(app.url, getRequest(path))
const ended = async (reason: string) => {
  const { body } = await get('/metrics')
  return Number(new RegExp(`^tureen_connections_ended_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(body)?.[1] ?? 0)
}

async function open(said = ''): Promise<Socket> {
  const socket = await openSocket(app.url)
  opened.push(socket)
  socket.on('data', () => undefined)
  if (said) socket.write(said)
  return socket
}

/** Connections that have a request under way until they are closed. */
async function openBusy(): Promise<void> {
  for (let count = 0; count < most; count += 1) {
    const socket = await open(`${uploadHead('/v1/models', 900)}\r\nexpect: 100-continue\r\n\r\n`)
    await new Promise(resolve => socket.once('data', resolve))
  }
}

describe('beyond TUREEN_MAX_CONNECTIONS', () => {
  test('the connection that has been idle for longest makes room, whatever kind of idle it is', async () => {
    const before = await ended('idle')
    const silent = await open()
    const halfSaid = await open('GET /v1/models HTTP/1.1\r\nhost: loc')
    const answered = await open(getRequest('/v1/models'))
    await new Promise(resolve => answered.once('data', resolve))
    const latest = await open()
    for (const idle of [silent, halfSaid, answered]) {
      const closed = new Promise(resolve => idle.once('close', resolve))
      const further = await open(getRequest('/v1/models'))
      await Promise.all([closed, new Promise(resolve => further.once('data', resolve))])
    }
    expect(latest.destroyed).toBe(false)
    expect(await ended('idle')).toBeGreaterThanOrEqual(before + 3)
  })

  test('while all are busy, probes are answered and everything else is 503', async () => {
    await openBusy()
    for (const path of ['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready']) {
      const { status, headers } = await get(path)
      expect({ path, status, connection: headers['connection'] }).toEqual({ path, status: 200, connection: 'close' })
    }
    for (const path of ['/v1/models', '/metrics', '/docs', '/nothing']) {
      const answer = await get(path)
      expect({ path, connection: answer.headers['connection'] }).toEqual({ path, connection: 'close' })
      const { errors } = expectProblem(answer, 503, 'TUREEN_TOO_MANY_CONNECTIONS')
      expect(errors).toMatchObject([{ field: 'TUREEN_MAX_CONNECTIONS' }])
    }
    for (const socket of opened.splice(0)) socket.destroy()
    await until('there is room', async () => (await get('/v1/models')).status === 200)
    expect(await ended('full')).toBeGreaterThanOrEqual(4)
  })

  test('connections without end do not keep probes out', async () => {
    await openBusy()
    for (let round = 0; round < 5; round += 1) {
      const silent = await Promise.all(Array.from({ length: 100 }, () => open()))
      expect((await get('/healthz')).status).toBe(200)
      expect((await get('/readyz')).status).toBe(200)
      // The server holds a few of them, and not for long.
      await until('most of them are closed', () => silent.filter(({ destroyed }) => !destroyed).length <= 64)
    }
  })
})
