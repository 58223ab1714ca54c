import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { linearModel } from '../support/onnx-model.ts'
import { killServer, serverGroup } from '../support/server-group.ts'
import { listAll, until } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

function post(url: string, path: string, body: Uint8Array<ArrayBuffer> | string, key: string): Promise<Response> {
  const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream'
  return fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': type, 'idempotency-key': key } })
}

test('a request that is sent again after SIGKILL has had one effect, whenever the kill came', {
  timeout: 90_000,
}, async () => {
  const data = await servers.data()
  let server = await servers.start(data)
  const base = await post(server.url, '/v1/models?name=base', linearModel([1, 1], [1, 1]), 'base')
  const { id } = JSON.parse(await base.text())
  for (const [round, milliseconds] of [3, 15].entries()) {
    const requests = [
      ['/v1/models?name=uploaded', linearModel([round, 1], [1, 1]), `upload-${round}`],
      ['/v1/merges', JSON.stringify({ models: [{ id }], labels: { round: String(round) } }), `merge-${round}`],
    ] as const
    const { url } = server
    const sent = Promise.allSettled(
      requests.map(async ([path, body, key]) => (await post(url, path, body, key)).text()),
    )
    await delay(milliseconds)
    await killServer(server)
    const answers = await sent
    server = await servers.start(data)
    for (const [index, [path, body, key]] of requests.entries()) {
      const again = await post(server.url, path, body, key)
      expect(again.status).toBe(path === '/v1/merges' ? 202 : 201)
      const answer = await again.text()
      const first = answers[index]
      if (first?.status === 'fulfilled') expect(answer).toBe(first.value)
    }
    expect(await listAll(server.url, 'models', 'name=uploaded')).toHaveLength(round + 1)
    expect(await listAll(server.url, 'jobs', `label=round:${round}`)).toHaveLength(1)
  }

  // The client waits for a job while the server dies, and goes on waiting for the same one.
  const body = JSON.stringify({ models: Array.from({ length: 1000 }, () => ({ id })), labels: { round: 'last' } })
  const lost = post(server.url, '/v1/merges?wait=60', body, 'last').catch(() => undefined)
  const jobs = (url: string) => listAll(url, 'jobs', 'label=round:last')
  await until('the job is there', async () => (await jobs(server.url)).length > 0)
  const [job] = await jobs(server.url)
  await killServer(server)
  await lost
  server = await servers.start(data)
  const answer = await post(server.url, '/v1/merges?wait=60', body, 'last')
  expect(answer.status).toBe(200)
  expect(JSON.parse(await answer.text())).toMatchObject({ id: job?.id, status: 'succeeded' })
  expect(await jobs(server.url)).toHaveLength(1)
})
