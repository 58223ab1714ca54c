import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { cancelJob, startLongMerge } from '../support/long-merge.ts'
import { converse, expectProblem, openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { getRequest } from '../support/slow-clients.ts'
import { until } from '../support/store-client.ts'

let app: Awaited<ReturnType<typeof startApp>>
let job: JobRecord
let model: ModelRecord
const opened: Socket[] = []
beforeAll(async () => {
  app = await startApp({ TUREEN_TRUSTED_PROXIES: '127.0.0.1' })
  ;({ job, model } = await startLongMerge(app.url))
})
afterAll(async () => {
  for (const socket of opened) socket.destroy()
  await cancelJob(app.url, job.id)
  await app.close()
})

const from = (address: string, request: string) =>
  request.replace('\r\n\r\n', `\r\nx-forwarded-for: ${address}\r\n\r\n`)
const ask = (address: string, path: string) => converse(app.url, from(address, getRequest(path)))

async function hold(address: string, path: string): Promise<{ socket: Socket; answered: Promise<string> }> {
  const socket = await openSocket(app.url)
  opened.push(socket)
  const answered = new Promise<string>(resolve => socket.once('data', chunk => resolve(String(chunk))))
  socket.write(from(address, getRequest(path)))
  return { socket, answered }
}

test('a client may have 64 streams of events, and one more when one has ended', async () => {
  const path = `/v1/jobs/${job.id}/events`
  const streams = await Promise.all(Array.from({ length: 64 }, () => hold('192.0.2.1', path)))
  await Promise.all(streams.map(({ answered }) => answered))
  const answer = await ask('192.0.2.1', path)
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  const { detail } = expectProblem(answer, 429, 'TUREEN_TOO_MANY_STREAMS')
  expect(detail).toContain('64')
  expect(await (await hold('192.0.2.2', path)).answered).toMatch(/^HTTP\/1.1 200 /)
  expect((await ask('192.0.2.1', `/v1/jobs/${job.id}`)).status).toBe(200)
  streams[0]?.socket.destroy()
  await until('one more is taken', async () =>
    (await (await hold('192.0.2.1', path)).answered).startsWith('HTTP/1.1 200 '),
  )
})

test('a client may have 256 requests that wait; one more does nothing', async () => {
  await Promise.all(Array.from({ length: 256 }, () => hold('192.0.2.3', `/v1/jobs/${job.id}?wait=60`)))
  const one = `/v1/jobs/${job.id}?wait=1`
  await until('all wait', async () => (await ask('192.0.2.3', one)).status === 429)
  const { detail } = expectProblem(await ask('192.0.2.3', one), 429, 'TUREEN_TOO_MANY_WAITS')
  expect(detail).toContain('256')
  const merge = JSON.stringify({ models: [{ id: model.id }], labels: { from: 'refused' } })
  const head = `POST /v1/merges?wait=1 HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${merge.length}\r\n\r\n`
  expect((await converse(app.url, from('192.0.2.3', head) + merge)).status).toBe(429)
  expect(JSON.parse((await ask('192.0.2.3', '/v1/jobs?label=from:refused')).body).items).toEqual([])
  expect((await ask('192.0.2.4', one)).status).toBe(202)
  const preferring = getRequest(`/v1/jobs/${job.id}`).replace('\r\n\r\n', '\r\nprefer: wait=1\r\n\r\n')
  expectProblem(await converse(app.url, from('192.0.2.3', preferring)), 429, 'TUREEN_TOO_MANY_WAITS')
  expect((await ask('192.0.2.3', `/v1/jobs/${job.id}`)).status).toBe(200)
})
