import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { externalScorer } from '../support/external-scorer.ts'
import { json, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import type { SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup } from '../support/server-group.ts'

/** Scorers of one search at several servers of one store: two of the API, of which one dies, and a worker. */
const servers = serverGroup()
const patience = 240_000

let s3: S3Server
let here: SpawnedServer
let there: SpawnedServer
beforeAll(async () => {
  s3 = await startS3()
  const shared = {
    ...s3.variables,
    TUREEN_DATABASE_URL: await createDatabase(inject('postgres') ?? ''),
    TUREEN_CONTENT: `s3://${await s3.createBucket()}/store`,
  }
  const start = async (role: string) => servers.start(await servers.data(), { ...shared, TUREEN_ROLE: role })
  here = await start('api')
  there = await start('api')
  await start('worker')
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

test(
  'scorers at several servers share the candidates, also when one of the servers dies',
  async () => {
    const [one, two] = [externalScorer(here.url), externalScorer(there.url)]
    const models: string[] = []
    for (const factor of [1, 2, 3]) models.push((await uploadModel(here.url, linearModel([factor], [0]))).id)
    const job = await one.start(models)
    const first = await one.lease(job, { count: 1 }, 40)
    const [candidate] = first.candidates
    const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    const contents = await Promise.all([one, two].map(scorer => scorer.content(candidate?.content ?? '')))
    expect(new Set(contents.map(digestOf)).size).toBe(1)
    const rest = await two.lease(job, { count: 100 })
    expect(rest.candidates.map(({ id }) => id)).not.toContain(candidate?.id)
    // News of one server wake a wait at the other.
    const waiting = two.lease(job, { count: 100 }, 45)
    const started = performance.now()
    await one.ask('DELETE', `/v1/jobs/${job}/leases/${first.id}`)
    expect((await waiting).candidates.map(({ id }) => id)).toEqual([candidate?.id])
    expect(performance.now() - started).toBeLessThan(20_000)
    await killServer(here)
    for (const each of [...first.candidates, ...rest.candidates])
      expect((await two.score(job, each.id, { score: each.weights.length })).status).toBe(200)
    const ended = await two.scoreAll(job, ({ weights }) => ({ score: weights.length }))
    expect(ended.status).toBe('succeeded')
    const all = await two.candidates(job)
    expect(all.every(({ state }) => state === 'scored')).toBe(true)
    expect(await json(await two.ask('GET', `/v1/models/${ended.result?.model.id}`))).toMatchObject({
      status: 'complete',
    })
  },
  patience,
)
