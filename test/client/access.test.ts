import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, resultOf } from '../../client/index.ts'
import { externalModel } from '../support/external-model.ts'
import { freePort, startProxy } from '../support/nginx.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

const tokens = { reader: 'r'.repeat(40), writer: 'w'.repeat(40) }
let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({
    TUREEN_TOKENS: `reader:read:${tokens.reader},writer:write:${tokens.writer}`,
    TUREEN_PUBLIC_PATH: '/ml/tureen',
  })
})
afterAll(() => app.close())

describe('a server with tokens, under a path', () => {
  test('takes the whole way of a soup from a client with its token', async () => {
    const client = createClient({ url: `${app.url}/ml/tureen/`, token: tokens.writer })
    const models = []
    for (const weight of [1, 3])
      models.push({ id: (await client.createModel({ file: linearModel([weight], [1]) })).id })
    const { model } = resultOf(await client.wait(await client.createMerge({ models })))
    const download = await client.getModelContent(model.id)
    expect((await download.read()).byteLength).toBe(model.bytes)
  })

  test('refuses a client without a token, and one whose token may only read', async () => {
    const stranger = createClient({ url: `${app.url}/ml/tureen` })
    await expect(stranger.listModels()).rejects.toMatchObject({ status: 401, code: 'TUREEN_UNAUTHENTICATED' })
    const reader = createClient({ url: `${app.url}/ml/tureen`, token: async () => tokens.reader })
    expect((await reader.listModels()).items.length).toBeGreaterThan(0)
    const refused = reader.createModel({ file: linearModel([1], [1]) })
    await expect(refused).rejects.toMatchObject({ status: 403, code: 'TUREEN_FORBIDDEN' })
  })

  test('tells by its links that the path is known, and errors name no token', async () => {
    const client = createClient({ url: `${app.url}/ml/tureen`, token: tokens.writer })
    await expect(client.getModel('none')).rejects.toMatchObject({ type: '/ml/tureen/problems/TUREEN_NOT_FOUND' })
    const gone = createClient({
      url: `http://127.0.0.1:${await freePort()}`,
      token: tokens.writer,
      retry: { retries: 0 },
    })
    const error = await gone.getUsage().catch(String)
    expect(error).not.toContain(tokens.writer)
  })
})

const hasNginx = spawnSync('nginx', ['-v']).error === undefined

describe.skipIf(!hasNginx)(`behind nginx${hasNginx ? '' : ' (skipped: nginx is not installed)'}`, () => {
  test('a path that the proxy takes away is part of the base URL, in uploads and downloads alike', async () => {
    const workspace = await temporaryDirectory()
    const end = new AbortController()
    const directives = 'rewrite ^/team/(.*)$ /$1 break; proxy_http_version 1.1; proxy_request_buffering off;'
    const nginx = await startProxy(workspace.path, end.signal, app.url, directives)
    const client = createClient({ url: `${nginx?.url}/team`, token: tokens.writer })
    const { main, data } = externalModel([1, 2, 3, 4], [5, 6], {
      W: { location: 'a b/é.bin', offset: 0, length: 16 },
      b: { location: 'b.bin' },
    })
    let model = await client.createModel({ file: main, name: 'behind' })
    for (const [location, file] of Object.entries(data)) {
      model = await client.putModelData(model.id, location, file)
      const download = await client.getModelData(model.id, location)
      expect(Buffer.from(await download.read())).toEqual(Buffer.from(file))
    }
    expect(model.status).toBe('complete')
    const job = await client.createMerge({ models: [{ id: model.id }, { id: model.id }] })
    expect(await client.wait(job)).toMatchObject({ status: 'succeeded' })
    await nginx?.close()
    await workspace.remove()
  })
})
