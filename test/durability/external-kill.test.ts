import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ModelRecord, model as modelSchema } from '../../schemas/model.ts'
import { digestOfFiles, externalModel, type ModelInFiles, modelForm } from '../support/external-model.ts'
import { sha256, uploadModel } from '../support/http-client.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { openSocket } from '../support/raw-http.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, killServer, serverGroup } from '../support/server-group.ts'
import { listAll, until } from '../support/store-client.ts'

const servers = serverGroup()
let data: string
let server: SpawnedServer
beforeAll(async () => {
  data = await servers.data()
  server = await servers.start(data)
})
afterEach(removeAll)
afterAll(() => servers.remove())

/** Empties the store, which the next test goes on with: starting a server takes seconds of the processor. */
async function removeAll(): Promise<void> {
  for (const { id } of await listAll(server.url, 'models'))
    expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
  expect(await filesIn(data)).toEqual({ incoming: [], content: [] })
}

async function killAndStart(): Promise<void> {
  await killServer(server)
  server = await servers.start(data)
}

/** Two data files of 2 MB, so that an upload takes a while; most of them lies behind the tensors. */
function bigFiles(weight: number): ModelInFiles {
  const model = externalModel([weight, 2, 3, 4], [10, 20])
  const padded = Object.entries(model.data).map(([location, bytes], index) => {
    const file = new Uint8Array(2_000_000).fill(index + 1)
    file.set(bytes)
    return [location, file]
  })
  return { main: model.main, data: Object.fromEntries(padded) }
}

/** Kills at random moments of one upload, one in each of as many stretches of it. */
const rounds = 1

const digests = ({ main, data }: ModelInFiles) =>
  [main, ...Object.values(data)].map(bytes => `sha256:${sha256(bytes)}`).sort()

async function expectWhole(url: string, { id }: ModelRecord, { main, data }: ModelInFiles): Promise<void> {
  const files = [
    ['content', main] as const,
    ...Object.entries(data).map(([at, bytes]) => [`data/${at}`, bytes] as const),
  ]
  for (const [path, bytes] of files) {
    const response = await fetch(`${url}/v1/models/${id}/${path}`)
    expect(response.status, path).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes), path).toBe(true)
  }
}

/** Sends the beginning of a request, waits until the server has so many files in the making, and kills it. */
async function killInside(head: string, body: Uint8Array, files: number) {
  const socket = await openSocket(server.url)
  socket.write(`${head}\r\nhost: localhost\r\n\r\n`)
  socket.write(body)
  await until('the files in the making', async () => (await filesIn(data)).incoming.length === files)
  await delay(20)
  await killServer(server)
  socket.destroy()
}

describe('a SIGKILL during the upload of a form with several files', () => {
  const model = bigFiles(1)
  const uploadForm = () => fetch(`${server.url}/v1/models?name=form`, { method: 'POST', body: modelForm(model) })
  const encoded = async () => {
    const request = new Request('http://x', { method: 'POST', body: modelForm(model) })
    const body = new Uint8Array(await request.arrayBuffer())
    const type = request.headers.get('content-type')
    return {
      head: `POST /v1/models?name=form HTTP/1.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}`,
      body,
    }
  }

  test.each([
    // A small file is made when all of it is there.
    ['the model', 0, 300],
    ['the first data file', 2, 1_000_000],
    ['the last boundary', 3, 4_000_000 + 1000],
  ])('in %s leaves nothing, and the upload repeated succeeds', async (_, files, sent) => {
    const { head, body } = await encoded()
    const part = body.subarray(0, Math.min(sent, body.length - 3))
    await killInside(head, part, files)
    expect((await filesIn(data)).incoming).toHaveLength(files)
    server = await servers.start(data)
    expect(await listAll(server.url, 'models')).toEqual([])
    expect(await filesIn(data)).toEqual({ incoming: [], content: [] })
    const response = await uploadForm()
    expect(response.status).toBe(201)
    const record = modelSchema.parse(await response.json())
    expect(record).toMatchObject({ status: 'complete', sha256: digestOfFiles(model) })
    await expectWhole(server.url, record, model)
    expect(await filesIn(data)).toEqual({ incoming: [], content: digests(model) })
  })

  test(`at any moment leaves all of it or nothing (TUREEN_TEST_SEED=${runSeed})`, async ({ annotate }) => {
    const random = seededRandom(runSeed)
    const outcomes: string[] = []
    for (let round = 0, took = 0; round <= rounds; round += 1) {
      const started = performance.now()
      const answer = uploadForm().then(
        response => response.status,
        () => 'none',
      )
      // The first one is killed when it is over, the others inside.
      if (round === 0) await answer
      else await delay(((round - random.next()) / rounds) * took)
      took ||= performance.now() - started
      await killAndStart()
      const records = await listAll(server.url, 'models')
      const answered = await answer
      if (answered === 201) expect(records).toHaveLength(1)
      for (const record of records) {
        expect(record).toMatchObject({ status: 'complete', missing: [], sha256: digestOfFiles(model) })
        await expectWhole(server.url, record, model)
      }
      expect(await filesIn(data)).toEqual({ incoming: [], content: records.length > 0 ? digests(model) : [] })
      expect((await uploadForm()).status).toBe(records.length > 0 ? 200 : 201)
      await removeAll()
      outcomes.push(`answer ${answered}, ${records.length} kept`)
    }
    await annotate(outcomes.join('; '))
  }, 60_000)
})

