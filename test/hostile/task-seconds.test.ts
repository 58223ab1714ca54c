import { afterEach, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { costlyModels } from '../support/costly-models.ts'
import {
  expectNothingIncoming,
  expectNothingKept,
  json,
  postJson,
  postSoup,
  readProblem,
  uploadModel,
} from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(variables: Record<string, string>): Promise<Awaited<ReturnType<typeof startApp>>> {
  const app = await startApp(variables)
  closing.push(app.close)
  return app
}

/** Takes any processor of today several times as long to inspect as a thread may work here, which is enough for the light model. */
const heavy = costlyModels['batch norms'](40_000)
const briefly = { TUREEN_TASK_SECONDS: '2' }
/** Milliseconds in which a busy machine inspects the heavy model without a limit. */
const busyMachine = 240_000
const light = linearModel([1, 2, 3, 4], [5, 6])

test('an upload and a one-shot soup that take a thread too long are refused, and nothing of them stays', async () => {
  const app = await start({ ...briefly, TUREEN_MAX_UPLOADS: '1' })
  const upload = await fetch(`${app.url}/v1/models`, { method: 'POST', body: heavy })
  const { detail } = await readProblem(upload, 422, 'TUREEN_TASK_TIMEOUT')
  expect(detail).toMatch(/2 seconds.*TUREEN_TASK_SECONDS.*raise/)
  await readProblem(await postSoup(app.url, [light, heavy]), 422, 'TUREEN_TASK_TIMEOUT')
  await expectNothingKept(app)
  // The only slot is free again, and so is a thread.
  await uploadModel(app.url, light)
})

test('a job that takes a thread too long fails with the same code, and others beside it go on', {
  timeout: busyMachine,
}, async () => {
  const data = await temporaryDirectory()
  closing.push(data.remove)
  const patient = await startApp({ TUREEN_DATA: data.path })
  const models = [await uploadModel(patient.url, light), await uploadModel(patient.url, heavy)]
  await patient.close()
  const app = await start({ ...briefly, TUREEN_DATA: data.path })
  const compared = { models: models.map(({ id }) => ({ id })) }
  const comparison = postJson(`${app.url}/v1/comparisons?wait=60`, compared).then(json<JobRecord>)
  const beside = await uploadModel(app.url, linearModel([1, 2], [3]))
  expect(beside.tensorCount).toBe(2)
  const { status, error } = await comparison
  expect([status, error?.code]).toEqual(['failed', 'TUREEN_TASK_TIMEOUT'])
  await readProblem(await postJson(`${app.url}/v1/merges`, compared), 422, 'TUREEN_TASK_TIMEOUT')
  await expectNothingIncoming(app.data)
})
