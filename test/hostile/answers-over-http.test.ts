import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { type HostileServer, startHostile } from '../support/hostile-server.ts'
import { json, postJson } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'

const partial = `json('partial', { type: 'evaluated', outcome })`

/** Answers to an evaluation. The first is as it should be. */
const answers = [
  ['a score', `answer()`],
  ['null', `write('null\\n'); wait()`],
  ["a message of Node's own channel", `write('{"cmd":"NODE_HANDLE_ACK"}\\n'); wait()`],
  ['20 bytes of garbage', `write(Buffer.alloc(20, 0x9d)); wait()`],
  ['a length of 4 GiB', `write(Buffer.from([0xf0, 0xff, 0xff, 0xff, 5])); wait()`],
  ['a detail of 50 MB', `problem({ detail: 'x'.repeat(50e6) })`],
  ['a problem with an unknown code', `problem({ code: 'TUREEN_NOTHING' }); wait()`],
  ['the code that would run the job again', `problem({ code: 'TUREEN_EVALUATOR_UNAVAILABLE' }); wait()`],
  ['a flood of progress', `for (let done = 0; ; done += 1) json('progress', [done, 2 ** 50])`],
  ['a score that is a text', `score({ value: '0.5' }); wait()`],
  ['nothing, and its end', `process.exit(0)`],
] as const

/** Answers to a range of candidates. The first is as it should be. */
const rangeAnswers = [
  ['a score', `for (let rest = message.task.models.length; rest > 1; rest -= 1) ${partial}; answer()`],
  ['garbage after a score', `${partial}; write(Buffer.alloc(20, 0x9d)); wait()`],
  ['more scores than candidates', `for (;;) ${partial}`],
  ['scores by another metric', `score({ name: 'mae' }); wait()`],
  ['a score, and its end', `${partial}; process.kill(process.pid, 'SIGKILL')`],
] as const

const acts: string[] = [...answers, ...rangeAnswers].map(([, code]) => code)
const batchSizeOf = (code: string) => acts.indexOf(code) + 1

let server: HostileServer
let dataset: string
let models: string[]
beforeAll(async () => {
  server = await startHostile(acts)
  const client = evaluationClient(server.url)
  const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  dataset = (await client.addDataset(npz({ x: values, y: values }))).id
  models = []
  for (const weight of [1, 2, 3]) models.push(await client.addModel(linearModel([weight], [0])))
})
afterAll(() => server.stop())

const start = async (path: string, request: object): Promise<JobRecord> =>
  json(await postJson(`${server.url}${path}?wait=60`, request))
const evaluate = (code: string) =>
  start('/v1/evaluations', { model: models[0], dataset, target: 'y', metrics: ['mse'], batchSize: batchSizeOf(code) })
const search = (code: string) =>
  start('/v1/searches', {
    models: models.map(id => ({ id })),
    strategy: { type: 'exhaustive' },
    selection: { dataset, target: 'y', metric: 'mse', batchSize: batchSizeOf(code) },
  })

/** Expects that a job has failed for its hostile evaluator, and that the server goes on: it runs the next job. */
async function expectCrash(job: JobRecord, next: () => Promise<JobRecord>): Promise<void> {
  expect(job).toMatchObject({ status: 'failed', error: { code: 'TUREEN_EVALUATION_CRASHED' } })
  expect(server.process.exitCode).toBe(null)
  expect(await (await fetch(`${server.url}/v1/jobs/${job.id}`)).json()).toMatchObject({ status: 'failed' })
  expect(await next()).toMatchObject({ status: 'succeeded' })
}

test.each(answers.slice(1))('an evaluator that answers an evaluation with %s fails this job alone', async (_, code) => {
  await expectCrash(await evaluate(code), () => evaluate(answers[0][1]))
})

test.each(rangeAnswers.slice(1))('an evaluator that answers a search with %s fails this job alone', async (_, code) => {
  await expectCrash(await search(code), () => search(rangeAnswers[0][1]))
})