describe('a SIGKILL during the PUT of a data file', () => {
  const model = bigFiles(2)
  const location = 'weights/W.bin'
  const bytes = model.data[location] ?? new Uint8Array(0)
  const put = (id: string, at: string) =>
    fetch(`${server.url}/v1/models/${id}/data/${at}`, { method: 'PUT', body: model.data[at] ?? null })

  /** A model that lacks the file alone. */
  async function waiting(): Promise<ModelRecord> {
    const { id } = await uploadModel(server.url, model.main)
    const record = modelSchema.parse(await (await put(id, 'b.bin')).json())
    expect(record).toMatchObject({ status: 'incomplete', missing: [location] })
    return record
  }
  const recordOf = async (id: string) => modelSchema.parse(await (await fetch(`${server.url}/v1/models/${id}`)).json())

  test.each([1_999_999])(
    'after %i of 2,000,000 bytes leaves the model as it was, and the PUT repeated succeeds',
    async sent => {
      const record = await waiting()
      const head = `PUT /v1/models/${record.id}/data/${location} HTTP/1.1\r\ncontent-length: ${bytes.length}`
      await killInside(head, bytes.subarray(0, sent), 1)
      server = await servers.start(data)
      expect(await recordOf(record.id)).toEqual(record)
      const kept = record.files.map(({ sha256 }) => sha256).sort()
      expect(await filesIn(data)).toEqual({ incoming: [], content: kept })
      const whole = modelSchema.parse(await (await put(record.id, location)).json())
      expect(whole).toMatchObject({ id: record.id, status: 'complete', sha256: digestOfFiles(model) })
      await expectWhole(server.url, whole, model)
    },
  )

  test(`at any moment leaves the model as it was or complete (TUREEN_TEST_SEED=${runSeed})`, async ({ annotate }) => {
    const random = seededRandom(runSeed)
    const outcomes: string[] = []
    for (let round = 0, took = 0; round <= rounds; round += 1) {
      const record = await waiting()
      const started = performance.now()
      const answer = put(record.id, location).then(
        response => response.status,
        () => 'none',
      )
      // The first one is killed when it is over, the others inside.
      if (round === 0) await answer
      else await delay(((round - random.next()) / rounds) * took)
      took ||= performance.now() - started
      await killAndStart()
      const now = await recordOf(record.id)
      const answered = await answer
      if (answered === 200 || now.status === 'complete') {
        expect(now).toMatchObject({ status: 'complete', missing: [], sha256: digestOfFiles(model) })
        await expectWhole(server.url, now, model)
      } else expect(now).toEqual(record)
      const kept = now.files.map(({ sha256 }) => sha256).sort()
      expect(await filesIn(data)).toEqual({ incoming: [], content: kept })
      expect((await put(record.id, location)).status).toBe(200)
      expect((await recordOf(record.id)).sha256).toBe(digestOfFiles(model))
      await removeAll()
      outcomes.push(`answer ${answered}, ${now.status}`)
    }
    await annotate(outcomes.join('; '))
  }, 60_000)
})
