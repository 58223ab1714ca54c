import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { contentFile } from '../support/filled-store.ts'
import { json } from '../support/http-client.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

// Stores that earlier versions wrote: test/fixtures/catalogs/write-catalog.ts.

type Item = { id: string; type: string; status: string; name: string | null; unreadable?: string }
type Fixture = { migration: string; sql: string[]; content: Record<string, string> }

const folder = join(projectRoot, 'test/fixtures/catalogs')
const fixtures = (await readdir(folder)).filter(name => name.endsWith('.json')).sort()

/** Makes the store of a fixture again. */
async function restore(name: string, data: string): Promise<void> {
  const { sql, content }: Fixture = JSON.parse(await readFile(join(folder, name), 'utf8'))
  await mkdir(data)
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'), { enableForeignKeyConstraints: false })
  catalog.exec(`begin;${sql.join(';')};commit`)
  catalog.close()
  for (const [digest, text] of Object.entries(content)) {
    const path = contentFile(data, digest)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text, 'base64')
  }
}

describe.each(fixtures)('a store of the version with migration %s', name => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let app: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    directory = await temporaryDirectory()
    const data = join(directory.path, 'data')
    await restore(name, data)
    app = await startApp({ TUREEN_DATA: data, TUREEN_SWEEP_SECONDS: '1' })
  })
  afterAll(async () => {
    await app.close()
    await directory.remove()
  })

  const get = async <Body>(path: string): Promise<Body> => {
    const response = await fetch(`${app.url}/v1/${path}`)
    expect({ path, status: response.status }).toEqual({ path, status: 200 })
    return json<Body>(response)
  }
  const list = async (kind: string) => (await get<{ items: Item[] }>(`${kind}?limit=100`)).items

  test('has every record, readable', async () => {
    const models = await list('models')
    expect(models.map(({ name }) => name)).toEqual(expect.arrayContaining(['a', 'b', 'c', 'failing', 'soup']))
    expect((await list('datasets')).map(({ name }) => name)).toEqual(['val'])
    const jobs = await list('jobs')
    expect(new Set(jobs.map(({ type }) => type))).toEqual(new Set(['merge', 'evaluation', 'search', 'comparison']))
    for (const kind of ['models', 'datasets', 'jobs'])
      for (const { id } of await list(kind)) expect(await get(`${kind}/${id}`)).not.toHaveProperty('unreadable')
    for (const item of [...models, ...jobs]) expect(item).not.toHaveProperty('unreadable')
    expect(jobs.filter(({ status }) => status === 'failed')).toEqual([expect.objectContaining({ type: 'evaluation' })])
  })

  test('shows recipes, tensors, content, scores and events', async () => {
    const models = await list('models')
    for (const { id } of models) {
      await get(`models/${id}/tensors`)
      expect((await fetch(`${app.url}/v1/models/${id}/content`)).status).toBe(200)
    }
    const soup = models.find(({ name }) => name === 'soup')
    expect(await get(`models/${soup?.id}/recipe`)).toMatchObject({ method: 'linear', nonFloat: 'error' })
    for (const { id } of models) await get(`models/${id}/scores`)
    for (const { id, status } of await list('jobs')) {
      if (status === 'queued' || status === 'running') continue
      const events = await (await fetch(`${app.url}/v1/jobs/${id}/events`)).text()
      expect(events).toContain('event: done')
    }
  })

  test('goes on with its unfinished jobs', async () => {
    for (const { id, status, name } of await list('jobs'))
      if (name === 'long' && status !== 'cancelled')
        expect((await fetch(`${app.url}/v1/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(202)
    const named = async () => (await list('jobs')).find(job => job.name === 'waiting')
    await until('the waiting search', async () => (await named())?.status === 'succeeded', 50_000)
    expect(await get(`jobs/${(await named())?.id}`)).toMatchObject({ result: { candidates: expect.any(Array) } })
  })

  test('lets every record go', async () => {
    for (const kind of ['jobs', 'models', 'datasets'])
      for (const { id } of await list(kind)) {
        const response = await fetch(`${app.url}/v1/${kind}/${id}`, { method: 'DELETE' })
        expect({ kind, status: response.status }).toEqual({ kind, status: 204 })
      }
    expect(await Promise.all(['jobs', 'models', 'datasets'].map(list))).toEqual([[], [], []])
  })
})

test('every fixture is of a version whose migrations this one has', () => {
  const known = Object.keys(migrations).map(each => each.slice(0, 4))
  expect(fixtures.length).toBeGreaterThanOrEqual(5)
  for (const fixture of fixtures) expect(known).toContain(fixture.replace('.json', ''))
})
