import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, modelBytes } from '../support/heavy-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { filesIn, killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { downloadDigest, listAll, upload } from '../support/store-client.ts'

const servers = serverGroup()

const model = heavyModel([5000], 1)
const sha256 = digestOf(modelBytes(model))
const hex = sha256.replace('sha256:', '')

/** One directory goes through all of this, from start to start: each start takes a second of the processor or more. */
let data: string
let server: SpawnedServer
beforeAll(async () => {
  data = await servers.data()
  server = await servers.start(data)
})
afterAll(() => servers.remove())

async function stopAndStart(): Promise<void> {
  await stopServer(server)
  server = await servers.start(data)
}

async function killAndStart(): Promise<void> {
  await killServer(server)
  server = await servers.start(data)
}

async function remove(id: string): Promise<void> {
  expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
}

describe('at start', () => {
  test('unfinished files go, unknown content is set aside, and everything else stays as it is', async () => {
    const { id } = await upload(server.url, model, 'known')
    await stopServer(server)

    const unknown = `ee${'f'.repeat(62)}`
    const unfinished = ['01a20b05-e917-7439-afb1-ac0bca7d4e5a', '01a20b05-e917-7439-afb1-ac0bca7d4e5b.12']
    const foreign = [
      join('incoming', 'anything at all'),
      join('incoming', '.hidden'),
      join('incoming', '01a20b05-e917-4439-afb1-ac0bca7d4e5a'),
      join('incoming', 'folder', unfinished[0] ?? ''),
      join('content', 'page.html'),
      join('content', unknown),
      join('content', 'ff', unknown),
      join('content', 'ee', unknown.toUpperCase()),
      join('content', hex.slice(0, 2), `${hex}.part`),
      join('quarantine', 'notes.txt'),
      'backup.sqlite',
    ]
    const orphans = [...unfinished.map(name => join('incoming', name)), join('content', 'ee', unknown)]
    for (const file of [...foreign, ...orphans]) {
      await mkdir(join(data, file, '..'), { recursive: true })
      await writeFile(join(data, file), 'left behind')
    }
    server = await servers.start(data)
    for (const file of foreign) expect(await readFile(join(data, file), 'utf8')).toBe('left behind')
    for (const file of orphans) expect(existsSync(join(data, file))).toBe(false)
    expect(await readFile(join(data, 'quarantine', 'ee', unknown), 'utf8')).toBe('left behind')
    expect((await listAll(server.url, 'models')).map(each => each.id)).toEqual([id])
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
    const warnings = server.logs.filter(line => line.includes('"level":40')).join('\n')
    for (const name of unfinished) expect(warnings).toContain(name)
    expect(warnings).toContain(`sha256:${unknown}`)

    await stopAndStart()
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
    expect(server.logs.join('\n')).not.toMatch(/"removed"|"quarantined"/)
    await remove(id)
    await stopServer(server)
    for (const folder of ['incoming', 'content']) await rm(join(data, folder), { recursive: true })
    server = await servers.start(data)
  })

  test('content whose last record was deleted is gone, content with another record is not', async () => {
    const [{ id: one }, { id: two }] = [await upload(server.url, model, 'one'), await upload(server.url, model, 'two')]
    await remove(one)
    await killAndStart()
    expect((await downloadDigest(server.url, two)).sha256).toBe(sha256)
    await remove(two)
    await killAndStart()
    expect(await listAll(server.url, 'models')).toEqual([])
    expect(await filesIn(data)).toEqual({ incoming: [], content: [] })
  })

  test('a data directory that was emptied but for its catalog is filled again by the same upload', async () => {
    await upload(server.url, model, 'one')
    await stopServer(server)
    await rm(join(data, 'content'), { recursive: true })
    await rm(join(data, 'incoming'), { recursive: true })
    server = await servers.start(data)
    const { id } = await upload(server.url, model, 'two')
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
  })

  test('neither files nor directories that others left keep the server from serving', async () => {
    await stopServer(server)
    await writeFile(join(data, 'content', '.DS_Store'), '')
    await mkdir(join(data, 'content', 'aa', 'lost+found'), { recursive: true })
    await mkdir(join(data, 'incoming', 'lost+found'))
    server = await servers.start(data)
    const { id } = await upload(server.url, model, 'model')
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
  })
})
