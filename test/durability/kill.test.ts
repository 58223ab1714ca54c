import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { digestOf, type HeavyModel, heavyModel, modelBuffer, modelBytes, soupBytes } from '../support/heavy-model.ts'
import { type KeptMerge, type KeptModel, killLedger, type Operation } from '../support/kill-ledger.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, killServer, serverGroup, stopServer } from '../support/server-group.ts'
import {
  downloadDigest,
  job,
  type ListedJob,
  listAll,
  type MergeJob,
  merge as postMerge,
} from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

/** Elements of the tensors of each network that models are variants of: 0.1, 0.5, 2 and 8 MB. The small ones are more common. */
const networks = [
  [20_000, 5_000],
  [20_000, 5_000],
  [1, 130_000],
  [250_000, 250_001],
  [2_000_000, 100, 3],
]
/** Of 30 MB, so that its upload takes a while. */
const largeNetwork = [7_500_000]
/** Beyond this, clients rather delete: every byte that is kept is read again after every kill. */
const fullBytes = 30e6
const clients = 3

/**
 * What each kill is to land in; the first one comes before these. Every kind once, for a kill takes seconds of the processors:
 * `npm run soak` is for hundreds of them.
 */
type Target = 'anything' | 'upload' | 'merge' | 'delete' | 'start'
const targets: Target[] = ['anything', 'anything', 'upload', 'merge', 'delete', 'start']
const kills = 1 + targets.length

