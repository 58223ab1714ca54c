import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { Random } from '../support/random.ts'
import type { KeptJob, SoakRecord } from './soak-record.ts'

/** A client that does random things and writes down what it is told. */
export type Client = {
  /** A data set and two models that stay. */
  fill(): Promise<void>
  act(random: Random): Promise<void>
  /** Compares everything the server has with the record, byte for byte. */
  check(): Promise<void>
  untilIdle(seconds: number): Promise<void>
}

type Job = {
  id: string
  labels: Record<string, string>
  type: string
  status: string
  attempts: number
  result?: { model?: { id: string; sha256: string } }
  error?: { code: string }
}
type Model = { id: string; name: string | null; sha256: string }

/** 4 MB of bias: enough for an upload, a merge and a download to be met by a kill. */
const width = 1_000_000
const firstWeights = 4
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const finished = new Set(['succeeded', 'failed', 'cancelled'])
/** Beyond this, models are rather deleted: all are read after every kill. */
const mostModels = 25

function modelOf(weight: number): Uint8Array<ArrayBuffer> {
  return weight % 3 === 0 ? largeModel(weight) : linearModel([weight], [1])
}

/** What a merge must come to: the same file with the mean of its weights, in binary64 from left to right. */
function soupOf(soup: NonNullable<KeptJob['soup']>): Uint8Array<ArrayBuffer> {
  const [first] = soup
  const large = (first?.value ?? 0) % 3 === 0
  const total = soup.reduce((sum, { weight }) => sum + weight, 0)
  const equal = soup.every(({ value }) => value === first?.value)
  const mean = equal ? (first?.value ?? 0) : soup.reduce((sum, { value, weight }) => sum + value * weight, 0) / total
  return large ? largeModel(mean) : linearModel([mean], [1])
}

const largeModel = (value: number) => linearModel(new Array(width).fill(value), new Array(width).fill(1))

