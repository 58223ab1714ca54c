import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp } from '../support/server.ts'

const origin = 'https://dashboard.example'

let closed: Awaited<ReturnType<typeof startApp>>
let open: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  closed = await startApp()
  open = await startApp({
    TUREEN_CORS_ORIGINS: `http://localhost:8080, ${origin}`,
    TUREEN_TOKENS: 'a:read:0123456789abcdef',
  })
})
afterAll(async () => {
  await closed.close()
  await open.close()
})

function preflight(url: string, from: string): Promise<Response> {
  const headers = {
    origin: from,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization',
  }
  return fetch(url, { method: 'OPTIONS', headers })
}

const corsHeaders = ({ headers }: Response) => [...headers.keys()].filter(name => name.startsWith('access-control-'))

describe('every answer tells browsers to guess, frame and run nothing', () => {
  test.each(['/v1/models', '/healthz', '/nowhere', '/v1/models/none', '/openapi.json'])('%s', async path => {
    const { headers } = await fetch(`${closed.url}${path}`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'")
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('strict-transport-security')).toBeNull()
    expect(headers.get('x-powered-by')).toBeNull()
  })

  test('/docs/api runs its own scripts, which are files beside it, and no others', async () => {
    const response = await fetch(`${closed.url}/docs/api`)
    const policy = response.headers.get('content-security-policy') ?? ''
    const directives = new Map(
      policy.split(';').map(each => [each.trim().split(' ')[0], each.trim().split(' ').slice(1)]),
    )
    expect(directives.get('script-src')).toEqual(["'self'"])
    expect(directives.get('connect-src')).toEqual(["'self'"])
    expect(directives.get('default-src')).toEqual(["'none'"])
    expect(directives.has('upgrade-insecure-requests')).toBe(false)
    const html = await response.text()
    const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)</g)]
    expect(scripts.length).toBeGreaterThan(0)
    for (const [, attributes, text] of scripts) {
      expect(attributes).toMatch(/src="[^:"]+"/)
      expect(text?.trim()).toBe('')
    }
  })
})

describe('pages of other origins', () => {
  test('may not call the server unless it says so', async () => {
    expect((await preflight(`${closed.url}/v1/models`, origin)).status).toBe(405)
    const answer = await fetch(`${closed.url}/v1/models`, { headers: { origin } })
    expect(corsHeaders(answer)).toEqual([])
  })

  test('that are configured may ask first, without a token, and read answers and refusals', async () => {
    const asked = await preflight(`${open.url}/v1/models/none/data/a`, origin)
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin)
    expect(asked.headers.get('access-control-allow-methods')?.split(', ')).toContain('PUT')
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization')
    const refused = await fetch(`${open.url}/v1/models`, { headers: { origin } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin)
    expect(refused.headers.get('access-control-expose-headers')).toContain('x-request-id')
    expect(refused.headers.get('vary')).toMatch(/origin/i)
  })

  test('that are not configured are told nothing of being allowed', async () => {
    for (const from of ['https://evil.example', 'https://dashboard.example.evil.example', 'null']) {
      const asked = await preflight(`${open.url}/v1/models`, from)
      const answer = await fetch(`${open.url}/v1/models`, { headers: { origin: from } })
      for (const { headers } of [asked, answer]) expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test('do not change what is nowhere', async () => {
    expect((await fetch(`${open.url}/nowhere`, { headers: { origin } })).status).toBe(404)
  })
})