test(`${kills} SIGKILLs lose nothing acknowledged and leave nothing half (TUREEN_TEST_SEED=${runSeed})`, async ({
  annotate,
}) => {
  const random = seededRandom(runSeed)
  const ledger = killLedger()
  const data = await servers.data()
  const problems: string[] = []
  const hits = new Map<string, number>()
  const hit = (what: string, times = 1) => hits.set(what, (hits.get(what) ?? 0) + times)
  let server: SpawnedServer
  let killed = true
  let names = 0
  const newName = (kind: string) => {
    names += 1
    return `${kind}-${names}`
  }

  /** Sends a request that changes something, and keeps what it was answered. Does not throw. */
  const attempt = async (
    operation: Operation,
    send: () => Promise<Response>,
    keep: (answer: Response) => Promise<void>,
  ) => {
    ledger.underWay.add(operation)
    try {
      const answer = await send()
      await keep(answer)
      ledger.underWay.delete(operation)
    } catch (error) {
      if (!killed) problems.push(`${operation.kind}: ${error} ${error instanceof Error ? error.cause : ''}`)
    }
  }
  const unexpected = async (what: string, answer: Response) =>
    problems.push(`${what}: ${answer.status} ${await answer.text().catch(() => '')}`)
  /** The id in an answer; undefined if the server died between its head and its body. */
  const idOf = async (answer: Response): Promise<string | undefined> => {
    try {
      return JSON.parse(await answer.text()).id
    } catch {
      return undefined
    }
  }

  const upload = async (source: HeavyModel, raw: boolean) => {
    const name = newName(raw ? 'raw' : 'form')
    const operation = { kind: 'upload' as const, name, source, sha256: digestOf(modelBytes(source)) }
    const url = `${server.url}/v1/models?name=${name}&label=of:${name}`
    const send = () => {
      if (raw) return fetch(url, { method: 'POST', body: ReadableStream.from(modelBytes(source)), duplex: 'half' })
      const body = new FormData()
      body.append('model', new Blob([modelBuffer(source)]), 'model.onnx')
      return fetch(url, { method: 'POST', body })
    }
    await attempt(operation, send, async answer => {
      if (answer.status === 201) ledger.acknowledgeUpload(operation, await idOf(answer))
      else await unexpected(`the upload ${name}`, answer)
    })
  }

  const remove = async (model: KeptModel) => {
    const send = () => fetch(`${server.url}/v1/models/${model.id}`, { method: 'DELETE' })
    await attempt({ kind: 'delete', model }, send, async answer => {
      if (answer.status === 204) ledger.acknowledgeDelete(model)
      else if (answer.status !== 409) await unexpected(`deleting ${model.name}`, answer)
    })
  }

  const merge = async (models: readonly { model: KeptModel; source: HeavyModel }[]) => {
    const name = newName('merge')
    const inputs = models.map(({ model: { id }, source }) => ({ id, source, weight: random.integer(1, 5) }))
    const record: KeptMerge = { name, inputs, provenance: random.next() < 0.5, jobId: undefined, result: undefined }
    const query = random.next() < 0.3 ? '?wait=20' : ''
    const send = () =>
      fetch(`${server.url}/v1/merges${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          models: inputs.map(({ id, weight }) => ({ id, weight })),
          name,
          labels: { of: name },
          provenance: record.provenance,
        }),
      })
    await attempt({ kind: 'merge', merge: record }, send, async answer => {
      if (answer.status !== 202 && answer.status !== 200) return void (await unexpected(`the merge ${name}`, answer))
      ledger.acknowledgeMerge(record)
      record.jobId = await idOf(answer)
    })
  }

  const keptBytes = () => [...ledger.models.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  const newModel = (network: readonly number[]) => heavyModel(network, random.integer(0, 2 ** 31))
  const freeModels = () => [...ledger.models.values()].filter(model => ledger.isFree(model))
  const uploadSomething = () => {
    const known = freeModels().flatMap(({ source }) => (source ? [source] : []))
    const again = known.length > 0 && random.next() < 0.2
    return upload(again ? random.pick(known) : newModel(random.pick(networks)), random.next() < 0.6)
  }
  const mergeSomething = async () => {
    const uploads = freeModels().flatMap(model => (model.source ? [{ model, source: model.source }] : []))
    if (uploads.length === 0) return
    const { tensors } = random.pick(uploads).source
    const variants = uploads.filter(({ source }) => source.tensors.join() === tensors.join())
    await merge(Array.from({ length: random.integer(1, 8) }, () => random.pick(variants)))
  }
  const removeSomething = async () => {
    const models = freeModels()
    if (models.length > 0) await remove(random.pick(models))
  }
  const work = async () => {
    while (!killed) {
      const dice = random.next()
      if (keptBytes() > fullBytes && dice < 0.7) await removeSomething()
      else if (dice < 0.5) await uploadSomething()
      else if (dice < 0.8) await mergeSomething()
      else await removeSomething()
      await delay(random.next() * 20)
    }
  }

  /** Lets clients work until the server is killed in the middle of it. */
  const workAndKill = async (target: Exclude<Target, 'start'>) => {
    killed = false
    const working = Array.from({ length: clients }, work)
    await delay(random.next() * 500)
    const begin = {
      anything: () => [],
      upload: () => [upload(newModel(largeNetwork), true), upload(newModel([2_000_000, 100, 3]), false)],
      merge: () => [mergeSomething(), mergeSomething(), mergeSomething()],
      delete: () => random.shuffled(freeModels()).slice(0, 5).map(remove),
    }
    const within = { anything: 1, upload: 200, merge: 100, delete: 8 }
    // Again and again, until it is under way at the very moment: how long it takes is the machine's business.
    do {
      working.push(...begin[target]())
      await delay(random.next() * within[target])
    } while (target !== 'anything' && ![...ledger.underWay].some(({ kind }) => kind === target))
    for (const { kind } of ledger.underWay) hit(`${kind}s under way`)
    killed = true
    await killServer(server)
    await Promise.all(working)
  }

  /** Kills servers that have just been started, until one has not served yet. Jobs get on in between, or the third kill would fail them. */
  const killWhileStarting = async () => {
    for (let served = true; served; ) {
      const { process, output, ended } = servers.launch(data)
      await delay(random.next() * 400)
      process.kill('SIGKILL')
      await ended
      served = output.join('').includes('Tureen is serving')
      hit(served ? 'just started' : 'starting')
      if (!served) continue
      server = await servers.start(data)
      await look()
      await killServer(server)
    }
  }

  /**
   * What the store and the jobs are while nothing changes, with the files on the disk. No job is left that has been started twice:
   * it would fail when the server dies during its third start.
   */
  const look = async (): Promise<{ models: ModelRecord[]; jobs: MergeJob[] }> => {
    const states = (jobs: readonly ListedJob[]) => jobs.map(({ id, status }) => `${id} ${status}`).join()
    for (const deadline = performance.now() + 30_000; ; await delay(10)) {
      const jobs = await listAll(server.url, 'jobs')
      const models = await listAll(server.url, 'models')
      const files = await filesIn(data)
      const unchanged = states(jobs) === states(await listAll(server.url, 'jobs'))
      const contents = [...new Set(models.map(({ sha256 }) => sha256))].sort()
      const unfinishedJobs = jobs.filter(({ status }) => status === 'running' || status === 'queued')
      const unfinished = unfinishedJobs.length
      const mayDie = unfinishedJobs.every(({ attempts }) => attempts < 2)
      const agrees = contents.join() === files.content.join() && files.incoming.length <= unfinished
      if (unchanged && agrees && mayDie)
        return { models, jobs: await Promise.all(jobs.map(({ id }) => job(server.url, id))) }
      if (performance.now() > deadline) {
        expect({ content: files.content }).toEqual({ content: contents })
        expect(files.incoming.slice(unfinished)).toEqual([])
        throw new Error('the jobs do not come to rest')
      }
    }
  }

  const checked = new Set<string>()
  /** Reads everything that is kept, and compares soups with what they must be. */
  const readAll = async () => {
    const soups = new Map([...ledger.merges.values()].map(each => [each.result?.id, each]))
    for (const { id, name, sha256, bytes } of ledger.models.values()) {
      const soup = soups.get(id)
      const read = await downloadDigest(server.url, id, soup?.inputs[0]?.source.bytes ?? 0)
      if (read.sha256 !== sha256 || read.bytes !== bytes)
        problems.push(`the content of ${name} is ${JSON.stringify(read)}`)
      if (!soup || checked.has(id)) continue
      checked.add(id)
      // With provenance the same bytes, and its metadata behind them.
      const right = digestOf(soupBytes(soup.inputs.map(({ source, weight }) => ({ model: source, weight }))))
      if ((soup.provenance ? read.prefixSha256 : read.sha256) !== right) problems.push(`the soup ${name} is wrong`)
    }
  }

  const inspect = async () => {
    const { models, jobs } = await look()
    const { wrong, happened, not } = ledger.settle(models, jobs)
    problems.push(...wrong)
    for (const kind of happened) hit(`${kind}s that happened`)
    for (const kind of not) hit(`${kind}s that did not`)
    await readAll()
  }

  server = await servers.start(data)
  killed = false
  for (const network of networks) await upload(newModel(network), true)
  // The server is up already when the first kill is due.
  const order: Target[] = ['anything', ...random.shuffled(targets)]
  for (const [round, target] of order.entries()) {
    if (target === 'start') {
      await killWhileStarting()
    } else {
      await workAndKill(target)
    }
    const left = (await filesIn(data)).incoming
    hit('unfinished files left', left.length)
    if (order[round + 1] === 'start') continue
    server = await servers.start(data)
    const begun = await listAll(server.url, 'jobs')
    hit('jobs taken up again', begun.filter(({ status }) => status === 'running' || status === 'queued').length)
    const { incoming } = await filesIn(data)
    expect(left.filter(name => incoming.includes(name))).toEqual([])
    await inspect()
    expect(problems, `after kill ${round + 1} (${target})`).toEqual([])
  }

  // Everything acknowledged comes to its end, and comes out as it does undisturbed.
  for (const { name, jobId } of ledger.merges.values())
    expect(await job(server.url, jobId ?? '', 30), name).toMatchObject({ status: 'succeeded' })
  await inspect()
  expect(problems).toEqual([])
  expect((await filesIn(data)).incoming).toEqual([])
  for (const { name } of ledger.merges.values())
    expect((await listAll(server.url, 'models', `name=${name}`)).length, name).toBeLessThanOrEqual(1)
  const repeatable = [...ledger.merges.values()].filter(({ inputs }) => inputs.every(({ id }) => ledger.models.has(id)))
  for (const { inputs, provenance, result, name } of repeatable) {
    const models = inputs.map(({ id, weight }) => ({ id, weight }))
    const again = await postMerge(server.url, { models, provenance }, 30)
    expect(again.result?.model.sha256, name).toBe(result?.sha256)
  }
  expect((await stopServer(server)).code).toBe(0)
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  expect(catalog.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  catalog.close()

  hit('merges', ledger.merges.size)
  hit('merges repeated', repeatable.length)
  hit('models kept', ledger.models.size)
  hit('models deleted', ledger.deleted.size)
  await annotate([...hits].map(([what, times]) => `${times} ${what}`).join(', '))
  // That jobs are taken up again is what restart.test.ts is for: here it depends on how busy the machine is whether a kill meets one.
  for (const what of ['uploads under way', 'merges under way', 'deletes under way', 'starting'])
    expect(hits.get(what) ?? 0, what).toBeGreaterThan(0)
}, 120_000)
