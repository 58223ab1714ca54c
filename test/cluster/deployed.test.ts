import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readCompose } from '../support/compose-file.ts'
import { isHaproxyMissing, startHaproxy } from '../support/haproxy.ts'
import { json, merge, mergedContent, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { type SpawnedServer, temporaryDirectory } from '../support/server.ts'
import { serverGroup, stopServer } from '../support/server-group.ts'

// The servers of deploy/compose.yaml, with its settings, behind its proxy. Changed are only places and secrets.
const servers = serverGroup()
let s3: S3Server
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let apis: SpawnedServer[]
let workers: SpawnedServer[]
let proxy: Awaited<ReturnType<typeof startHaproxy>>

const title = isHaproxyMissing ? ' (skipped: haproxy is not installed)' : ''

describe.skipIf(isHaproxyMissing)(`the servers of deploy/compose.yaml${title}`, () => {
  beforeAll(async () => {
    const { services } = await readCompose('deploy/compose.yaml', { POSTGRES_PASSWORD: 'none', S3_SECRET_KEY: 'none' })
    s3 = await startS3()
    directory = await temporaryDirectory()
    const places = {
      ...s3.variables,
      TUREEN_DATABASE_URL: await createDatabase(inject('postgres') ?? ''),
      TUREEN_CONTENT: `s3://${await s3.createBucket()}`,
      // The tests have no tokens, and need none on loopback.
      TUREEN_TOKENS_FILE: '',
      // The kernel of this machine may have no Landlock.
      TUREEN_ISOLATION: 'auto',
    }
    const start = async (name: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, async () =>
          servers.start(await servers.data(), { ...services[name]?.environment, ...places }),
        ),
      )
    ;[apis, workers] = await Promise.all([start('api', services['api']?.deploy?.replicas ?? 0), start('worker', 2)])
    proxy = await startHaproxy(
      directory.path,
      apis.map(({ url }) => url),
    )
  }, 240_000)
  afterAll(async () => {
    await proxy?.close()
    await servers.remove()
    await s3.remove()
    await directory.remove()
  })

  test('take uploads, run jobs on workers, and answer with the result, whichever of them is asked', async () => {
    const { id } = await uploadModel(proxy.url, linearModel([1, 2], [3, 4]))
    const { id: other } = await uploadModel(proxy.url, linearModel([3, 4], [5, 6]))
    const job = await merge(proxy.url, { models: [{ id }, { id: other }] })
    expect(job.status).toBe('succeeded')
    const [first, second] = await Promise.all(apis.map(({ url }) => mergedContent(url, job)))
    expect(first).toEqual(second)
  })

  test('have workers that serve probes and service metrics alone', async () => {
    for (const { url } of workers) {
      for (const path of ['/healthz', '/readyz', '/metrics']) expect((await fetch(`${url}${path}`)).status).toBe(200)
      await readProblem(await fetch(`${url}/v1/models`), 404, 'TUREEN_NOT_FOUND')
    }
  })

  test('show one queue and one number of records on all servers', async () => {
    const shown = await Promise.all(
      [...apis, ...workers].map(async ({ url }) => {
        const text = await (await fetch(`${url}/metrics`)).text()
        return text
          .split('\n')
          .filter(line => /^tureen_(jobs|job_queue_depth|store_records|store_content_\w+)\b/.test(line))
      }),
    )
    expect(shown[0]?.length).toBeGreaterThan(20)
    for (const each of shown) expect(each).toEqual(shown[0])
  })

  test('go on when a server for clients is asked to end: no request fails', async () => {
    const { id } = await uploadModel(proxy.url, linearModel([5, 6], [7, 8]))
    const { id: other } = await uploadModel(proxy.url, linearModel([6, 7], [8, 9]))
    const [leaving] = apis
    if (!leaving) throw new Error('no server')
    const statuses = new Set<number>()
    let isOver = false
    const asking = async (client: number) => {
      for (let request = 0; !isOver; request++) {
        const { status } = await fetch(`${proxy.url}/v1/models/${id}`)
        statuses.add(status)
        const merged = await fetch(`${proxy.url}/v1/merges`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': `client-${client}-request-${request}` },
          body: JSON.stringify({ models: [{ id }, { id: other }] }),
        })
        statuses.add(merged.status)
        await merged.arrayBuffer()
      }
    }
    const clients = Promise.all(Array.from({ length: 4 }, (_, client) => asking(client)))
    expect(await stopServer(leaving)).toMatchObject({ code: 0 })
    isOver = true
    await clients
    expect([...statuses].sort()).toEqual([200, 202])
    expect(await json(await fetch(`${proxy.url}/v1/models/${id}`))).toMatchObject({ id })
  })
})
