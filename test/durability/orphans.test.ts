import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { digestOf, heavyModel, modelBytes } from '../support/heavy-model.ts'
import { filesIn, killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { downloadDigest, listAll, upload } from '../support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

const model = heavyModel([5000], 1)
const sha256 = digestOf(modelBytes(model))
const hex = sha256.replace('sha256:', '')

describe('at start', () => {
  test('what unfinished work left is gone before the first request, what is known stays', async () => {
    const data = await servers.data()
    const first = await servers.start(data)
    const { id } = await upload(first.url, model, 'known')
    await stopServer(first)

    const unknown = 'f'.repeat(62)
    const orphans = [
      join('incoming', '01a20b05-e917-7439-afb1-ac0bca7d4e5a'),
      join('incoming', 'anything at all'),
      join('incoming', '.hidden'),
      join('content', hex.slice(0, 2), `${hex.slice(0, 2)}${unknown}`),
      join('content', hex.slice(0, 2), `${hex}.part`),
      join('content', 'ee', `ee${unknown}`),
    ]
    for (const file of orphans) {
      await mkdir(join(data, file, '..'), { recursive: true })
      await writeFile(join(data, file), 'left behind')
    }
    const second = await servers.start(data)
    expect(await filesIn(data)).toEqual({ incoming: [], content: [sha256] })
    expect((await listAll(second.url, 'models')).map(each => each.id)).toEqual([id])
    expect((await downloadDigest(second.url, id)).sha256).toBe(sha256)
    expect(second.logs.join('\n')).toContain(`"removed":${orphans.length}`)
    await stopServer(second)

    const third = await servers.start(data)
    expect((await downloadDigest(third.url, id)).sha256).toBe(sha256)
    expect(third.logs.join('\n')).not.toContain('"removed"')
    await killServer(third)
  })

  test('content whose last record was deleted is gone, content with another record is not', async () => {
    const data = await servers.data()
    const first = await servers.start(data)
    const [{ id: one }, { id: two }] = [await upload(first.url, model, 'one'), await upload(first.url, model, 'two')]
    expect((await fetch(`${first.url}/v1/models/${one}`, { method: 'DELETE' })).status).toBe(204)
    await killServer(first)
    const second = await servers.start(data)
    expect((await downloadDigest(second.url, two)).sha256).toBe(sha256)
    expect((await fetch(`${second.url}/v1/models/${two}`, { method: 'DELETE' })).status).toBe(204)
    await killServer(second)
    const third = await servers.start(data)
    expect(await listAll(third.url, 'models')).toEqual([])
    expect(await filesIn(data)).toEqual({ incoming: [], content: [] })
    await killServer(third)
  })

  test('a data directory that was emptied but for its catalog is filled again by the same upload', async () => {
    const data = await servers.data()
    const first = await servers.start(data)
    await upload(first.url, model, 'one')
    await stopServer(first)
    await rm(join(data, 'content'), { recursive: true })
    await rm(join(data, 'incoming'), { recursive: true })
    const second = await servers.start(data)
    const { id } = await upload(second.url, model, 'two')
    expect((await downloadDigest(second.url, id)).sha256).toBe(sha256)
    await killServer(second)
  })

  test.each([
    ['a file beside the shards', join('content', '.DS_Store'), 'file'],
    ['a directory among the content', join('content', 'aa', 'lost+found'), 'directory'],
    ['a directory among unfinished files', join('incoming', 'lost+found'), 'directory'],
  ])('%s that others left does not keep the server from serving', async (_, path, kind) => {
    const data = await servers.data()
    await mkdir(join(data, path, '..'), { recursive: true })
    await (kind === 'file' ? writeFile(join(data, path), '') : mkdir(join(data, path)))
    const server = await servers.start(data)
    const { id } = await upload(server.url, model, 'model')
    expect((await downloadDigest(server.url, id)).sha256).toBe(sha256)
    await killServer(server)
  })
})
