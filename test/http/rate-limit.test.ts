import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readProblem } from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'

const rate = 3
const tokens = ['a', 'b', 'c'].map(name => ({ name, secret: `${name}-0123456789abcdef` }))

let proxied: Awaited<ReturnType<typeof startApp>>
let direct: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  const TUREEN_RATE_LIMIT = String(rate)
  const TUREEN_TOKENS = tokens.map(({ name, secret }) => `${name}:read:${secret}`).join()
  proxied = await startApp({ TUREEN_RATE_LIMIT, TUREEN_TOKENS, TUREEN_TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' })
  direct = await startApp({ TUREEN_RATE_LIMIT })
})
afterAll(async () => {
  await proxied.close()
  await direct.close()
})

/** The statuses of so many requests, one after the other. */
async function statuses(url: string, count: number, headers: (index: number) => Record<string, string>) {
  const all: number[] = []
  for (let index = 0; index < count; index += 1) all.push((await fetch(url, { headers: headers(index) })).status)
  return all
}

describe('TUREEN_RATE_LIMIT', () => {
  test('counts each token for itself, wherever it comes from', async () => {
    for (const { name, secret } of tokens.slice(0, 2)) {
      const headers = (index: number) => ({
        authorization: `Bearer ${secret}`,
        'x-forwarded-for': `192.0.2.${index}`,
      })
      expect(await statuses(`${proxied.url}/v1/models`, rate + 2, headers)).toEqual([200, 200, 200, 429, 429])
      const refused = await fetch(`${proxied.url}/v1/jobs`, { headers: headers(9) })
      const seconds = Number(refused.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(60)
      const { detail } = await readProblem(refused, 429, 'TUREEN_RATE_LIMITED')
      expect(detail).toContain(`token ${name}`)
      expect(detail).not.toContain(secret)
    }
  })

  test('counts wrong tokens and none for the address that they come from, which an honest client behind it does not pay for', async () => {
    const guess = (index: number) => ({
      authorization: `Bearer guess-${index}-0123456789`,
      'x-forwarded-for': '192.0.2.77',
    })
    expect(await statuses(`${proxied.url}/v1/models`, rate + 1, guess)).toEqual([401, 401, 401, 429])
    const honest = { authorization: `Bearer ${tokens[2]?.secret}`, 'x-forwarded-for': '192.0.2.77' }
    expect((await fetch(`${proxied.url}/v1/models`, { headers: honest })).status).toBe(200)
  })

  test('takes addresses of one IPv6 network for one client', async () => {
    const one = (index: number) => ({ 'x-forwarded-for': `2001:db8:1:2::${index + 1}` })
    expect(await statuses(`${proxied.url}/v1/models`, rate + 1, one)).toEqual([401, 401, 401, 429])
    expect(await statuses(`${proxied.url}/v1/models`, 1, () => ({ 'x-forwarded-for': '2001:db8:1:3::1' }))).toEqual([
      401,
    ])
  })

  test('believes only what trusted proxies say of where a request comes from', async () => {
    const chain = (index: number) => ({ 'x-forwarded-for': `203.0.113.${index}, 198.51.100.5, 10.1.1.1` })
    expect(await statuses(`${proxied.url}/v1/models`, rate + 1, chain)).toEqual([401, 401, 401, 429])
    const claimed = (index: number) => ({ 'x-forwarded-for': `192.0.2.${index}` })
    expect(await statuses(`${direct.url}/v1/models`, rate + 1, claimed)).toEqual([200, 200, 200, 429])
  })

  test('lets what is open through, and an upload not even begin', async () => {
    expect(await statuses(`${direct.url}/healthz`, rate + 2, () => ({}))).toEqual([200, 200, 200, 200, 200])
    for (const path of ['/openapi.json', '/docs']) expect((await fetch(`${direct.url}${path}`)).status).toBe(200)
    await statuses(`${direct.url}/v1/models`, rate, () => ({}))
    const head =
      'POST /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9000000\r\n\r\n'
    expect((await converse(direct.url, head)).text).toMatch(/^HTTP\/1.1 429 /)
  })
})
