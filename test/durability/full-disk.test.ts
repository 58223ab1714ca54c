import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'

const diskBytes = 12 << 20
const mounted = await mountSmallDisk(diskBytes)

describe.skipIf(!mounted)('on a full disk', () => {
  const servers = serverGroup()
  let disk: SmallDisk
  let data: string
  let server: SpawnedServer
  let ids: string[]
  beforeAll(async () => {
    if (!mounted) throw new Error('there is no small disk')
    disk = mounted
    data = join(disk.path, 'data')
    server = await servers.start(data)
    ids = []
    // Of content that is shared by all: deleting one frees nothing but what its record takes.
    for (let count = 0; count < 24; count += 1) {
      const { id } = await uploadModel(server.url, linearModel([1, 2], [3, 4]), `name=${count}`)
      ids.push(id)
    }
  })
  afterAll(async () => {
    await servers.remove()
    await disk.remove()
  })

  const deleteNext = async () => (await fetch(`${server.url}/v1/models/${ids.shift()}`, { method: 'DELETE' })).status
  const refusedUpload = async () => {
    const body = new Uint8Array(linearModel(new Array(20_000).fill(0.5), [1]))
    return fetch(`${server.url}/v1/models`, { method: 'POST', body })
  }
  const reserveBytes = () => statSync(join(data, 'reserve')).size

  test('a model can be deleted again and again, and uploads are refused with the reason', async () => {
    for (let time = 0; time < 6; time += 1) {
      await disk.fill()
      await readProblem(await refusedUpload(), 507, 'TUREEN_STORE_FULL')
      expect(await deleteNext()).toBe(204)
    }
    expect((await json<{ items: unknown[] }>(await fetch(`${server.url}/v1/models`))).items).toHaveLength(ids.length)
  })

  test('the server starts from its reserve, after a clean stop and after a kill, and deletes again', async () => {
    for (const end of [stopServer, killServer]) {
      await disk.fill()
      await end(server)
      await disk.fill()
      server = await servers.start(data)
      for (let time = 0; time < 3; time += 1) {
        await disk.fill()
        expect(await deleteNext()).toBe(204)
      }
    }
  })

  test('the reserve is whole again after the first deletion with room', async () => {
    disk.makeRoom()
    expect(await deleteNext()).toBe(204)
    expect(reserveBytes()).toBeGreaterThanOrEqual(1 << 20)
  })

  test('jobs can be cancelled and deleted', async () => {
    const merge = { models: ids.slice(0, 2).map(id => ({ id })) }
    const { id } = await json<{ id: string }>(await postJson(`${server.url}/v1/merges?wait=40`, merge))
    for (let time = 0; time < 2; time += 1) {
      await disk.fill()
      const path = time === 0 ? `${id}/cancel` : id
      const method = time === 0 ? 'POST' : 'DELETE'
      expect((await fetch(`${server.url}/v1/jobs/${path}`, { method })).status).toBe(time === 0 ? 409 : 204)
    }
  })
})
