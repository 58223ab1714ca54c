import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { costlyModels } from '../support/costly-models.ts'
import { modelForm as formWithData } from '../support/external-model.ts'
import { json, merge, postJson, postSoup, readProblem, uploadModel } from '../support/http-client.ts'
import { manyFilesModel } from '../support/many-files-model.ts'
import { linearModel } from '../support/onnx-model.ts'
import { type SpawnedServer, spawnServer, temporaryDirectory } from '../support/server.ts'

/** A server has this long to give memory back, and may then have so many times what it had at its start. */
const [settleSeconds, mostTimes] = [60, 1.5]

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: SpawnedServer
beforeAll(async () => {
  directory = await temporaryDirectory()
  server = await spawnServer(directory.path)
})
afterAll(async () => {
  server.process.kill('SIGKILL')
  await server.exited
  await directory.remove()
})

/** MiB of memory that the server has. */
function residentMebibytes(): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** The memory of the server once it is `wanted` at most, or when its time is over. */
async function settled(wanted: number): Promise<number> {
  for (let second = 0; second < settleSeconds && residentMebibytes() > wanted; second += 1) await delay(1000)
  return residentMebibytes()
}

test('memory comes back after models of many nodes, tensors and files', async () => {
  const { url } = server
  // What every server loads with its first models.
  const [a, b] = [await uploadModel(url, linearModel([1, 2], [3])), await uploadModel(url, linearModel([4, 5], [6]))]
  await merge(url, { models: [{ id: a.id }, { id: b.id }] })
  const start = residentMebibytes()
  let highest = start
  const watch = setInterval(() => {
    highest = Math.max(highest, residentMebibytes())
  }, 100)

  await uploadModel(url, costlyModels['a chain of nodes'](100_000))
  const refused = await fetch(`${url}/v1/models`, { method: 'POST', body: costlyModels['empty tensors'](300_000) })
  await readProblem(refused, 422, 'TUREEN_MODEL_LIMIT')
  const [first, second] = [0, 1].map(seed => costlyModels['tensors in one sum'](20_000, seed))
  if (!first || !second) throw new Error('there are two')
  const models = [await uploadModel(url, first), await uploadModel(url, second)].map(({ id }) => ({ id }))
  await merge(url, { models })
  await postSoup(url, [first, second])
  const compared = await json<JobRecord>(await postJson(`${url}/v1/comparisons?wait=60`, { models }))
  expect(compared.status).toBe('succeeded')
  const form = await fetch(`${url}/v1/models`, { method: 'POST', body: formWithData(manyFilesModel(15_000)) })
  expect(form.status).toBe(201)

  clearInterval(watch)
  expect(highest).toBeGreaterThan(mostTimes * start)
  expect(await settled(mostTimes * start)).toBeLessThanOrEqual(mostTimes * start)
}, 300_000)
