import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { endlessLoop } from '../support/hostile-models.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, untilStatus } from '../support/long-merge.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase, type Pooler, startPooler } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import type { SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { listAll, until } from '../support/store-client.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes. */
const patience = 240_000

let s3: S3Server
let bucket: string
let pooler: Pooler
let database: string
beforeAll(async () => {
  s3 = await startS3()
  bucket = await s3.createBucket()
  pooler = await startPooler(inject('postgres') ?? '')
}, patience)
afterAll(async () => {
  await servers.remove()
  await pooler.remove()
  await s3.remove()
})

let stores = 0
beforeEach(async () => {
  stores += 1
  database = await createDatabase(inject('postgres') ?? '')
})

/** Settings of a server that shares the store of the test. */
const shared = (others: Record<string, string> = {}) => ({
  ...s3.variables,
  TUREEN_DATABASE_URL: database,
  TUREEN_CONTENT: `s3://${bucket}/${stores}`,
  ...others,
})
const start = async (others: Record<string, string> = {}) => servers.start(await servers.data(), shared(others))
const api = () => start({ TUREEN_ROLE: 'api' })
const worker = (others: Record<string, string> = {}) => start({ TUREEN_ROLE: 'worker', ...others })

/** Starts a server that must refuse. @returns its output */
async function refusalOf(data: string, variables: Record<string, string>): Promise<string> {
  const started = await servers.start(data, variables).catch((error: unknown) => error)
  if (!(started instanceof Error)) throw new Error('the server has started')
  return started.message
}

const jobAt = async ({ url }: SpawnedServer, id: string, query = '') =>
  json<JobRecord>(await fetch(`${url}/v1/jobs/${id}${query}`))

/** Starts an evaluation that never ends. */
async function startEndless({ url }: SpawnedServer): Promise<string> {
  const client = evaluationClient(url)
  const column = (...values: number[]) => ({ descr: '<f4', shape: [values.length, 1], data: Float32Array.from(values) })
  const dataset = await client.addDataset(npz({ x: column(1, 2, 3), y: column(1, 2, 3) }))
  const model = await client.addModel(endlessLoop())
  const request = { model, dataset: dataset.id, inputs: { x: 'x' }, target: 'y', metrics: ['mse'] }
  return (await json<JobRecord>(await client.ask(request))).id
}

/** Returns the number of evaluators of a server that have ended. */
async function evaluatorEnds({ url }: SpawnedServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const ends = text.matchAll(/^tureen_evaluator_exits_total(?:\{.*\})? (\d+)$/gm)
  return [...ends].reduce((total, [, value]) => total + Number(value), 0)
}

/** Returns the number of jobs that a server has run to their ends. */
const succeeded = ({ logs }: SpawnedServer) => logs.filter(line => line.includes('"a job succeeded"')).length

test(
  'two servers that start at once on an empty database share one store',
  async () => {
    const [first, second] = await Promise.all([start(), start()])
    const model = await uploadModel(first.url, linearModel([1], [2]), 'name=shared')
    expect(await json(await fetch(`${second.url}/v1/models/${model.id}`))).toEqual(model)
    expect((await fetch(`${second.url}/v1/models/${model.id}/content`)).status).toBe(200)
  },
  patience,
)

test(
  'a directory becomes one of the store; a directory of another store, and a server that uses the database alone, are refused',
  async () => {
    const data = await servers.data()
    const first = await servers.start(data, shared())
    const alone = { TUREEN_DATABASE_URL: database }
    expect(await refusalOf(await servers.data(), alone)).toMatch(/is in use by another Tureen server.*Stop it, /)
    await stopServer(first)
    await stopServer(await servers.start(data, shared()))
    const other = await createDatabase(inject('postgres') ?? '')
    const lone = await servers.start(await servers.data(), { TUREEN_DATABASE_URL: other })
    const refusal = await refusalOf(await servers.data(), shared({ TUREEN_DATABASE_URL: other }))
    expect(refusal).toContain('That server uses the database alone, and this one would share it.')
    await stopServer(lone)
    expect(await refusalOf(data, shared({ TUREEN_DATABASE_URL: other }))).toContain('it belongs to the store')
  },
  patience,
)

test(
  'a worker serves probes and service metrics alone, and an api server runs no job',
  async () => {
    const serving = await api()
    const models = []
    for (const weight of [1, 2]) models.push(await uploadModel(serving.url, linearModel([weight], [1])))
    const body = { models: models.map(({ id }) => ({ id })) }
    const { id } = await json<JobRecord>(await postJson(`${serving.url}/v1/comparisons?wait=1`, body))
    expect(await jobAt(serving, id)).toMatchObject({ status: 'queued', attempts: 0 })
    const merges = await worker({ TUREEN_WORKER_JOBS: 'merge' })
    const merge = await json<JobRecord>(await postJson(`${serving.url}/v1/merges?wait=30`, body))
    expect(merge).toMatchObject({ status: 'succeeded', attempts: 1 })
    expect(await jobAt(serving, id)).toMatchObject({ status: 'queued', attempts: 0 })
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await fetch(`${merges.url}${path}`)).status, path).toBe(200)
    for (const path of ['/v1/models', '/v1/usage', '/openapi.json', '/docs', '/'])
      await readProblem(await fetch(`${merges.url}${path}`), 404, 'TUREEN_NOT_FOUND')
    await worker({ TUREEN_WORKER_JOBS: 'evaluation,comparison' })
    expect(await jobAt(serving, id, '?wait=30')).toMatchObject({ status: 'succeeded', attempts: 1 })
  },
  patience,
)

