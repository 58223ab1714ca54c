import { execFileSync, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AttackedServer, evaluatorsOf, startAttacked } from '../support/attacked-server.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import {
  constantFolding,
  customOperator,
  endlessLoop,
  growingLoop,
  identityModel,
  nestedFunctions,
  sixteenGibibytes,
} from '../support/hostile-models.ts'
import { expectTypedCauses } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { evaluating } from '../support/server.ts'

/** A server that is attacked, with a client of it, data and a harmless model. */
type Target = {
  server: AttackedServer
  client: ReturnType<typeof evaluationClient>
  datasetId: string
  identityId: string
}

/** One that waits long enough for whatever fails by itself, however busy the machine is, and one that does not wait for the others. */
let patient: Target
let hasty: Target

async function startTarget(seconds: number): Promise<Target> {
  const server = await startAttacked({
    ...evaluating,
    TUREEN_EVAL_SECONDS: String(seconds),
    TUREEN_EVAL_MEMORY: String(512 * 2 ** 20),
  })
  const client = evaluationClient(server.url)
  const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  const { id: datasetId } = await client.addDataset(npz({ x: values, y: values }))
  return { server, client, datasetId, identityId: await client.addModel(identityModel()) }
}

beforeAll(async () => {
  patient = await startTarget(60)
  hasty = await startTarget(3)
})
afterAll(async () => {
  await patient.server.stop()
  await hasty.server.stop()
})

const request = ({ datasetId }: Target, model: string) => ({
  model,
  dataset: datasetId,
  inputs: { x: 'x' },
  target: 'y',
  metrics: ['mse'],
})

/** Attacks with a model that is uploaded for it and deleted afterwards. */
function attackWith<Result>(
  { server, client }: Target,
  bytes: Uint8Array<ArrayBuffer>,
  use: (id: string) => Promise<Result>,
): Promise<Result> {
  return server.attack(async () => {
    const id = await client.addModel(bytes)
    const result = await use(id)
    expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
    return result
  })
}

async function expectStillWorking(target: Target): Promise<void> {
  const limit = 1 + Math.floor(Math.random() * 3)
  const { result } = await target.client.evaluate({ ...request(target, target.identityId), limit })
  expect(result?.metrics.mse).toBe(0)
}

describe('a model that harms whoever runs it fails its own job, with the reason, and nothing else', () => {
  test.each([
    ['runs forever', () => endlessLoop(), 'TUREEN_EVALUATION_TIMEOUT'],
    ['asks for 16 GiB at once', () => sixteenGibibytes(), 'TUREEN_EVALUATION_MEMORY'],
    ['grows and grows', () => growingLoop(), 'TUREEN_EVALUATION_MEMORY'],
    ['takes far too long to open', () => constantFolding(40), 'TUREEN_EVALUATION_TIMEOUT'],
    ['overflows the stack of onnxruntime', () => nestedFunctions(3000), 'TUREEN_EVALUATION_CRASHED'],
    ['has an operator that nobody knows', () => customOperator(), 'TUREEN_EVALUATION_FAILED'],
  ])('one that %s', async (_, make, code) => {
    const target = code === 'TUREEN_EVALUATION_TIMEOUT' ? hasty : patient
    const job = await attackWith(target, make(), id => target.client.evaluate(request(target, id)))
    expect(job.status).toBe('failed')
    expect(job.error).toMatchObject({ code, detail: expect.stringMatching(/.{20}/) })
    expectTypedCauses(Object(job.error))
    await expectStillWorking(target)
  })

  test("an unknown operator is named, in onnxruntime's words", async () => {
    const job = await attackWith(patient, customOperator(), id => patient.client.evaluate(request(patient, id)))
    expect(job.error?.detail).toContain('com.example.custom:Special')
  })

  test(
    'one whose process is aborted from inside',
    async () => {
      const job = await attackWith(patient, endlessLoop(), async id => {
        const { id: jobId } = Object(await (await patient.client.ask({ ...request(patient, id), limit: 2 })).json())
        process.kill(await busyChild(), 'SIGABRT')
        return Object(await (await fetch(`${patient.server.url}/v1/jobs/${jobId}?wait=50`)).json())
      })
      expect(job.error).toMatchObject({ code: 'TUREEN_EVALUATION_CRASHED', detail: expect.stringContaining('SIGABRT') })
      await expectStillWorking(patient)
    },
    busyTimeout,
  )

  test(
    'one that is cancelled stops at once, and its process is gone',
    async () => {
      await attackWith(patient, endlessLoop(), async id => {
        const { id: jobId } = Object(await (await patient.client.ask({ ...request(patient, id), limit: 1 })).json())
        const busy = await busyChild()
        const started = performance.now()
        await fetch(`${patient.server.url}/v1/jobs/${jobId}/cancel`, { method: 'POST' })
        while (isAlive(busy) && performance.now() - started < 20_000)
          await new Promise(resolve => setTimeout(resolve, 20))
        expect(performance.now() - started).toBeLessThan(10_000)
      })
      await expectStillWorking(patient)
    },
    busyTimeout,
  )
})