export function soakClient(url: string, record: SoakRecord): Client {
  const { models, jobs } = record
  const get = async <Body>(path: string): Promise<Body> => JSON.parse(await (await fetch(url + path)).text())
  const upload = async (weight: number) => {
    const name = record.newName()
    record.unsure.add(name)
    const bytes = modelOf(weight)
    const response = await fetch(`${url}/v1/models?name=${name}`, { method: 'POST', body: bytes })
    const text = await response.text()
    if (response.status !== 201) return record.problem(`the upload ${name} answered ${response.status}: ${text}`)
    const { id }: Model = JSON.parse(text)
    models.set(id, { id, name, sha256: sha256(bytes), weight })
    record.unsure.delete(name)
    record.count('uploads')
  }
  const small = () =>
    [...models.values()].filter(({ id, weight }) => weight !== null && weight % 3 !== 0 && !record.unsure.has(id))
  const create = async (
    kind: string,
    path: string,
    request: object,
    inputs: string[],
  ): Promise<KeptJob | undefined> => {
    const name = record.newName()
    record.unsure.add(name)
    const named = kind === 'evaluation' ? request : { ...request, name }
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...named, labels: { of: name } }),
    })
    const text = await response.text()
    if (response.status === 404) return undefined
    if (response.status !== 202) return void record.problem(`${kind} answered ${response.status}: ${text}`)
    const { id }: Job = JSON.parse(text)
    const job = { id, kind, cancelled: false, inputs, settled: false }
    jobs.set(id, job)
    record.unsure.delete(name)
    record.count(`${kind} jobs`)
    return job
  }
  let dataset = ''
  const datasetId = async () => {
    if (dataset === '') dataset = (await get<{ items: { id: string }[] }>('/v1/datasets')).items[0]?.id ?? ''
    return dataset
  }
  const merge = async (random: Random, among = small()) => {
    const chosen = Array.from({ length: random.integer(1, 6) }, () => random.pick(among))
    const weighted = chosen.map(({ id, weight }) => ({ id, value: weight ?? 0, weight: random.integer(1, 5) }))
    const request = { models: weighted.map(({ id, weight }) => ({ id, weight })), provenance: false }
    const job = await create(
      'merge',
      '/v1/merges',
      request,
      chosen.map(({ id }) => id),
    )
    if (job) job.soup = weighted
    return job
  }

  const actions: Record<string, (random: Random) => Promise<unknown>> = {
    upload: random => upload(random.integer(1, 1000)),
    merge: random => merge(random),
    async 'merge of large models'(random) {
      const large = [...models.values()].filter(
        ({ id, weight }) => weight !== null && weight % 3 === 0 && !record.unsure.has(id),
      )
      if (large.length > 0) await merge(random, large)
    },
    async evaluation(random) {
      const { id } = random.pick(small())
      const metrics = [{ name: 'allClose', atol: random.next() }]
      await create(
        'evaluation',
        '/v1/evaluations',
        { model: id, dataset: await datasetId(), inputs: { x: 'x' }, target: 't', metrics },
        [id],
      )
    },
    async search(random) {
      const [a, b, c] = random.shuffled(small())
      if (!a || !b || !c) return
      const selection = { dataset: await datasetId(), metric: 'mse', inputs: { x: 'x' }, target: 't' }
      const inputs = [a.id, b.id, c.id]
      await create(
        'search',
        '/v1/searches',
        { models: inputs.map(id => ({ id })), strategy: { type: 'exhaustive' }, selection },
        inputs,
      )
    },
    async cancellation(random) {
      const job = await merge(random)
      if (!job) return
      const response = await fetch(`${url}/v1/jobs/${job.id}/cancel`, { method: 'POST' })
      await response.arrayBuffer()
      if (response.status === 202) job.cancelled = true
      else if (response.status !== 409) record.problem(`a cancellation answered ${response.status}`)
      record.count('cancellations')
    },
    async deletion(random) {
      const free = [...models.values()].slice(firstWeights).filter(({ id }) => !record.unsure.has(id))
      if (free.length === 0) return
      const { id } = random.pick(free)
      record.unsure.add(id)
      const response = await fetch(`${url}/v1/models/${id}`, { method: 'DELETE' })
      await response.arrayBuffer()
      if (response.status === 204) models.delete(id)
      else if (response.status !== 409) record.problem(`a deletion answered ${response.status}`)
      record.unsure.delete(id)
      record.count('deletions')
    },
    async 'hang-up'(random) {
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.on('error', () => undefined)
      const body = modelOf(3)
      socket.write(`POST /v1/models HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.byteLength}\r\n\r\n`)
      socket.write(body.subarray(0, random.integer(1, body.byteLength - 1)))
      await delay(random.next() * 100)
      socket.resetAndDestroy()
      record.count('hang-ups')
    },
    async download(random) {
      const { id, sha256: right } = random.pick([...models.values()].slice(0, firstWeights))
      const bytes = new Uint8Array(await (await fetch(`${url}/v1/models/${id}/content`)).arrayBuffer())
      if (sha256(bytes) !== right) record.problem(`the content of ${id} is ${sha256(bytes)}`)
      record.count('downloads')
    },
  }
  const names = Object.keys(actions)

  /** What was under way when a server died has happened wholly or not at all; takes over which. */
  const settle = async () => {
    const found = (await get<{ items: Model[] }>('/v1/models?limit=500')).items
    const byId = new Map(found.map(model => [model.id, model]))
    const allJobs = (await get<{ items: Job[] }>('/v1/jobs?limit=500')).items
    const whole = await Promise.all(allJobs.map(({ id }) => get<Job>(`/v1/jobs/${id}`)))
    const made = new Set(whole.flatMap(({ result }) => result?.model?.id ?? []))
    for (const model of found) {
      if (models.has(model.id)) continue
      const { id, name, sha256 } = model
      if (made.has(id) || record.unsure.has(name ?? '')) models.set(id, { id, name: name ?? '', sha256, weight: null })
      else record.problem(`nobody has been told of the model ${name} (${id})`)
    }
    for (const { id, labels } of allJobs)
      if (!jobs.has(id) && !record.strayJobs.has(id)) {
        if (record.unsure.has(labels['of'] ?? '')) record.strayJobs.add(id)
        else record.problem(`nobody has asked for the job ${id}`)
      }
    for (const { id, name, sha256: right } of [...models.values()]) {
      const model = byId.get(id)
      if (!model && record.unsure.has(id)) models.delete(id)
      else if (!model) record.problem(`the acknowledged model ${name} (${id}) is lost`)
      else if (model.sha256 !== right) record.problem(`the model ${name} (${id}) has become ${model.sha256}`)
    }
    record.unsure.clear()
  }

  const unfinished = async (): Promise<Job[]> => {
    const states = ['queued', 'running'].map(status => get<{ items: Job[] }>(`/v1/jobs?limit=500&status=${status}`))
    return (await Promise.all(states)).flatMap(({ items }) => items)
  }

  return {
    async fill() {
      const array = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
      const body = npz({ x: array, t: array })
      const response = await fetch(`${url}/v1/datasets`, { method: 'POST', body })
      if (response.status !== 201) throw new Error(await response.text())
      record.keepDataset(sha256(body))
      for (const weight of [1, 2, 4, 3]) await upload(weight)
    },
    async act(random) {
      const action = models.size > mostModels && random.next() < 0.6 ? 'deletion' : random.pick(names)
      await actions[action]?.(random)
    },
    async check() {
      // The server is killed again and again: a job fails when it is killed during the job's third start.
      while ((await unfinished()).some(({ attempts }) => attempts >= 2)) await delay(50)
      await settle()
      for (const { id, name, sha256: right } of [...models.values()]) {
        const response = await fetch(`${url}/v1/models/${id}/content`)
        const bytes = new Uint8Array(await response.arrayBuffer())
        if (sha256(bytes) !== right)
          record.problem(`the content of ${name} (${id}) answered ${response.status} with ${sha256(bytes)}`)
      }
      for (const job of jobs.values()) {
        if (job.settled) continue
        const now = await get<Job>(`/v1/jobs/${job.id}`)
        if (now.id !== job.id) record.problem(`the acknowledged ${job.kind} ${job.id} is lost`)
        if (!finished.has(now.status)) continue
        job.settled = true
        const right = job.cancelled ? ['cancelled'] : ['succeeded']
        if (!right.includes(now.status))
          record.problem(`the ${job.kind} ${job.id} has ${now.status}: ${JSON.stringify(now.error)}`)
        if (job.soup && now.result?.model && now.result.model.sha256 !== sha256(soupOf(job.soup)))
          record.problem(`the soup of ${job.id} is not the mean`)
        record.count(`jobs that have ${now.status}`)
      }
      record.count('checks')
    },
    async untilIdle(seconds) {
      for (const end = performance.now() + seconds * 1000; performance.now() < end; await delay(200)) {
        if ((await unfinished()).length === 0) return
      }
      record.problem(`jobs are unfinished after ${seconds} seconds of rest`)
    },
  }
}
