import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, modelBytes } from '../support/heavy-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { filesIn, killServer, serverGroup } from '../support/server-group.ts'
import { downloadDigest, listAll, upload } from '../support/store-client.ts'

const model = heavyModel([5000], 1)
const sha256 = digestOf(modelBytes(model))
const hex = sha256.replace('sha256:', '')

/** For the test that kills a server. */
const servers = serverGroup()
afterAll(() => servers.remove())

/** One directory goes through all other tests, from start to start. */
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let data: string
let server: Awaited<ReturnType<typeof startApp>>
let logs: string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  data = directory.path
  await start()
})
afterAll(async () => {
  await server.close()
  await directory.remove()
})

async function start(): Promise<void> {
  logs = []
  server = await startApp({ TUREEN_DATA: data, TUREEN_LOG_LEVEL: 'info' }, undefined, logs)
}

async function remove(url: string, id: string): Promise<void> {
  expect((await fetch(`${url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
}

describe('at start', () => {
  test('unfinished files go, unknown content is set aside, and everything else stays as it is', async () => {
    const { id } = await upload(server.url, model, 'known')
    await server.close()

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
    await start()
    for (const file of foreign) expect(await readFile(join(data, file), 'utf8')).toBe('left behind')
    for (const file of orphans) expect(existsSync(join(data, file))).toBe(false)
    expect(await readFile(join(data, 'quarantine', 'ee', unknown), 'utf8')).toBe('left behind')
    expect((await listAll(server.url, 'models')).map(each => each.id)).toEqual([id])
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
    const warnings = logs.filter(line => line.includes('"level":40')).join('\n')
    for (const name of unfinished) expect(warnings).toContain(name)
    expect(warnings).toContain(`sha256:${unknown}`)

    await server.close()
    await start()
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
    expect(logs.join('\n')).not.toMatch(/"removed"|"quarantined"/)
    await remove(server.url, id)
    await server.close()
    for (const folder of ['incoming', 'content']) await rm(join(data, folder), { recursive: true })
    await start()
  })

  test('content whose last record was deleted is gone after a kill, content with another record is not', async () => {
    const killed = await servers.data()
    const first = await servers.start(killed)
    const { id: one } = await upload(first.url, model, 'one')
    const { id: two } = await upload(first.url, model, 'two')
    await remove(first.url, one)
    await killServer(first)

    const second = await servers.start(killed)
    expect((await downloadDigest(second.url, two)).sha256).toBe(sha256)
    await remove(second.url, two)
    await killServer(second)

    const third = await startApp({ TUREEN_DATA: killed })
    expect(await listAll(third.url, 'models')).toEqual([])
    expect(await filesIn(killed)).toEqual({ incoming: [], content: [] })
    await third.close()
  })

  test('a data directory that was emptied but for its catalog is filled again by the same upload', async () => {
    await upload(server.url, model, 'one')
    await server.close()
    await rm(join(data, 'content'), { recursive: true })
    await rm(join(data, 'incoming'), { recursive: true })
    await start()
    const { id } = await upload(server.url, model, 'two')
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
  })

  test('neither files nor directories that others left keep the server from serving', async () => {
    await server.close()
    await writeFile(join(data, 'content', '.DS_Store'), '')
    await mkdir(join(data, 'content', 'aa', 'lost+found'), { recursive: true })
    await mkdir(join(data, 'incoming', 'lost+found'))
    await start()
    const { id } = await upload(server.url, model, 'model')
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
  })
})