test(
  'a worker leaves the jobs of a newer version queued, runs all others, and the newer version runs its own',
  async () => {
    const serving = await api()
    const models = []
    for (const weight of [1, 2]) models.push(await uploadModel(serving.url, linearModel([weight], [1])))
    const body = { models: models.map(({ id }) => ({ id })) }
    const start = async () => (await json<JobRecord>(await postJson(`${serving.url}/v1/comparisons`, body))).id
    const [newer, known] = [await start(), await start()]
    const client = new Client(database)
    await client.connect()
    const rewrite = (from: string, to: string) =>
      client.query('update jobs set request = $1 || substr(request, length($2) + 1) where id = $3', [to, from, newer])
    await rewrite('{', '{"documentVersion":9,')
    const older = await worker()
    expect(await jobAt(serving, known, '?wait=30')).toMatchObject({ status: 'succeeded', attempts: 1 })
    const queued = async () => (await client.query('select id from tureen_queue.job')).rows
    await until('the older worker has dropped the entry', async () => (await queued()).length === 0)
    const { rows } = await client.query('select status, attempts from jobs where id = $1', [newer])
    expect(rows).toEqual([{ status: 'queued', attempts: null }])
    await stopServer(older)
    await rewrite('{"documentVersion":9,', '{')
    await worker()
    expect(await jobAt(serving, newer, '?wait=30')).toMatchObject({ status: 'succeeded', attempts: 1 })
    await client.end()
  },
  patience,
)

test(
  '255 short jobs over two workers all run once',
  async () => {
    const serving = await api()
    const workers = await Promise.all([worker(), worker()])
    const models = []
    for (const weight of [1, 2]) models.push(await uploadModel(serving.url, linearModel([weight], [1])))
    const body = { models: models.map(({ id }) => ({ id })) }
    for (let count = 0; count < 255; count += 1)
      expect((await postJson(`${serving.url}/v1/comparisons`, body)).status).toBe(202)
    const unfinished = async () => [
      ...(await listAll(serving.url, 'jobs', 'status=queued')),
      ...(await listAll(serving.url, 'jobs', 'status=running')),
    ]
    await until('all jobs have ended', async () => (await unfinished()).length === 0, 120_000)
    const jobs = await listAll(serving.url, 'jobs')
    expect(jobs).toHaveLength(255)
    for (const job of jobs) expect(job).toMatchObject({ status: 'succeeded', attempts: 1 })
    const counts = workers.map(succeeded)
    expect(counts.reduce((sum, count) => sum + count)).toBe(255)
    expect(Math.min(...counts)).toBeGreaterThan(0)
  },
  patience,
)

test(
  'a job of a frozen or killed worker starts elsewhere within 15 seconds, and a cancel reaches it there, behind pgbouncer',
  async () => {
    const pooled = {
      TUREEN_DATABASE_URL: pooler.url(new URL(database).pathname.slice(1)),
      TUREEN_DATABASE_DIRECT_URL: database,
    }
    const serving = await start({ TUREEN_ROLE: 'api', ...pooled })
    const patient = { TUREEN_EVAL_SECONDS: '600', ...pooled }
    const frozen = await worker(patient)
    const id = await startEndless(serving)
    const first = await untilStatus(serving.url, id, 'running')
    const other = await worker(patient)
    // A server that has just started takes nothing over for TUREEN_TAKEOVER_SECONDS.
    await delay(11_000)
    const untilTaken = async (attempts: number) => {
      const lost = Date.now()
      await until(`start ${attempts}`, async () => (await jobAt(serving, id)).attempts === attempts)
      const job = await jobAt(serving, id)
      expect(Date.parse(job.startedAt ?? '') - lost).toBeLessThan(15_000)
      return job
    }
    frozen.process.kill('SIGSTOP')
    const second = await untilTaken(2)
    expect(second).toMatchObject({ status: 'running', lastFailure: { startedAt: first.startedAt } })
    const before = await evaluatorEnds(other)
    frozen.process.kill('SIGCONT')
    await until('the frozen worker gives the job up', async () => (await evaluatorEnds(frozen)) > 0)
    expect(await jobAt(serving, id)).toMatchObject({ status: 'running', startedAt: second.startedAt })
    expect(await evaluatorEnds(other)).toBe(before)
    const ended = await evaluatorEnds(frozen)
    await killServer(other)
    await untilTaken(3)
    // Its evaluator gets the task after the start is written.
    await delay(1_000)
    expect((await cancelJob(serving.url, id)).status).toBe(202)
    await until('the evaluator has ended', async () => (await evaluatorEnds(frozen)) > ended)
    expect(await jobAt(serving, id)).toMatchObject({ status: 'cancelled' })
  },
  patience,
)
