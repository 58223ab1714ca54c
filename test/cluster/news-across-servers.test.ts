import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { cancelJob, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import type { SpawnedServer } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import { allEvents, type ServerSentEvent, serverSentEvents } from '../support/server-sent-events.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes. */
const patience = 240_000

let database: string
let one: SpawnedServer
let two: SpawnedServer
let worker: SpawnedServer
let models: { id: string }[]
beforeAll(async () => {
  database = await createDatabase(inject('postgres') ?? '')
  const { bucket = '', variables = {} } = inject('s3') ?? {}
  const start = async (TUREEN_ROLE: string) =>
    servers.start(await servers.data(), {
      ...variables,
      TUREEN_DATABASE_URL: database,
      TUREEN_CONTENT: `s3://${bucket}/news-across-servers`,
      TUREEN_ROLE,
    })
  one = await start('api')
  ;[two, worker] = await Promise.all([start('api'), start('worker')])
  models = [await uploadModel(one.url, linearModel([1], [2])), await uploadModel(one.url, linearModel([3], [4]))].map(
    ({ id }) => ({ id }),
  )
}, patience)
afterAll(() => servers.remove())

const events = ({ url }: SpawnedServer, id: string, last?: string) =>
  fetch(`${url}/v1/jobs/${id}/events`, { headers: last === undefined ? {} : { 'last-event-id': last } })

/** Ends the connections on which the servers hear of each other. @returns their number */
async function endListening(): Promise<number> {
  const client = new Client(database)
  await client.connect()
  const { rows } = await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen %'`)
  await client.end()
  return rows.length
}

test('a request waits for a job that another server runs, and answers at its end', { timeout: patience }, async () => {
  const jobs = await Promise.all(
    [one, two].map(({ url }) => postJson(`${url}/v1/merges?wait=60`, { models }).then(json<JobRecord>)),
  )
  for (const job of jobs) expect(job).toMatchObject({ status: 'succeeded' })
})

test('a stream of events continues on another server with Last-Event-ID', { timeout: patience }, async () => {
  const { job } = await startLongMerge(one.url)
  const seen: ServerSentEvent[] = []
  for await (const event of serverSentEvents(await events(one, job.id))) {
    seen.push(event)
    if (seen.length === 2) break
  }
  for await (const event of serverSentEvents(await events(two, job.id, seen.at(-1)?.id))) {
    seen.push(event)
    if (seen.length === 4) expect(await cancelJob(one.url, job.id)).toMatchObject({ status: 202 })
  }
  const ids = seen.map(({ id }) => Number(id))
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
  expect(JSON.parse(seen.at(-1)?.data ?? '')).toMatchObject({ id: job.id, status: 'cancelled' })
  // Every event that the catalog still has was seen.
  expect(ids).toEqual(expect.arrayContaining((await allEvents(await events(one, job.id))).map(({ id }) => Number(id))))
})

test('waits and streams miss nothing when the connections for news end', { timeout: patience }, async () => {
  const { job } = await startLongMerge(one.url)
  await untilStatus(two.url, job.id, 'running')
  const waiting = fetch(`${two.url}/v1/jobs/${job.id}?wait=60`).then(json<JobRecord>)
  const stream = events(two, job.id).then(allEvents)
  expect(await endListening()).toBe(3)
  await cancelJob(one.url, job.id)
  expect(await waiting).toMatchObject({ status: 'cancelled' })
  expect((await stream).at(-1)).toMatchObject({ event: 'done' })
})

test('gauges of the store are the same on each server, and counters add up', { timeout: patience }, async () => {
  const job = await json<JobRecord>(await postJson(`${one.url}/v1/merges?wait=60`, { models }))
  expect(job.status).toBe('succeeded')
  const all = [one, two, worker]
  const values = async (name: string) =>
    Promise.all(
      all.map(async ({ url }) => {
        const text = await (await fetch(`${url}/metrics`)).text()
        return Number(
          text
            .split('\n')
            .find(line => line.startsWith(`${name} `))
            ?.split(' ')
            .at(-1) ?? 0,
        )
      }),
    )
  const { items } = await json<{ items: { type: string; status: string }[] }>(
    await fetch(`${one.url}/v1/jobs?limit=100`),
  )
  const merges = items.filter(({ type, status }) => type === 'merge' && status === 'succeeded').length
  expect(merges).toBeGreaterThan(2)
  expect(await values('tureen_jobs{type="merge",status="succeeded"}')).toEqual([merges, merges, merges])
  const ended = await values('tureen_job_duration_seconds_count{type="merge",status="succeeded"}')
  expect(ended.reduce((sum, each) => sum + each)).toBe(merges)
})
