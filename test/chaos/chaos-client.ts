import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { digestOf, heavyModel, modelBuffer, soupBytes } from '../support/heavy-model.ts'
import { lineData, lineModel } from '../support/line-models.ts'
import type { Random } from '../support/random.ts'
import { serverSentEvents } from '../support/server-sent-events.ts'
import type { ChaosLedger, StartedJob, UploadedModel } from './chaos-ledger.ts'
import type { PatientFetch } from './patient-fetch.ts'

/** Elements of each tensor of the uploaded models. A few of them are large enough to be sent in parts. */
const [small, large] = [[2_000, 30], [4_500_000]] as const

/** Models that stay. Searches and evaluations use them. */
export type FixedInputs = { models: string[]; dataset: string }

const created = z.object({ id: z.string() })

/** A client that uploads, deletes, merges, searches, evaluates and cancels at random, and writes down what it is told. */
export function chaosClient(send: PatientFetch, ledger: ChaosLedger, replicas: () => string[], random: Random) {
  let names = 0
  const newName = (kind: string) => `${kind}-${names++}`
  const post = (path: string, body: object) =>
    send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(body),
    })
  const add = async (path: string, body: Uint8Array<ArrayBuffer>): Promise<string> => {
    const headers = { 'content-type': 'application/octet-stream', 'idempotency-key': randomUUID() }
    const { status, text } = await send(path, { method: 'POST', headers, body })
    if (status !== 201) throw new Error(`POST ${path} was answered with ${status}: ${text}`)
    return created.parse(JSON.parse(text)).id
  }
  const use = (ids: readonly string[], change: 1 | -1) => {
    for (const id of ids) ledger.inUse.set(id, (ledger.inUse.get(id) ?? 0) + change)
  }
  const free = () => [...ledger.uploads.values()].filter(({ id }) => (ledger.inUse.get(id) ?? 0) === 0)

  const upload = async () => {
    const isLarge = random.next() < 0.03
    // Some uploads have the bytes of an earlier one, which may just be going.
    const known = random.next() < 0.2 ? free() : []
    const source =
      known.length > 0 && !isLarge
        ? random.pick(known).source
        : heavyModel(isLarge ? large : small, random.integer(0, 1e9))
    const name = newName('upload')
    const id = await add(`/v1/models?name=${name}`, modelBuffer(source))
    ledger.uploads.set(id, { id, name, sha256: digestOf([modelBuffer(source)]), source })
    ledger.count('uploads')
  }
  const remove = async () => {
    const among = free()
    if (among.length < 10) return
    const { id } = random.pick(among)
    ledger.uploads.delete(id)
    const { status, text } = await send(`/v1/models/${id}`, { method: 'DELETE' })
    // The answer to an earlier try may have been lost.
    if (status !== 204 && status !== 404) ledger.problem(`a deletion was answered with ${status}: ${text}`)
    ledger.deleted.add(id)
    ledger.count('deletions')
  }
  const start = async (kind: StartedJob['kind'], path: string, request: object, soup?: string) => {
    const name = newName(kind)
    const { status, text } = await post(
      path,
      kind === 'evaluation' ? { ...request, labels: { of: name } } : { ...request, name },
    )
    if (status !== 202) {
      ledger.problem(`${kind} was answered with ${status}: ${text}`)
      return undefined
    }
    const job: StartedJob = { id: created.parse(JSON.parse(text)).id, kind, name, soup, isCancelled: false }
    ledger.jobs.set(job.id, job)
    ledger.count(`${kind} jobs`)
    return job
  }
  const merge = async () => {
    const among = free().filter(({ source }) => source.tensors === small)
    if (among.length < 2) return undefined
    const inputs: UploadedModel[] = Array.from({ length: random.integer(2, 5) }, () => random.pick(among))
    const ids = inputs.map(({ id }) => id)
    const soup = digestOf(soupBytes(inputs.map(({ source }) => ({ model: source, weight: 1 }))))
    use(ids, 1)
    const job = await start('merge', '/v1/merges', { models: ids.map(id => ({ id })), provenance: false }, soup)
    // The job protects its inputs from now on, and a deletion would be 409: so they stay to the end.
    if (!job) use(ids, -1)
    return job
  }
  /** Follows the events of a job to the last one, on another replica whenever a connection ends. */
  const follow = async ({ id }: StartedJob) => {
    let last = 0
    for (let tries = 0; tries < 600; tries += 1) {
      const [url] = random.shuffled(replicas())
      try {
        if (url === undefined) throw new Error('no replica is up')
        const headers: Record<string, string> = last > 0 ? { 'last-event-id': String(last) } : {}
        const response = await fetch(`${url}/v1/jobs/${id}/events`, { headers, signal: AbortSignal.timeout(60_000) })
        if (response.status !== 200) throw new Error(`answered with ${response.status}`)
        for await (const { id: sequence, event } of serverSentEvents(response)) {
          if (Number(sequence) <= last) ledger.problem(`the events of ${id} go from ${last} to ${sequence}`)
          last = Number(sequence)
          if (event === 'done') return ledger.count('event streams')
        }
      } catch {
        await delay(200)
      }
    }
    ledger.problem(`the events of ${id} have no end`)
  }
  const cancel = async (job: StartedJob) => {
    const { status, text } = await send(`/v1/jobs/${job.id}/cancel`, { method: 'POST' })
    if (status === 202) job.isCancelled = true
    else if (status !== 409) ledger.problem(`a cancel was answered with ${status}: ${text}`)
    ledger.count('cancellations')
  }

  return {
    /** Uploads the models and the data set that stay. The mean of the last two models fits the data exactly. */
    async fill(): Promise<FixedInputs> {
      const models: string[] = []
      for (const slope of [1, 2, 4]) models.push(await add(`/v1/models?name=line-${slope}`, lineModel(slope)))
      const data = lineData([1, 2, 3, 5].map(x => ({ x: [x], target: 3 * x })))
      for (let index = 0; index < 12; index += 1) await upload()
      return { models, dataset: await add('/v1/datasets?name=lines', data) }
    },
    upload,
    remove,
    async startJob({ models, dataset }: FixedInputs) {
      const dice = random.next()
      const data = { dataset, metric: 'mse', inputs: { x: 'x' }, target: 'target' }
      const job = await (dice < 0.6
        ? merge()
        : dice < 0.8
          ? start('search', '/v1/searches', {
              models: models.map(id => ({ id })),
              strategy: { type: 'exhaustive' },
              selection: data,
            })
          : start('evaluation', '/v1/evaluations', {
              model: random.pick(models),
              dataset,
              inputs: { x: 'x' },
              target: 'target',
              metrics: [{ name: 'allClose', atol: random.next() }],
            }))
      if (!job) return
      const second = random.next()
      if (second < 0.1) await cancel(job)
      else if (second < 0.4) await follow(job)
    },
  }
}
