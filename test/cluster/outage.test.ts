import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { killServer, serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()
let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(async () => {
  await servers.remove()
  await postgres.remove()
})

/** The merge adds 270 million numbers, which takes long on a busy machine. */
const minutes = 240_000

const statusOf = async (url: string, path: string) => (await fetch(`${url}${path}`)).status

describe('while the database is gone', () => {
  test(
    'requests are refused until it is back, and a running job goes on and ends',
    async () => {
      const variables = { TUREEN_DATABASE_URL: await postgres.createDatabase() }
      const server = await servers.start(await servers.data(), variables)
      const { url } = server
      const model = await uploadModel(url, linearModel([1], [2]))
      const { job: longer, model: large } = await startLongMerge(url)
      await cancelJob(url, longer.id)
      const models = Array.from({ length: 16 }, () => ({ id: large.id }))
      const job = await json<JobRecord>(await postJson(`${url}/v1/merges`, { models, normalize: false }))
      await untilStatus(url, job.id, 'running')
      await postgres.stop()
      const refused = await fetch(`${url}/v1/models`)
      expect(refused.headers.get('retry-after')).toBe('5')
      await readProblem(refused, 503, 'TUREEN_CATALOG_UNAVAILABLE')
      await readProblem(await fetch(`${url}/readyz`), 503, 'TUREEN_NOT_READY')
      expect(await statusOf(url, '/healthz')).toBe(200)
      const upload = await fetch(`${url}/v1/models`, { method: 'POST', body: linearModel([1], [3]) })
      expect(upload.status).toBe(503)
      // Long enough for several progress reports, which cannot be saved.
      await delay(3_000)
      await postgres.start()
      await until('the server answers again', async () => (await statusOf(url, '/readyz')) === 200)
      expect(await json(await fetch(`${url}/v1/models/${model.id}`))).toEqual(model)
      const ended = await untilStatus(url, job.id, 'succeeded')
      expect(ended).toMatchObject({ attempts: expect.toBeOneOf([0, 1]) })
      await uploadModel(url, linearModel([1], [3]))
      // The server has its lock again: a second one is refused.
      const second = await servers.start(await servers.data(), variables).catch(String)
      expect(second).toContain('is in use by another Tureen server')
      await killServer(server)
    },
    minutes,
  )

  test('a database that hangs is named as what to check, not the disk', async () => {
    const url = await postgres.createDatabase()
    const server = await servers.start(await servers.data(), { TUREEN_DATABASE_URL: url })
    const client = new Client(url)
    await client.connect()
    await client.query('begin')
    await client.query('lock table models in access exclusive mode')
    const { errors } = await readProblem(await fetch(`${server.url}/readyz`), 503, 'TUREEN_NOT_READY')
    expect(errors).toMatchObject([
      { field: 'catalog', message: expect.stringContaining('Check the database of TUREEN_DATABASE_URL.') },
    ])
    await client.end()
    await killServer(server)
  })

  test('a start waits for it, and says so', async () => {
    const variables = { TUREEN_DATABASE_URL: await postgres.createDatabase() }
    await postgres.stop()
    const launched = servers.launch(await servers.data(), variables)
    await until('the server says that it waits', () =>
      launched.output.some(text => text.includes('waits for its database')),
    )
    await postgres.start()
    await until('it serves', () => launched.output.some(text => text.includes('Tureen is serving')))
    launched.process.kill('SIGTERM')
    expect(await launched.ended).toMatchObject({ code: 0 })
    expect(launched.output.join('')).not.toContain(new URL(postgres.url('x')).password)
  })
})
