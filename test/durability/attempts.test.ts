import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { type JobRecord, type JobSummary, job as jobSchema } from '../../schemas/job.ts'
import { heavyModel } from '../support/heavy-model.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { says, serverGroup } from '../support/server-group.ts'
import { listAll, merge, until, upload } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

const preload = fileURLToPath(new URL('../support/faults/poison.ts', import.meta.url))

test('a job that kills the server three times fails at the fourth start, and takes no other job with it', async () => {
  const data = await servers.data()
  const place = join(await servers.data(), 'poison')
  const start = () => servers.start(data, { NODE_OPTIONS: `--import ${preload}`, POISON: place })
  let server: SpawnedServer = await start()
  const jobNow = async (id: string, query = ''): Promise<JobRecord> =>
    jobSchema.parse(await (await fetch(`${server.url}/v1/jobs/${id}${query}`)).json())
  const compare = async (...ids: string[]) => {
    const response = await postJson(`${server.url}/v1/comparisons`, { models: ids.map(id => ({ id })) })
    expect(response.status).toBe(202)
    return json<JobRecord>(response)
  }

  const models = []
  for (const weight of [1, 2, 3]) models.push(await uploadModel(server.url, linearModel([weight], [1])))
  const [sound = '', other = '', poisonous = ''] = models.map(({ id }) => id)
  // It takes seconds, so that it runs whenever the server dies.
  const { id } = await upload(server.url, heavyModel([1 << 21], 1), 'heavy')
  const innocent = await merge(server.url, {
    models: Array.from({ length: 200 }, () => ({ id, weight: 1 })),
    name: 'innocent',
  })
  await until('the merge runs', async () => (await jobNow(innocent.id)).progress !== null)
  writeFileSync(place, models[2]?.sha256.replace('sha256:', '') ?? '')
  // Its models are read when it runs, not before.
  const guilty = await compare(sound, poisonous)
  expect(guilty.attempts).toBe(0)

  // Both run in the first two servers: the merge is the older one, and starts first.
  expect((await server.exited).signal).toBe('SIGKILL')
  server = await start()
  expect((await server.exited).signal).toBe('SIGKILL')
  expect(server.logs.filter(line => line.includes('the server died while this job ran'))).toHaveLength(2)

  // In the third one the merge runs alone to its end, then the comparison kills the server alone.
  server = await start()
  await until('the merge runs again', async () => (await jobNow(innocent.id)).attempts === 3)
  const queued = await compare(sound, other)
  const events = await fetch(`${server.url}/v1/jobs/${innocent.id}/events`)
  const said = events.text()
  expect(await jobNow(guilty.id)).toMatchObject({ status: 'queued', attempts: 2 })
  expect(await jobNow(queued.id)).toMatchObject({ status: 'queued', attempts: 0 })
  expect((await server.exited).signal).toBe('SIGKILL')
  expect(await said).toContain('start 3 of 3')

  server = await start()
  expect(await jobNow(innocent.id)).toMatchObject({ status: 'succeeded', attempts: 3 })
  expect(await listAll(server.url, 'models', 'name=innocent')).toHaveLength(1)
  expect(await jobNow(queued.id, '?wait=30')).toMatchObject({ status: 'succeeded', attempts: 1 })
  const failed = await jobNow(guilty.id)
  expect(failed).toMatchObject({ status: 'failed', attempts: 3 })
  const answer = await fetch(`${server.url}/v1/jobs/${guilty.id}?fail=http`)
  const { errors } = await readProblem(answer, 422, 'TUREEN_JOB_ATTEMPTS_EXHAUSTED')
  expect(errors.map(({ model }) => model)).toEqual(expect.arrayContaining([sound, poisonous]))
  const { items } = await json<{ items: JobSummary[] }>(await fetch(`${server.url}/v1/jobs?status=failed`))
  expect(items).toMatchObject([{ id: guilty.id, attempts: 3, error: { code: 'TUREEN_JOB_ATTEMPTS_EXHAUSTED' } }])
  expect(says(server, 'the server died again while this job ran; the job fails')).toBe(true)
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  expect(metrics).toContain('tureen_jobs_cut_off_total{type="comparison"} 1')
  expect(metrics).toContain('tureen_job_failures_total{type="comparison",code="TUREEN_JOB_ATTEMPTS_EXHAUSTED"} 1')
}, 120_000)
