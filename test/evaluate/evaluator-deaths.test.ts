import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { evaluatorsOf } from '../support/attacked-server.ts'
import { type EvaluationJob, evaluationClient } from '../support/evaluation-client.ts'
import { endlessLoop, identityModel } from '../support/hostile-models.ts'
import { json } from '../support/http-client.ts'
import { untilStatus } from '../support/long-merge.ts'
import { npz } from '../support/npz.ts'
import { type SpawnedServer, spawnServer, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: SpawnedServer
let client: ReturnType<typeof evaluationClient>
let request: { model: string; dataset: string; inputs: object; target: string; metrics: string[] }
let endless: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  server = await spawnServer(directory.path)
  client = evaluationClient(server.url)
  const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  const { id: dataset } = await client.addDataset(npz({ x: values, y: values }))
  endless = await client.addModel(endlessLoop())
  request = {
    model: await client.addModel(identityModel()),
    dataset,
    inputs: { x: 'x' },
    target: 'y',
    metrics: ['mse'],
  }
})
afterAll(async () => {
  server.process.kill('SIGKILL')
  await server.exited
  await directory.remove()
})

/** Milliseconds in which an evaluator gets two seconds of the processor, however busy the machine is. */
const busyMachine = 240_000

const evaluators = () => evaluatorsOf(server.process.pid ?? 0)
/** Seconds of processor time that a process has taken. */
function processorSeconds(pid: number): number {
  const [user = '0', system = '0'] = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/.*\) /, '')
    .split(' ')
    .slice(11)
  return (Number(user) + Number(system)) / 100
}

test('an evaluator that dies before it takes its task leaves it to another one, and the job succeeds', async () => {
  await until('an evaluator is idle', () => evaluators().length === 1)
  const idle = evaluators()
  for (const pid of idle) process.kill(pid, 'SIGSTOP')
  const asked = await json<EvaluationJob>(await client.ask(request))
  await untilStatus(server.url, asked.id, 'running')
  // The task lies in its channel, unread.
  await delay(500)
  for (const pid of idle) process.kill(pid, 'SIGKILL')
  const ended = await json<EvaluationJob>(await fetch(`${server.url}/v1/jobs/${asked.id}?wait=45`))
  expect(ended).toMatchObject({ status: 'succeeded' })
})

test('one that dies with the model in it is the fault of the model', { timeout: busyMachine }, async () => {
  const asked = await json<EvaluationJob>(await client.ask({ ...request, model: endless }))
  // A start takes less than a second of the processor. An idle evaluator takes nothing.
  const atWork = () => evaluators().find(pid => processorSeconds(pid) > 2)
  await until('the model is running', () => atWork() !== undefined, busyMachine)
  process.kill(atWork() ?? 0, 'SIGKILL')
  const ended = await json<EvaluationJob>(await fetch(`${server.url}/v1/jobs/${asked.id}?wait=45`))
  expect(ended).toMatchObject({ status: 'failed', error: { code: 'TUREEN_EVALUATION_CRASHED', status: 422 } })
})
