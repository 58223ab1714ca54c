import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { merge, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { createDatabase } from '../support/postgres.ts'
import { filesIn, says, serverGroup, stopServer } from '../support/server-group.ts'

const servers = serverGroup()
let server: string
beforeAll(() => {
  server = inject('postgres') ?? ''
})
afterAll(() => servers.remove())

/** Starts a server whose first commit with a new row of `table` ends its connection, as PostgreSQL does when it stops. */
async function startLosing() {
  const url = await createDatabase(server)
  const data = await servers.data()
  const started = await servers.start(data, { TUREEN_DATABASE_URL: url })
  const loseFirst = async (table: 'models' | 'job_result_parts') => {
    const client = new Client(url)
    await client.connect()
    // A rollback does not take back the number of a sequence.
    await client.query(`create sequence losses;
      create function lose() returns trigger language plpgsql as $$ begin
        if nextval('losses') = 1 then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10); end if;
        return null;
      end $$;
      create constraint trigger lose after insert on ${table} deferrable initially deferred for each row execute function lose()`)
    await client.end()
  }
  return { started, data, loseFirst }
}

test('a job runs again if the answer to its commit is lost', async () => {
  const { started, loseFirst } = await startLosing()
  const models = [
    await uploadModel(started.url, linearModel([1], [2])),
    await uploadModel(started.url, linearModel([3], [4])),
  ]
  await loseFirst('job_result_parts')
  const job = await merge(started.url, { models: models.map(({ id }) => ({ id })) })
  expect(job).toMatchObject({ status: 'succeeded', attempts: 1 })
  expect(says(started, 'a job runs again')).toBe(true)
  await stopServer(started)
})

test('an upload whose commit got no answer keeps its content, since its record may still appear', async () => {
  const { started, data, loseFirst } = await startLosing()
  await loseFirst('models')
  const upload = () => fetch(`${started.url}/v1/models`, { method: 'POST', body: linearModel([1], [2]) })
  await readProblem(await upload(), 503, 'TUREEN_CATALOG_UNAVAILABLE')
  expect((await filesIn(data)).content).toHaveLength(1)
  expect(await upload()).toMatchObject({ status: 201 })
  await stopServer(started)
})
