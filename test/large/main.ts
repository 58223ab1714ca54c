import { openAsBlob, readFileSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataset } from '../../schemas/dataset.ts'
import { evaluationJob, mergeJob } from '../../schemas/job.ts'
import { model as modelSchema } from '../../schemas/model.ts'
import { commandLine } from '../../src/command-line.ts'
import { npz } from '../support/npz.ts'
import { spawnServer } from '../support/server.ts'
import { killServer } from '../support/server-group.ts'
import { dataLocation, rowElements, writeLargeModel } from './large-model.ts'

/**
 * `npm run large -- --bytes 3000000000`: two models with external data of that size are uploaded, merged, downloaded and evaluated
 * over HTTP. Compares every weight of the soup with the mean of the two, and says how much memory the server took at most.
 */
const command = commandLine('usage: npm run large -- [--bytes N] [--evaluate]')
const { values } = command.parse({
  options: { bytes: { type: 'string' }, evaluate: { type: 'boolean', default: false } },
})
const bytes = command.wholeNumber('bytes', values.bytes, 1, 3_000_000_000)
const say = (line: string) => void process.stdout.write(`${line}\n`)

async function timed<Value>(what: string, run: () => Promise<Value>): Promise<Value> {
  const started = performance.now()
  const value = await run()
  const seconds = (performance.now() - started) / 1000
  say(
    `${what}: ${seconds.toFixed(1)} s, the server at ${peakMegabytes(server.process.pid).toFixed(0)} MB at most so far`,
  )
  return value
}

async function answer(response: Response): Promise<unknown> {
  if (response.ok) return response.json()
  throw new Error(`${response.url} was answered ${response.status}: ${await response.text()}`)
}

/** The most memory that a process has had resident, in MB. */
function peakMegabytes(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Compares a stream of float32 with the mean of two files. @returns how many bytes were compared */
async function compareWithMean(stream: AsyncIterable<Uint8Array>, first: string, second: string): Promise<number> {
  const [a, b] = await Promise.all([open(first), open(second)])
  try {
    let done = 0
    for await (const chunk of stream) {
      const x = Buffer.alloc(chunk.byteLength)
      const y = Buffer.alloc(chunk.byteLength)
      await a.read(x, 0, chunk.byteLength, done)
      await b.read(y, 0, chunk.byteLength, done)
      const got = Buffer.from(chunk)
      // Chunks end anywhere; the few elements across their edges are left to the others.
      for (let at = (4 - (done % 4)) % 4; at + 4 <= chunk.byteLength; at += 4) {
        const mean = Math.fround((x.readFloatLE(at) + y.readFloatLE(at)) / 2)
        if (got.readFloatLE(at) !== mean)
          throw new Error(`the element at byte ${done + at} is ${got.readFloatLE(at)}, not ${mean}`)
      }
      done += chunk.byteLength
    }
    return done
  } finally {
    await Promise.all([a.close(), b.close()])
  }
}

const directory = await mkdtemp(join(tmpdir(), 'tureen-large-'))
const server = await spawnServer(join(directory, 'data'), { TUREEN_EVAL_MEMORY: String(24 * 2 ** 30) })
try {
  const models = await timed('two models written', () =>
    Promise.all([1, 2].map(seed => writeLargeModel(directory, `model${seed}`, bytes, seed))),
  )
  const idle = peakMegabytes(server.process.pid)
  const ids: string[] = []
  for (const { main, data } of models) {
    const form = new FormData()
    form.append('model', await openAsBlob(main), 'model.onnx')
    form.append('data', await openAsBlob(data), dataLocation)
    const upload = () => fetch(`${server.url}/v1/models`, { method: 'POST', body: form })
    ids.push(modelSchema.parse(await answer(await timed('uploaded', upload))).id)
  }
  const post = (path: string, body: object) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const finished = async (id: string) => {
    for (;;) {
      const job = Object(await answer(await fetch(`${server.url}/v1/jobs/${id}?wait=60`)))
      if (job.finishedAt) return job
    }
  }
  const soup = await timed('merged', async () => {
    const { id } = mergeJob.parse(await answer(await post('/v1/merges', { models: ids.map(each => ({ id: each })) })))
    const { result, error } = mergeJob.parse(await finished(id))
    if (!result) throw new Error(JSON.stringify(error))
    return result.model
  })
  const compared = await timed('downloaded and compared', async () => {
    const response = await fetch(`${server.url}/v1/models/${soup.id}/data/${dataLocation}`)
    const [first, second] = models
    return compareWithMean(response.body ?? (async function* () {})(), first?.data ?? '', second?.data ?? '')
  })
  say(`every one of ${compared} bytes of weights is the mean`)
  const peak = peakMegabytes(server.process.pid)
  say(
    `the server took ${peak.toFixed(0)} MB at most (${idle.toFixed(0)} MB idle) for two models of ${(bytes / 1e6).toFixed(0)} MB`,
  )
  if (values.evaluate) {
    const rows = models[0]?.rows ?? 0
    const index = BigInt64Array.from({ length: 32 }, (_, sample) => BigInt(Math.floor((sample * rows) / 32)))
    const data = npz({
      index: { descr: '<i8', shape: [32], data: index },
      target: { descr: '<f4', shape: [32, rowElements], data: new Float32Array(32 * rowElements) },
    })
    const uploaded = await fetch(`${server.url}/v1/datasets`, { method: 'POST', body: data })
    const { id } = dataset.parse(await answer(uploaded))
    const request = { model: soup.id, dataset: id, inputs: { index: 'index' }, target: 'target', metrics: ['mae'] }
    await timed('evaluated', async () => {
      const job = evaluationJob.parse(await answer(await post('/v1/evaluations', request)))
      const { result, error } = evaluationJob.parse(await finished(job.id))
      say(result ? `the sums are ${result.metrics['mae']} on average` : JSON.stringify(error))
      if (!result) process.exitCode = 1
    })
  }
} finally {
  await killServer(server)
  await rm(directory, { recursive: true, force: true })
}
