import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, soupBytes } from '../support/heavy-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { downloadDigest, job, listAll, merge, until, upload } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

const megabyte = 1 << 18
const a = heavyModel([2 * megabyte, 1000], 1)
const b = heavyModel([2 * megabyte, 1000], 2)
const weightA = 2
const weightB = 3

describe('unfinished jobs', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)('start again at once after %s, with one effect each', async signal => {
    const data = await servers.data()
    const first = await servers.start(data)
    const [modelA, modelB] = await Promise.all([upload(first.url, a, 'a'), upload(first.url, b, 'b')])
    // The same two models again and again: much to compute, little to upload.
    const long = Array.from({ length: 100 }, () => [
      { id: modelA.id, weight: weightA },
      { id: modelB.id, weight: weightB },
    ]).flat()
    const names = ['first', 'second', 'third', 'fourth', 'fifth']
    const started = []
    for (const name of names)
      started.push(
        await merge(first.url, { models: name === 'first' ? long : long.slice(0, 2), name, provenance: false }),
      )
    const [longest] = started
    if (!longest) throw new Error('no job')
    await until('the long job is at work', async () => (await job(first.url, longest.id)).progress !== null)
    expect((await job(first.url, longest.id)).status).toBe('running')

    if (signal === 'SIGKILL') {
      await killServer(first)
      expect(jobStatus(data, longest.id)).toBe('running')
    } else {
      const { code, took } = await stopServer(first)
      expect(code).toBe(0)
      expect(took).toBeLessThan(8000)
      expect(jobStatus(data, longest.id)).toBe('queued')
      expect((await filesIn(data)).incoming).toEqual([])
    }

    const second = await servers.start(data)
    const again = await job(second.url, longest.id)
    expect(['running', 'succeeded']).toContain(again.status)
    const lag = Date.parse(again.startedAt ?? '') - servingSince(second)
    expect(lag).toBeGreaterThan(-1000)
    expect(lag).toBeLessThan(10_000)

    const expected = digestOf(soupBytes(long.slice(0, 2).map(({ weight }, i) => ({ model: i === 0 ? a : b, weight }))))
    for (const [index, { id }] of started.entries()) {
      const done = await job(second.url, id, 30)
      expect(done).toMatchObject({ status: 'succeeded' })
      expect(done).not.toHaveProperty('error')
      const results = await listAll(second.url, 'models', `name=${names[index]}`)
      expect(results.map(({ id, sha256 }) => ({ id, sha256 }))).toEqual([
        { id: done.result?.model.id, sha256: done.result?.model.sha256 },
      ])
    }
    const short = await job(second.url, started[1]?.id ?? '')
    expect((await downloadDigest(second.url, short.result?.model.id ?? '')).sha256).toBe(expected)
    expect(await listAll(second.url, 'models')).toHaveLength(2 + names.length)
    expect((await filesIn(data)).incoming).toEqual([])

    // The long soup, undisturbed this time, is the same.
    const undisturbed = await merge(second.url, { models: long, name: 'undisturbed', provenance: false }, 30)
    const disturbed = await job(second.url, longest.id)
    expect(undisturbed.result?.model.sha256).toMatch(/^sha256:/)
    expect(disturbed.result?.model.sha256).toBe(undisturbed.result?.model.sha256)
    expect((await stopServer(second)).code).toBe(0)
  })

  test('that are killed at every start are still finished by the start that lives, and cancelled ones do not come back', async () => {
    const data = await servers.data()
    let server = await servers.start(data)
    const [modelA, modelB] = await Promise.all([upload(server.url, a, 'a'), upload(server.url, b, 'b')])
    const models = [
      { id: modelA.id, weight: weightA },
      { id: modelB.id, weight: weightB },
    ]
    const { id } = await merge(server.url, { models: Array.from({ length: 80 }, () => models).flat(), name: 'soup' })
    const endless = Array.from({ length: 300 }, () => ({ id: modelA.id, weight: 1 }))
    const { id: cancelled } = await merge(server.url, { models: endless, name: 'never' })
    await until('the job runs', async () => (await job(server.url, cancelled)).status === 'running')
    const response = await fetch(`${server.url}/v1/jobs/${cancelled}/cancel`, { method: 'POST' })
    expect(response.status).toBe(202)
    await response.arrayBuffer()
    for (let kills = 0; kills < 2; kills += 1) {
      await killServer(server)
      server = await servers.start(data)
      expect((await job(server.url, id)).status).toMatch(/running|succeeded/)
      expect((await job(server.url, cancelled)).status).toBe('cancelled')
    }
    expect((await job(server.url, id, 30)).status).toBe('succeeded')
    expect(await listAll(server.url, 'models', 'name=soup')).toHaveLength(1)
    await killServer(server)
    server = await servers.start(data)
    expect((await job(server.url, id)).status).toBe('succeeded')
    expect(await listAll(server.url, 'models', 'name=soup')).toHaveLength(1)
    expect((await job(server.url, cancelled)).status).toBe('cancelled')
    expect(await listAll(server.url, 'models', 'name=never')).toEqual([])
    await until('nothing is left of it', async () => (await filesIn(data)).incoming.length === 0)
    await killServer(server)
  })
})

describe('a data directory', () => {
  test('is refused to a second server, which is told who has it, and is free once that one was killed', async () => {
    const data = await servers.data()
    const first = await servers.start(data)
    const { id } = await upload(first.url, heavyModel([100], 1), 'kept')

    const refused = servers.launch(data)
    const { code } = await refused.ended
    expect(code).not.toBe(0)
    expect(code).not.toBeNull()
    const message = refused.output.join('')
    expect(message).toContain(data)
    expect(message).toMatch(new RegExp(`\\b${first.process.pid}\\b`))
    expect(message).toContain(first.url)
    expect(message).not.toContain('    at ')

    expect(await listAll(first.url, 'models')).toHaveLength(1)
    await killServer(first)
    const begun = performance.now()
    const next = await servers.start(data)
    expect(performance.now() - begun).toBeLessThan(20_000)
    expect((await listAll(next.url, 'models')).map(model => model.id)).toEqual([id])
    expect((await stopServer(next)).code).toBe(0)

    const afterStop = await servers.start(data)
    expect(await listAll(afterStop.url, 'models')).toHaveLength(1)
    await killServer(afterStop)
  })

  test('goes to exactly one of several servers that are started at the same time', async () => {
    const data = await servers.data()
    const launched = [1, 2, 3].map(() => servers.launch(data))
    const refusals: string[] = []
    for (const { ended, output } of launched)
      ended.then(({ code }) => refusals.push(`${code}: ${output.join('')}`)).catch(() => {})
    const serving = () => launched.filter(({ output }) => output.join('').includes('Tureen is serving'))
    await until('one serves and the others are refused', () => serving().length === 1 && refusals.length === 2)
    for (const refusal of refusals) expect(refusal).toMatch(/^1: .*in use by/)
    for (const { process } of serving()) process.kill('SIGKILL')
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
