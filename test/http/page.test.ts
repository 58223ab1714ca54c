import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readProblem } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

/** Most bytes of script of the first view, as transferred. */
const mostScriptBytes = 150_000

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

let app: Awaited<ReturnType<typeof startApp>>
let behind: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_TOKENS: 'a:read:0123456789abcdef' })
  behind = await startApp({ TUREEN_PUBLIC_PATH: '/some/tureen' })
})
afterAll(async () => {
  await app.close()
  await behind.close()
})

/** Returns the addresses of the files that a document loads: the style sheet, the modules, and the first module. */
function filesOf(html: string): string[] {
  return [...html.matchAll(/(?:href|src)="([^"]+\.(?:js|css))"/g)].map(([, path = '']) => path)
}

/** Sends a request as it is: fetch would decode the answer. */
function raw(url: string, headers: Record<string, string>) {
  return new Promise<{ status: number | undefined; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      request(url, { headers }, response => {
        const pieces: Buffer[] = []
        response.on('data', piece => pieces.push(piece))
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) }),
        )
      })
        .on('error', reject)
        .end()
    },
  )
}

test('/ leads to the page', async () => {
  for (const [{ url }, prefix] of [
    [app, ''],
    [behind, '/some/tureen'],
  ] as const) {
    const response = await fetch(`${url}/`, { redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe(`${prefix}/page/models`)
  }
})

const views = [
  '',
  '/models',
  '/models/none',
  '/soup',
  '/search',
  '/jobs',
  '/jobs/none',
  '/datasets',
  '/datasets/none',
  '/usage',
]

test.each(views)('/page%s is the page, without a token, under a policy without inline scripts', async view => {
  const response = await fetch(`${app.url}/page${view}?any=thing`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('content-security-policy')).toBe(policy)
  expect(response.headers.get('cache-control')).toBe('no-cache')
  const html = await response.text()
  for (const [, attributes = '', text] of html.matchAll(/<script([^>]*)>([^<]*)</g)) {
    expect(attributes).toMatch(/src="\/[^":]+"/)
    expect(text).toBe('')
  }
  expect(html).not.toMatch(/<style|style=|\son\w+=|https?:/)
  const again = await fetch(`${app.url}/page${view}`, {
    headers: { 'if-none-match': response.headers.get('etag') ?? '' },
  })
  expect(again.status).toBe(304)
})

test('every file is there under the public path, and modules import such files alone', async () => {
  const html = await (await fetch(`${behind.url}/some/tureen/page/models`)).text()
  const files = filesOf(html)
  expect(files.length).toBeGreaterThan(50)
  const loaded = new Set(files)
  for (const path of loaded) {
    expect(path).toMatch(/^\/some\/tureen\/page\/files\/[0-9a-f]{16}\//)
    const response = await fetch(`${behind.url}${path}`)
    expect({ path, status: response.status }).toEqual({ path, status: 200 })
    expect(response.headers.get('content-type')).toMatch(path.endsWith('.css') ? /^text\/css/ : /^text\/javascript/)
    const text = await response.text()
    for (const [, imported = ''] of text.matchAll(/^(?:import|export)\s*[{*\w][^'"\n;()]*?\bfrom\s*['"]([^'"]+)['"]/gm))
      expect(loaded, `${path} imports ${imported}`).toContain(new URL(imported, `http://localhost${path}`).pathname)
  }
})

describe('a file', () => {
  let path: string
  beforeAll(async () => {
    const files = filesOf(await (await fetch(`${app.url}/page/models`)).text())
    path = files.find(each => each.endsWith('/page/app.js')) ?? ''
  })

  test('stays in caches for ever, under an address that has its version', async () => {
    const response = await fetch(app.url + path)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    const version = /files\/([0-9a-f]{16})\//.exec(path)?.[1] ?? ''
    const other = createHash('sha256').update(version).digest('hex').slice(0, 16)
    await readProblem(await fetch(app.url + path.replace(version, other)), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await fetch(`${app.url}${path}x`), 404, 'TUREEN_NOT_FOUND')
  })

  test('comes in the coding that the client takes, each with an entity tag of its own', async () => {
    const plain = await raw(app.url + path, { 'accept-encoding': 'identity' })
    const brotli = await raw(app.url + path, { 'accept-encoding': 'gzip, deflate, br' })
    const gzip = await raw(app.url + path, { 'accept-encoding': 'gzip, deflate' })
    expect([plain, brotli, gzip].map(({ headers }) => headers['content-encoding'])).toEqual([undefined, 'br', 'gzip'])
    expect(new Set([plain, brotli, gzip].map(({ headers }) => headers['etag'])).size).toBe(3)
    for (const { headers } of [plain, brotli, gzip]) expect(headers['vary']).toMatch(/accept-encoding/)
    expect(brotliDecompressSync(brotli.body)).toEqual(plain.body)
    expect(gunzipSync(gzip.body)).toEqual(plain.body)
    expect((await raw(app.url + path, {})).body).toEqual(plain.body)
    expect(
      (await raw(app.url + path, { 'accept-encoding': 'gzip', 'if-none-match': String(gzip.headers['etag']) })).status,
    ).toBe(304)
  })
})

test('the first view has few bytes of script', async () => {
  const scripts = filesOf(await (await fetch(`${app.url}/page/models`)).text()).filter(path => path.endsWith('.js'))
  let bytes = 0
  for (const path of new Set(scripts)) bytes += (await raw(app.url + path, { 'accept-encoding': 'gzip' })).body.length
  expect(bytes).toBeLessThan(mostScriptBytes)
  expect(bytes).toBeGreaterThan(10_000)
})

test('usage tells whose token the request has', async () => {
  const own = await fetch(`${app.url}/v1/usage`, { headers: { authorization: 'Bearer 0123456789abcdef' } })
  expect(await own.json()).toMatchObject({ token: { name: 'a', scope: 'read' } })
  expect(await (await fetch(`${behind.url}/v1/usage`)).json()).toMatchObject({ token: null })
})