describe('the process that runs models', () => {
  test(
    'has an empty directory, none of the environment, no core files, memory within bounds, and the processor after the server',
    async () => {
      const id = await patient.client.addModel(endlessLoop())
      const { id: jobId } = Object(await (await patient.client.ask(request(patient, id))).json())
      const child = await busyChild()
      const read = (file: string) => execFileSync('cat', [`/proc/${child}/${file}`], { encoding: 'utf8' })
      expect(execFileSync('ls', ['-A', `/proc/${child}/cwd/`], { encoding: 'utf8' })).toBe('')
      const variables = read('environ')
        .split('\0')
        .map(entry => entry.split('=')[0])
      expect(
        variables.filter(
          name => name && !/^(PWD$|ORT_DISABLE_TELEMETRY$|NODE_COMPILE_CACHE$|OPENSSL_CONF$)/.test(name),
        ),
      ).toEqual([])
      expect(read('limits')).toMatch(/Max core file size\s+0\s+0/)
      expect(read('limits')).toMatch(/Max data size\s+\d+\s+\d+\s+bytes/)
      expect(read('status')).toMatch(/NoNewPrivs:\s+1/)
      // The niceness of each thread: behind the name in parentheses, field 19 of all (proc(5)).
      const threads = execFileSync('sh', ['-c', `cat /proc/${child}/task/*/stat`], { encoding: 'utf8' })
        .trim()
        .split('\n')
      const niceness = threads.map(line => Number(line.split(') ')[1]?.split(' ')[16]))
      expect(Math.min(...niceness)).toBeGreaterThan(0)
      await fetch(`${patient.server.url}/v1/jobs/${jobId}/cancel`, { method: 'POST' })
    },
    busyTimeout,
  )

  test('dies with its parent', async () => {
    const children = evaluatorsOf(hasty.server.pid)
    expect(children.length).toBeGreaterThan(0)
    process.kill(hasty.server.pid, 'SIGKILL')
    const started = performance.now()
    while (children.some(isAlive) && performance.now() - started < 10_000)
      await new Promise(resolve => setTimeout(resolve, 20))
    expect(children.filter(isAlive)).toEqual([])
  })
})

/** On a machine that is busy itself it takes a while until a child has had a second of its time. */
const busyTimeout = 90_000

/** Returns the busiest of the evaluators, as soon as it has had a second of the processor. */
async function busyChild(): Promise<number> {
  for (let attempt = 0; attempt < 1200; attempt += 1) {
    const evaluators = evaluatorsOf(patient.server.pid)
    const lines = evaluators.length === 0 ? [] : processesOf(evaluators)
    const busy = lines.filter(line => /^\s*\d+\s+R/.test(line)).map(line => line.trim().split(/\s+/))
    const longest = busy.sort((a, b) => Number(b[2]) - Number(a[2]))[0]
    if (longest && Number(longest[2]) >= 1) return Number(longest[0])
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('no evaluator is busy')
}

/** Returns the id, state and seconds of processor time of each process that lives. */
function processesOf(ids: readonly number[]): string[] {
  return spawnSync('ps', ['-o', 'pid=,stat=,times=', '-p', ids.join()], { encoding: 'utf8' }).stdout.split('\n')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' }))
  } catch {
    return false
  }
}
