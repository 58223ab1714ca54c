import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Usage } from '../../schemas/service.ts'
import { json, merge, mergedContent, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectRoot, serverVariables, temporaryDirectory } from '../support/server.ts'

/** Fewer than the models of the merge, and hardly more than what a server needs by itself. */
const openFiles = 320
const models = 500

let url: string
const logged: { msg: string; connections?: number; openFiles?: number }[] = []
let stop: () => Promise<void>
beforeAll(async () => {
  const directory = await temporaryDirectory()
  const limited = ['-c', `ulimit -n ${openFiles} && exec "$0" "$@"`, process.execPath, 'src/server.ts']
  const child = spawn('/bin/sh', limited, {
    cwd: projectRoot,
    env: { ...serverVariables, TUREEN_DATA: directory.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stop = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await directory.remove()
  }
  url = await new Promise(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      const { url, ...said } = JSON.parse(line)
      logged.push(said)
      const { msg } = said
      if (msg === 'Tureen is serving') resolve(url)
    })
  })
})
afterAll(() => stop())

test(`a merge of ${models} models works where ${openFiles} files may be open`, async () => {
  const ids: string[] = []
  for (const weight of [1, 2, 3]) ids.push((await uploadModel(url, linearModel([weight, 0.5], [1, 2]))).id)
  const list = Array.from({ length: models }, (_, index) => ({ id: ids[index % ids.length], weight: 1 + (index % 7) }))
  const job = await merge(url, { models: list, provenance: false })
  expect(job, JSON.stringify(job.error)).toMatchObject({ status: 'succeeded' })
  // The same sum, of three models.
  const total = (place: number) =>
    list.reduce((sum, { weight }, index) => sum + (index % ids.length === place ? weight : 0), 0)
  const short = await merge(url, {
    models: ids.map((id, place) => ({ id, weight: total(place) })),
    provenance: false,
  })
  const [many, few] = [await mergedContent(url, job), await mergedContent(url, short)]
  expect(Buffer.from(many).equals(Buffer.from(few))).toBe(true)
})

test('the server accepts fewer connections where few files may be open, and says so', async () => {
  const lowered = logged.find(({ msg }) => msg.includes('TUREEN_MAX_CONNECTIONS'))
  expect(lowered).toMatchObject({ openFiles, connections: expect.any(Number) })
  const { limits } = await json<Usage>(await fetch(`${url}/v1/usage`))
  expect(limits.connections).toBe(lowered?.connections)
  // One descriptor for the connection, one for the file that it sends.
  expect(2 * limits.connections).toBeLessThan(openFiles)
})

test('connections that clients keep open take no files from uploads', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: openFiles })
  const ask = () =>
    new Promise<number | undefined>(resolve => {
      get(`${url}/healthz`, { agent }, response => {
        response.resume().once('end', () => resolve(response.statusCode))
      }).once('error', () => resolve(undefined))
    })
  try {
    const answers = await Promise.all(Array.from({ length: openFiles }, ask))
    expect(answers).toContain(200)
    for (let upload = 0; upload < 10; upload += 1)
      expect(await uploadModel(url, linearModel([upload, 7], [1, 2]))).toMatchObject({ status: 'complete' })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  } finally {
    agent.destroy()
  }
})
