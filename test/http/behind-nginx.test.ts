import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json } from '../support/http-client.ts'
import { type Nginx, startProxy } from '../support/nginx.ts'
import { linearModel } from '../support/onnx-model.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp, temporaryDirectory } from '../support/server.ts'

/** What docs/operations/proxies.md puts into the location beside the upstream. */
const page = String(await projectFile('docs/operations/proxies.md'))
const [, location = ''] = /```nginx[\s\S]*?location \/ \{\n([\s\S]*?)\}/.exec(page) ?? []
const directives = location.replace(/proxy_pass .*;/, '')

const hasNginx = spawnSync('nginx', ['-v']).error === undefined

describe.skipIf(!hasNginx)(`behind nginx${hasNginx ? '' : ' (skipped: nginx is not installed)'}`, () => {
  const end = new AbortController()
  let app: Awaited<ReturnType<typeof startApp>>
  let workspace: Awaited<ReturnType<typeof temporaryDirectory>>
  let documented: Nginx
  let bare: Nginx
  beforeAll(async () => {
    workspace = await temporaryDirectory()
    app = await startApp({ TUREEN_HOSTS: 'tureen.example', TUREEN_PUBLIC_PATH: '/tureen' })
    const start = async (settings: string) => {
      const nginx = await startProxy(workspace.path, end.signal, app.url, settings)
      if (!nginx) throw new Error('nginx is not installed')
      return nginx
    }
    documented = await start(directives)
    bare = await start('')
  })
  afterAll(async () => {
    await documented?.close()
    await bare?.close()
    end.abort()
    await app.close()
    await workspace.remove()
  })

  const ask = async ({ url }: Nginx, method: string, host: string, headers = '') => {
    const path = method === 'GET' ? '/v1/models' : '/v1/models/none'
    return (await converse(url, `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${headers}connection: close\r\n\r\n`))
      .status
  }

  test('as documented, the server sees the names that clients send', async () => {
    expect(location).toMatch(/proxy_set_header Host \$http_host;/)
    expect(await ask(documented, 'GET', 'tureen.example')).toBe(200)
    expect(await ask(documented, 'GET', 'tureen.example:8443')).toBe(200)
    expect(await ask(documented, 'GET', 'evil.example')).toBe(421)
  })

  test.each([
    ['tureen.example', 'https://tureen.example', 404],
    ['tureen.example:8443', 'https://tureen.example:8443', 404],
    ['tureen.example:8443', 'https://tureen.example:9999', 403],
    ['tureen.example', 'https://evil.example', 403],
  ])('as documented, Host %s and Origin %s are %i', async (host, origin, status) => {
    expect(await ask(documented, 'DELETE', host, `origin: ${origin}\r\n`)).toBe(status)
  })

  test('with a Host of its own, pages of names in TUREEN_HOSTS still change something, others do not', async () => {
    expect(await ask(bare, 'DELETE', 'tureen.example', 'origin: https://tureen.example\r\n')).toBe(404)
    expect(await ask(bare, 'DELETE', 'tureen.example', 'sec-fetch-site: same-origin\r\n')).toBe(404)
    expect(await ask(bare, 'DELETE', 'tureen.example', 'origin: https://evil.example\r\n')).toBe(403)
  })

  test('under a path, which nginx passes on or removes, links lead to where they should', async () => {
    const forms = [...page.matchAll(/^location \/tureen\/ \{ proxy_pass http:\/\/127.0.0.1:3000(\/?); \}$/gm)]
    expect(forms.map(([, slash]) => slash)).toEqual(['', '/'])
    for (const [directive] of forms) {
      const nested = directive.replace('http://127.0.0.1:3000', app.url)
      const nginx = await startProxy(workspace.path, end.signal, app.url, nested)
      if (!nginx) throw new Error('nginx is not installed')
      const base = `${nginx.url}/tureen`
      const made = await fetch(`${base}/v1/models`, { method: 'POST', body: linearModel([1], [nginx.url.length]) })
      expect((await fetch(`${nginx.url}${made.headers.get('location')}`)).status).toBe(200)
      const { type } = await json<{ type: string }>(await fetch(`${base}/v1/models/none`))
      expect((await fetch(`${nginx.url}${type}`)).status).toBe(200)
      const { servers } = await json<{ servers: { url: string }[] }>(await fetch(`${base}/openapi.json`))
      expect(servers.map(({ url }) => new URL(url, nginx.url).href)).toEqual([base])
      await nginx.close()
    }
  })
})
