import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, soupBytes } from '../support/heavy-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, hasCutOff, killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { downloadDigest, job, listAll, merge, until, upload } from '../support/store-client.ts'

const servers = serverGroup()

const megabyte = 1 << 18
const a = heavyModel([2 * megabyte, 1000], 1)
const b = heavyModel([2 * megabyte, 1000], 2)
const weightA = 2
const weightB = 3

/** One directory goes through all of this, from start to start: each start takes a second of the processor or more. */
let data: string
let server: SpawnedServer
let inputs: { id: string; weight: number }[]
/** The same two models again and again: much to compute, little to upload. */
let long: typeof inputs
beforeAll(async () => {
  data = await servers.data()
  server = await servers.start(data)
  const [modelA, modelB] = await Promise.all([upload(server.url, a, 'a'), upload(server.url, b, 'b')])
  inputs = [
    { id: modelA.id, weight: weightA },
    { id: modelB.id, weight: weightB },
  ]
  long = Array.from({ length: 200 }, () => inputs).flat()
})
afterAll(() => servers.remove())

/** True if the server has begun a job anew or finished it. Until it begins, the job may read as the killed server left it. */
async function isAtWorkAgain(id: string, startedBefore: string | null): Promise<boolean> {
  const { status, startedAt } = await job(server.url, id)
  return status === 'succeeded' || (status === 'running' && startedAt !== startedBefore)
}

/** What the long soup is, found out by a merge that nothing has disturbed. */
let undisturbed: string | undefined

describe('unfinished jobs', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)('start again at once after %s, with one effect each', async signal => {
    const names = ['first', 'second', 'third', 'fourth', 'fifth'].map(name => `${name} ${signal}`)
    const before = await listAll(server.url, 'models')
    const started = []
    for (const [index, name] of names.entries())
      started.push(await merge(server.url, { models: index === 0 ? long : inputs, name, provenance: false }))
    const [longest] = started
    if (!longest) throw new Error('no job')
    await until('the long job is at work', async () => (await job(server.url, longest.id)).progress !== null)
    const { status, startedAt } = await job(server.url, longest.id)
    expect(status).toBe('running')

    if (signal === 'SIGKILL') {
      await killServer(server)
      expect(jobStatus(data, longest.id)).toBe('running')
    } else {
      expect((await stopServer(server)).code).toBe(0)
      expect(await hasCutOff(server)).toBe(false)
      expect(jobStatus(data, longest.id)).toBe('queued')
      expect((await filesIn(data)).incoming).toEqual([])
    }

    server = await servers.start(data)
    await until('it is at work again', () => isAtWorkAgain(longest.id, startedAt))
    const again = await job(server.url, longest.id)
    expect(again.attempts).toBe(signal === 'SIGKILL' ? 2 : 1)
    const lag = Date.parse(again.startedAt ?? '') - servingSince(server)
    expect(lag).toBeGreaterThan(-1000)
    // At once, as a busy machine has it.
    expect(lag).toBeLessThan(30_000)

    for (const [index, { id }] of started.entries()) {
      const done = await job(server.url, id, 60)
      expect(done).toMatchObject({ status: 'succeeded' })
      expect(done).not.toHaveProperty('error')
      const results = await listAll(server.url, 'models', `name=${names[index]}`)
      expect(results.map(({ id, sha256 }) => ({ id, sha256 }))).toEqual([
        { id: done.result?.model.id, sha256: done.result?.model.sha256 },
      ])
    }
    const expected = digestOf(soupBytes(inputs.map(({ weight }, i) => ({ model: i === 0 ? a : b, weight }))))
    const short = await job(server.url, started[1]?.id ?? '')
    expect((await downloadDigest(server.url, short.result?.model.id ?? '')).sha256).toBe(expected)
    const models = await listAll(server.url, 'models')
    expect(models).toHaveLength(before.length + names.length)
    expect(models).toEqual(expect.arrayContaining(before))
    expect((await filesIn(data)).incoming).toEqual([])

    undisturbed ??= (await merge(server.url, { models: long, provenance: false }, 60)).result?.model.sha256
    expect(undisturbed).toMatch(/^sha256:/)
    expect((await job(server.url, longest.id)).result?.model.sha256).toBe(undisturbed)
  })

  test('that are killed at every start are still finished by the start that lives, and cancelled ones do not come back', async () => {
    const { id } = await merge(server.url, { models: long, name: 'soup' })
    const endless = Array.from({ length: 1000 }, () => ({ id: inputs[0]?.id ?? '', weight: 1 }))
    const { id: cancelled } = await merge(server.url, { models: endless, name: 'never' })
    await until('the job runs', async () => (await job(server.url, cancelled)).status === 'running')
    const response = await fetch(`${server.url}/v1/jobs/${cancelled}/cancel`, { method: 'POST' })
    expect(response.status).toBe(202)
    await response.arrayBuffer()
    for (let kills = 0; kills < 2; kills += 1) {
      const { startedAt } = await job(server.url, id)
      await killServer(server)
      server = await servers.start(data)
      await until('it is at work again', () => isAtWorkAgain(id, startedAt))
      expect((await job(server.url, cancelled)).status).toBe('cancelled')
    }
    expect((await job(server.url, id, 60)).status).toBe('succeeded')
    expect(await listAll(server.url, 'models', 'name=soup')).toHaveLength(1)
    expect((await job(server.url, cancelled)).status).toBe('cancelled')
    expect(await listAll(server.url, 'models', 'name=never')).toEqual([])
    await until('nothing is left of it', async () => (await filesIn(data)).incoming.length === 0)
  })
})

describe('a data directory', () => {
  test('is refused to a second server, which is told who has it', async () => {
    const refused = servers.launch(data)
    const { code } = await refused.ended
    expect(code).not.toBe(0)
    expect(code).not.toBeNull()
    const message = refused.output.join('')
    expect(message).toContain(data)
    expect(message).toMatch(new RegExp(`\\b${server.process.pid}\\b`))
    expect(message).toContain(server.url)
    expect(message).not.toContain('    at ')
  })

  test('goes, after a kill, to exactly one of several servers that are started at the same time, with all records', async () => {
    const records = async (url: string) => [await listAll(url, 'models'), await listAll(url, 'jobs')]
    const kept = await records(server.url)
    await killServer(server)
    const launched = [1, 2, 3].map(() => servers.launch(data))
    const refusals: string[] = []
    for (const { ended, output } of launched)
      ended.then(({ code }) => refusals.push(`${code}: ${output.join('')}`)).catch(() => {})
    const serving = () => launched.filter(({ output }) => output.join('').includes('Tureen is serving'))
    await until('one serves and the others are refused', () => serving().length === 1 && refusals.length === 2)
    for (const refusal of refusals) expect(refusal).toMatch(/^1: .*in use by/)
    const lines = serving().flatMap(({ output }) => output.join('').split('\n'))
    const { url } = JSON.parse(lines.find(line => line.includes('Tureen is serving')) ?? '{}')
    expect(await records(url)).toEqual(kept)
    expect((await filesIn(data)).incoming).toEqual([])
  })
})

/** The state of a job as the directory has it while no server is there. */
function jobStatus(data: string, id: string): unknown {
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  try {
    return catalog.prepare('select status from jobs where id = ?').get(id)?.['status']
  } finally {
    catalog.close()
  }
}

/** When the server said that it was serving. */
function servingSince({ logs }: SpawnedServer): number {
  const line = logs.find(each => each.includes('Tureen is serving'))
  return JSON.parse(line ?? '{}').time
}
