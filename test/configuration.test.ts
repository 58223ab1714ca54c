import { createHash } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { environment } from '../src/configuration/environment.ts'
import { temporaryDirectory } from './support/server.ts'
import { serverGroup } from './support/server-group.ts'

const secret = '0123456789abcdef-secret'
const digest = (text: string) => createHash('sha256').update(text).digest('hex')

const servers = serverGroup()
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => {
  await servers.remove()
  await directory.remove()
})

function refusal(variables: Record<string, string>): string {
  try {
    readConfig(variables)
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  throw new Error('the configuration was accepted')
}

async function fileWith(text: string): Promise<string> {
  const path = join(directory.path, digest(text).slice(0, 8))
  await writeFile(path, text)
  return path
}

describe('a variable', () => {
  test.each([
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['TUREEN_MAX_UPLOAD_BYTES', '8 GiB'],
    ['TUREEN_MAX_STORE_BYTES', '-1'],
    ['TUREEN_RATE_LIMIT', '1.5'],
    ['TUREEN_HEADER_SECONDS', '0'],
    ['TUREEN_AUTH', 'off'],
    ['TUREEN_CORS_ORIGINS', 'tureen.example'],
    ['TUREEN_CORS_ORIGINS', 'https://tureen.example/'],
    ['TUREEN_HOSTS', 'https://tureen.example'],
    ['TUREEN_HOSTS', 'tureen.example/path'],
    ['TUREEN_HOSTS', 'tureen.example,,other.example'],
    ['TUREEN_HOSTS', '*'],
    ['TUREEN_HOSTS', '2001:db8::1'],
    ['TUREEN_HOSTS', 'tureen.example:70000'],
    ['TUREEN_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TUREEN_TRUSTED_PROXIES', 'proxy.example'],
    ['TUREEN_LOG_LEVEL', 'loud'],
    ['TUREEN_PUBLIC_PATH', 'tureen'],
    ['TUREEN_PUBLIC_PATH', '/ml//tureen'],
    ['TUREEN_PUBLIC_PATH', '/ml/../tureen'],
    ['TUREEN_PUBLIC_PATH', '/a b'],
    ['TUREEN_PUBLIC_PATH', 'https://tureen.example/ml'],
    ['TUREEN_PUBLIC_PATH', '/v1'],
    ['TUREEN_PUBLIC_PATH', '/docs/tureen'],
    ['TUREEN_KEEP_ALIVE_SECONDS', '0'],
    ['TUREEN_SHUTDOWN_SECONDS', '1m'],
  ])('%s=%s is refused, and named with its value', (name, value) => {
    expect(refusal({ [name]: value })).toContain(`${name}=${value}: `)
  })

  test.each([
    ['/', ''],
    ['/tureen/', '/tureen'],
    ['/ml/tureen-2.x', '/ml/tureen-2.x'],
    ['/v1.1', '/v1.1'],
  ])('TUREEN_PUBLIC_PATH=%s is the prefix "%s"', (TUREEN_PUBLIC_PATH, publicPath) => {
    expect(readConfig({ TUREEN_PUBLIC_PATH })).toMatchObject({ publicPath })
  })

  test.each([`mysql://tureen:${secret}@db.example/tureen`, `postgres://tureen:${secret}@db example/tureen`, secret])(
    'TUREEN_DATABASE_URL that is no URL of PostgreSQL is refused without a word of its password',
    TUREEN_DATABASE_URL => {
      const message = refusal({ TUREEN_DATABASE_URL })
      expect(message).toContain('TUREEN_DATABASE_URL: must be a URL such as postgres://')
      expect(message).not.toContain(secret)
    },
  )

  test('TUREEN_DATABASE_DIRECT_URL is the same database as TUREEN_DATABASE_URL, which it needs', () => {
    const [url, directUrl] = ['postgres://pooler/tureen', 'postgresql://tureen@db/tureen']
    expect(readConfig({}).database).toBeNull()
    expect(readConfig({ TUREEN_DATABASE_URL: url }).database).toEqual({ url, directUrl: url })
    const both = { TUREEN_DATABASE_URL: url, TUREEN_DATABASE_DIRECT_URL: directUrl }
    expect(readConfig(both).database).toEqual({ url, directUrl })
    expect(refusal({ TUREEN_DATABASE_DIRECT_URL: directUrl })).toContain('needs TUREEN_DATABASE_URL')
  })

  test.each([
    ['s3://models', { bucket: 'models', prefix: '' }],
    ['s3://models/', { bucket: 'models', prefix: '' }],
    ['s3://my.models/of/tureen', { bucket: 'my.models', prefix: 'of/tureen' }],
  ])('TUREEN_CONTENT=%s names a bucket, and perhaps a prefix', (TUREEN_CONTENT, place) => {
    const cacheBytes = 16 * 2 ** 30
    expect(readConfig({}).content).toBeNull()
    expect(readConfig({ TUREEN_CONTENT }).content).toEqual({ ...place, pathStyle: false, redirects: false, cacheBytes })
    const others = { TUREEN_S3_PATH_STYLE: 'true', TUREEN_DOWNLOADS: 'redirect', TUREEN_CACHE_BYTES: '16777216' }
    const content = { ...place, pathStyle: true, redirects: true, cacheBytes: 1 << 24 }
    expect(readConfig({ TUREEN_CONTENT, ...others }).content).toEqual(content)
  })

  test('roles need a store that several servers can share, and heartbeats fit into the time of a takeover', () => {
    const store = { TUREEN_DATABASE_URL: 'postgres://db/tureen', TUREEN_CONTENT: 's3://models' }
    const all = ['merge', 'evaluation', 'search', 'comparison', 'export', 'conversion']
    const usual = { heartbeatSeconds: 1, takeoverSeconds: 10 }
    expect(readConfig({})).toMatchObject({ isShared: false, role: 'all', sharedJobs: { types: all, ...usual } })
    const worker = { ...store, TUREEN_ROLE: 'worker', TUREEN_WORKER_JOBS: 'search, merge' }
    const config = { isShared: true, role: 'worker', sharedJobs: { types: ['merge', 'search'], ...usual } }
    expect(readConfig(worker)).toMatchObject(config)
    const { TUREEN_CONTENT: _, ...lone } = store
    for (const TUREEN_ROLE of ['api', 'worker'])
      expect(refusal({ ...lone, TUREEN_ROLE })).toContain(
        `TUREEN_ROLE=${TUREEN_ROLE} needs TUREEN_DATABASE_URL and TUREEN_CONTENT`,
      )
    expect(refusal({ TUREEN_WORKER_JOBS: 'merge' })).toContain('TUREEN_WORKER_JOBS needs TUREEN_DATABASE_URL')
    expect(refusal({ ...store, TUREEN_WORKER_JOBS: 'score' })).toContain('must be job types: merge, evaluation')
    expect(refusal({ ...store, TUREEN_HEARTBEAT_SECONDS: '4' })).toContain('TUREEN_TAKEOVER_SECONDS=10')
  })

  test('TUREEN_DOWNLOADS=redirect needs a bucket', () => {
    expect(refusal({ TUREEN_DOWNLOADS: 'redirect' })).toContain('needs TUREEN_CONTENT')
  })

  test.each(['models', 's3://', 's3://Models', 's3://models//x', 'https://models', 's3://key:secret@models'])(
    'TUREEN_CONTENT=%s that is no bucket is refused',
    TUREEN_CONTENT => {
      expect(refusal({ TUREEN_CONTENT })).toContain('must be a bucket such as s3://bucket')
    },
  )

  test('that is empty is one that is not set', () => {
    const empty = Object.fromEntries(Object.keys(environment.shape).map(name => [name, '']))
    expect(readConfig({ ...empty, TUREEN_TYPO: '' })).toEqual(readConfig({}))
  })

  test.each([
    ['TUREEN_MAX_UPLOAD_BITES', 'TUREEN_MAX_UPLOAD_BYTES'],
    ['TUREEN_TOKEN', 'TUREEN_TOKENS'],
    ['TUREEN_TOKEN_FILE', 'TUREEN_TOKENS_FILE'],
    ['TUREEN_PORT', 'PORT'],
    ['TUREEN_HOST', 'HOST'],
    ['TUREEN_LOGLEVEL', 'TUREEN_LOG_LEVEL'],
  ])('%s, which there is not, points to %s and keeps its value to itself', (name, near) => {
    const message = refusal({ [name]: secret })
    expect(message).toContain(name)
    expect(message).toMatch(new RegExp(`\\b${near}\\b`))
    expect(message).not.toContain(secret)
  })

  test('of another name is none of ours, nor are those that Kubernetes sets for a service of this name', () => {
    const links = {
      PATH: '/bin',
      TUREEN_PORT: 'tcp://10.0.0.1:3000',
      TUREEN_SERVICE_HOST: '10.0.0.1',
      TUREEN_SERVICE_PORT: '3000',
      TUREEN_SERVICE_PORT_HTTP: '3000',
      TUREEN_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
      TUREEN_PORT_3000_TCP_ADDR: '10.0.0.1',
      TUREEN_BLUE_PORT: 'tcp://10.0.0.2:3000',
      TUREEN_BLUE_SERVICE_HOST: '10.0.0.2',
    }
    expect(readConfig(links)).toEqual(readConfig({}))
  })
})

describe('tokens', () => {
  test('are kept as digests, whether they are given as such or not', async () => {
    const text = `# who\na:read:${secret}\n\nb:write:sha256:${digest('other')}, c:admin:${secret}=\n`
    const expected = [
      { name: 'a', scope: 'read', digest: createHash('sha256').update(secret).digest() },
      { name: 'b', scope: 'write', digest: createHash('sha256').update('other').digest() },
      { name: 'c', scope: 'admin', digest: createHash('sha256').update(`${secret}=`).digest() },
    ]
    expect(readConfig({ TUREEN_TOKENS: text }).tokens).toEqual(expected)
    expect(readConfig({ TUREEN_TOKENS_FILE: await fileWith(text) }).tokens).toEqual(expected)
  })

  test.each([
    ['no form', secret, /entry 1/],
    ['no name', `:read:${secret}`, /entry 1/],
    ['an unknown scope', `a:root:${secret}`, /read, score, write, admin/],
    ['a short token', 'a:read:secret', /entry 1.*16/],
    ['a space in the token', `a:read:${secret} ${secret}`, /entry 1/],
    ['half a digest', `a:read:sha256:${digest('x').slice(1)}`, /entry 1/],
    ['a name twice', `a:read:${secret},b:read:${secret}2,a:read:${secret}3`, /entry 3 .*name/],
    ['a token twice', `a:read:${secret},b:write:${secret}`, /entry 2 .*token/],
    ['nothing but a comment', `# a:read:${secret}`, /no token/],
  ])('with %s are refused without being quoted', async (_, text, words) => {
    for (const variables of [{ TUREEN_TOKENS: text }, { TUREEN_TOKENS_FILE: await fileWith(text) }]) {
      const message = refusal(variables)
      expect(message).toMatch(words)
      expect(message).not.toContain('secret')
    }
  })

  test('in two places, in a file that is not there, or beside TUREEN_AUTH=none are refused', async () => {
    const tokens = `a:read:${secret}`
    expect(refusal({ TUREEN_TOKENS: tokens, TUREEN_TOKENS_FILE: await fileWith(tokens) })).toContain(
      'TUREEN_TOKENS_FILE',
    )
    expect(refusal({ TUREEN_TOKENS_FILE: join(directory.path, 'none') })).toMatch(/TUREEN_TOKENS_FILE.*ENOENT/)
    expect(refusal({ TUREEN_TOKENS_FILE: tokens })).not.toContain(secret)
    expect(refusal({ TUREEN_TOKENS: tokens, TUREEN_AUTH: 'none' })).toContain('TUREEN_AUTH')
  })
})

describe('listening', () => {
  test.each(['0.0.0.0', '::', '10.1.2.3', 'tureen.example'])(
    'on %s needs tokens, or TUREEN_AUTH=none with TUREEN_HOSTS',
    HOST => {
      expect(refusal({ HOST })).toMatch(/TUREEN_TOKENS.*TUREEN_AUTH=none/)
      expect(readConfig({ HOST, TUREEN_TOKENS: `a:read:${secret}` }).host).toBe(HOST)
      expect(refusal({ HOST, TUREEN_AUTH: 'none' })).toMatch(/Set TUREEN_HOSTS.* or set TUREEN_TOKENS/)
      const named = readConfig({ HOST, TUREEN_AUTH: 'none', TUREEN_HOSTS: 'tureen.example, 10.1.2.3:3000' })
      expect(named).toMatchObject({ host: HOST, tokens: [], hosts: ['tureen.example', '10.1.2.3:3000'] })
    },
  )

  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('on %s needs none', HOST => {
    expect(readConfig({ HOST })).toMatchObject({ host: HOST, tokens: [] })
    expect(readConfig({ HOST, TUREEN_AUTH: 'none' })).toMatchObject({ host: HOST, tokens: [] })
  })

  test('for pages of all origins needs tokens', () => {
    for (const TUREEN_CORS_ORIGINS of ['*', 'https://tureen.example, *']) {
      expect(refusal({ TUREEN_CORS_ORIGINS })).toMatch(/TUREEN_CORS_ORIGINS=\*.*Name the origins.*TUREEN_TOKENS/)
      expect(readConfig({ TUREEN_CORS_ORIGINS, TUREEN_TOKENS: `a:read:${secret}` }).corsOrigins).toContain('*')
    }
    expect(readConfig({ TUREEN_CORS_ORIGINS: 'https://tureen.example' }).tokens).toEqual([])
  })
})

test('a server that is not configured well ends with 1 and one sentence, before it has a data directory', async () => {
  const data = join(directory.path, 'unused')
  await expect(servers.start(data, { HOST: '0.0.0.0', TUREEN_TOKENZ: secret })).rejects.toThrow(
    /ended with 1: tureen: The environment is not valid. TUREEN_TOKENZ is not known; TUREEN_TOKENS is the nearest that is\n$/,
  )
  await expect(servers.start(data, { HOST: '0.0.0.0' })).rejects.toThrow(
    /ended with 1: tureen: With HOST=0.0.0.0 .*\n$/,
  )
  expect(await readdir(directory.path)).not.toContain('unused')
})
