import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { externalModel } from '../support/external-model.ts'
import { json, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { converse, expectProblem, openSocket } from '../support/raw-http.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import { uploadHead } from '../support/slow-clients.ts'
import { listAll, until } from '../support/store-client.ts'

const servers = serverGroup()

const elements = 20_000
/** A model of some 160 KB; each seed makes another one. */
const modelOf = (seed: number) => linearModel(new Array(elements).fill(seed), new Array(elements).fill(1))
const fitting = 7
const maximumUploads = 4

let first: SpawnedServer
let second: SpawnedServer
beforeAll(async () => {
  const { bucket, variables } = inject('s3') ?? { bucket: '', variables: {} }
  const settings = {
    ...variables,
    TUREEN_DATABASE_URL: await createDatabase(inject('postgres') ?? ''),
    TUREEN_CONTENT: `s3://${bucket}/one-store`,
    TUREEN_ROLE: 'api',
    TUREEN_MAX_UPLOADS: String(maximumUploads),
    TUREEN_UPLOAD_SHARE: '1',
    TUREEN_MAX_STORE_BYTES: String(Math.floor((fitting + 0.5) * modelOf(1).byteLength)),
    TUREEN_SWEEP_SECONDS: '1',
  }
  const start = async () => servers.start(await servers.data(), settings)
  ;[first, second] = await Promise.all([start(), start()])
}, 240_000)
afterAll(() => servers.remove())

const at = (index: number) => (index % 2 === 0 ? first : second)
const send = ({ url }: SpawnedServer, body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/models`, { method: 'POST', body, headers })
const remove = (id: string) => fetch(`${first.url}/v1/models/${id}`, { method: 'DELETE' })
const series = async ({ url }: SpawnedServer, name: string) =>
  new RegExp(`^${name} (.*)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]

test('of requests with one idempotency key on two servers at once one creates, and the others are busy or repeat its answer', async () => {
  for (let round = 0; round < 5; round += 1) {
    const headers = { 'idempotency-key': `"round-${round}"` }
    const body = linearModel([round], [1])
    const answers = await Promise.all(Array.from({ length: 4 }, (_, index) => send(at(index), body, headers)))
    const created = answers.filter(({ status }) => status === 201)
    const ids = new Set<string>()
    for (const answer of created) ids.add((await json<ModelRecord>(answer)).id)
    expect(ids.size).toBe(1)
    for (const answer of answers)
      if (answer.status !== 201) {
        await readProblem(answer, 409, 'TUREEN_IDEMPOTENCY_KEY_BUSY')
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      }
    const again = await send(at(round), body, headers)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    for (const id of ids) await remove(id)
  }
})

/** Returns the head of an upload whose body waits for 100 Continue. */
const waitingHead = (headers = '') => `${uploadHead('/v1/models', 100_000)}${headers}\r\nexpect: 100-continue\r\n\r\n`

/** Begins an upload that goes on until its socket is closed. */
async function endlessUpload({ url }: SpawnedServer, headers = ''): Promise<Socket> {
  const socket = await openSocket(url)
  socket.write(waitingHead(headers))
  await once(socket, 'data')
  return socket
}

test('a request with the key of a running request on another server is refused before its body is read', async () => {
  const running = await endlessUpload(first, '\r\nidempotency-key: "long"')
  const answer = await converse(second.url, waitingHead('\r\nidempotency-key: "long"'))
  expectProblem(answer, 409, 'TUREEN_IDEMPOTENCY_KEY_BUSY')
  running.destroy()
  const headers = { 'idempotency-key': '"long"' }
  await until('the key is free', async () => (await send(second, linearModel([1], [1]), headers)).status === 201)
  for (const { id } of await listAll(first.url, 'models')) await remove(id)
})

test('both servers together take as many uploads as one may, and a slot is free again when an upload ends', async () => {
  const uploads: Socket[] = []
  for (let index = 0; index < maximumUploads; index += 1) uploads.push(await endlessUpload(at(index)))
  const body = linearModel([1], [1])
  for (const server of [first, second]) await readProblem(await send(server, body), 429, 'TUREEN_TOO_MANY_UPLOADS')
  uploads.pop()?.destroy()
  await until('a slot is free', async () => (await send(second, body)).ok)
  for (const socket of uploads) socket.destroy()
  for (const { id } of await listAll(first.url, 'models')) await remove(id)
})

test('data files that come to two servers at once complete their model', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { main, data } = externalModel([1, 2, 3, round], [5, 6])
    const { id } = await uploadModel(first.url, main)
    const files = Object.entries(data)
    expect(files).toHaveLength(2)
    const answers = await Promise.all(
      files.map(([location, body], index) =>
        fetch(`${at(index).url}/v1/models/${id}/data/${encodeURIComponent(location)}`, { method: 'PUT', body }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const record = await json<ModelRecord>(await fetch(`${second.url}/v1/models/${id}`))
    expect(record.missing).toEqual([])
    expect(record.fingerprint).not.toBeNull()
    await remove(id)
  }
})

test('of uploads that race on two servers for the last room as many are taken as fit, and can be read', async () => {
  // More uploads at a time than slots are refused, and sent again.
  const upload = async (index: number) => {
    for (;;) {
      const answer = await send(at(index), modelOf(index))
      if (answer.status !== 429) return { status: answer.status, record: await json<ModelRecord>(answer) }
    }
  }
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => upload(index)))
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(fitting)
  expect(answers.filter(({ status }) => status === 507)).toHaveLength(20 - fitting)
  for (const [index, { status, record }] of answers.entries()) {
    if (status !== 201) continue
    const content = await fetch(`${at(index + 1).url}/v1/models/${record.id}/content`)
    expect(`sha256:${sha256(new Uint8Array(await content.arrayBuffer()))}`).toBe(record.sha256)
    expect((await remove(record.id)).status).toBe(204)
  }
})

test('one of both servers is the sweeper, and deletes the expired records of both', async () => {
  for (const server of [first, second]) await uploadModel(server.url, linearModel([4], [2]), `name=${server.url}&ttl=1`)
  await until('the records are gone', async () => (await listAll(second.url, 'models')).length === 0)
  const values = [await series(first, 'tureen_sweeper'), await series(second, 'tureen_sweeper')]
  expect(values.sort()).toEqual(['0', '1'])
})
