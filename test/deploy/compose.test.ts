import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ComposeService, readCompose } from '../support/compose-file.ts'
import { deployedConfig, imageVariables } from '../support/deployed-variables.ts'
import { haproxyFile, isHaproxyMissing, startHaproxy } from '../support/haproxy.ts'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

const passwords = { POSTGRES_PASSWORD: 'secret-of-postgres', S3_SECRET_KEY: 'secret-of-s3' }
const { services, volumes, required } = await readCompose('deploy/compose.yaml', passwords)
const all = Object.entries(services).map(([name, service]) => ({ name, service }))
const servers = all.filter(({ service }) => service.image === 'tureen:local')
const dockerfile = String(await projectFile('Dockerfile'))
const proxySettings = String(await projectFile(haproxyFile))

const one = (name: string): ComposeService => {
  const service = services[name]
  if (!service) throw new Error(`no service ${name}`)
  return service
}
/** Seconds of a duration, as Compose and HAProxy write it. */
const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)?.[1])

test('there are two servers for clients and three workers, a proxy, PostgreSQL and an S3 server', () => {
  expect(all.map(({ name, service }) => [name, service.deploy?.replicas ?? 1])).toEqual([
    ['api', 2],
    ['worker', 3],
    ['proxy', 1],
    ['postgres', 1],
    ['s3', 1],
  ])
})

test('no other variable has to be set than the documentation sets', async () => {
  expect([...required].toSorted()).toEqual(Object.keys(passwords).toSorted())
  const page = String(await projectFile('docs/operations/scale-out.md'))
  for (const name of required) expect(page).toContain(`${name}=`)
})

describe.each(servers)('the servers of $name', ({ name, service }) => {
  test('start with their variables, in their role', async () => {
    expect(await deployedConfig(service.environment)).toMatchObject({
      role: name,
      isShared: true,
      isolation: 'required',
    })
    expect(service.volumes).toContain('./tokens:/tokens:ro')
    expect(service.environment['TUREEN_TOKENS_FILE']).toBe('/tokens/list')
  })

  test('use the database and the bucket that other services make', async () => {
    const { database, content } = await deployedConfig(service.environment)
    const { hostname, username, password, pathname } = new URL(database?.url ?? '')
    const { environment } = one(hostname)
    expect([username, password, pathname]).toEqual([
      environment['POSTGRES_USER'],
      environment['POSTGRES_PASSWORD'],
      `/${environment['POSTGRES_DB']}`,
    ])
    const endpoint = new URL(service.environment['AWS_ENDPOINT_URL_S3'] ?? '')
    const store = one(endpoint.hostname)
    expect(store.healthcheck?.test.at(-1)).toBe(`http://127.0.0.1:${endpoint.port}/healthz`)
    for (const variable of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
      expect(service.environment[variable]).toBe(store.environment[variable])
    expect(content).toMatchObject({ bucket: store.environment['S3_BUCKET'], pathStyle: true })
  })

  test('are built from this checkout, with a root that is read only and no rights', () => {
    expect(service.build).toBe('..')
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] })
    // Where each container has a volume of its own, without a line in the Compose file.
    expect(dockerfile).toContain('\nVOLUME /data\n')
  })

  test('have the time that they take to stop', async () => {
    const { shutdownMilliseconds } = await deployedConfig(service.environment)
    expect(seconds(service.stop_grace_period)).toBeGreaterThanOrEqual(shutdownMilliseconds / 1000 + 2 + 5)
  })
})

describe('the services', () => {
  test.each(all)('$name has an image of one version', ({ service: { image, build } }) => {
    expect(build === undefined ? /:\d+\.\d+[\w.-]*$/.test(image) : image.endsWith(':local')).toBe(true)
  })

  test.each(all)('$name waits for services that are there, and that tell if they are healthy', ({ service }) => {
    for (const name of Object.keys(service.depends_on)) {
      const { healthcheck, build } = one(name)
      // The image of the servers has a health check of its own.
      expect(healthcheck !== undefined || (build === '..' && dockerfile.includes('\nHEALTHCHECK '))).toBe(true)
    }
  })

  test('use each volume, and name each that they use', () => {
    const named = all.flatMap(({ service }) => service.volumes.map(each => each.split(':')[0] ?? ''))
    expect(named.filter(each => !each.startsWith('.')).toSorted()).toEqual(Object.keys(volumes).toSorted())
  })

  test('are out of reach from other machines, and only the proxy from this one', () => {
    expect(all.filter(({ service }) => service.ports.length > 0).map(({ name }) => name)).toEqual(['proxy'])
    for (const port of one('proxy').ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })
})

describe('the proxy', () => {
  const said = (pattern: RegExp) => pattern.exec(proxySettings)?.[1] ?? ''

  test('listens where Compose sends clients, and leads to all servers', async () => {
    expect(one('proxy').volumes).toEqual(['./compose/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro'])
    expect(one('proxy').ports[0]?.split(':').at(-1)).toBe(said(/^ {2}bind :(\d+)$/m))
    const [, slots, host, port] = /^ {2}server-template api (\d+) (\w+):(\d+)$/m.exec(proxySettings) ?? []
    expect(one(host ?? '').deploy?.replicas).toBeLessThanOrEqual(Number(slots))
    expect(port).toBe((await imageVariables())['PORT'])
  })

  test('waits longer than the server, and closes idle connections first', async () => {
    const { idleMilliseconds } = await deployedConfig(one('api').environment)
    expect(seconds(said(/timeout http-keep-alive (\w+)/))).toBeLessThan(idleMilliseconds / 1000)
    // The longest wait for a job.
    expect(seconds(said(/timeout server (\w+)/))).toBeGreaterThan(45)
    expect(seconds(said(/timeout check (\w+)/))).toBeGreaterThan(5)
  })

  describe.skipIf(isHaproxyMissing)(
    `as HAProxy runs it${isHaproxyMissing ? ' (skipped: haproxy is not installed)' : ''}`,
    () => {
      let directory: Awaited<ReturnType<typeof temporaryDirectory>>
      let apps: Awaited<ReturnType<typeof startApp>>[]
      beforeAll(async () => {
        directory = await temporaryDirectory()
        apps = [await startApp({ TUREEN_METRICS: 'open' }), await startApp({ TUREEN_METRICS: 'open' })]
      })
      afterAll(async () => {
        for (const app of apps) await app.close().catch(() => undefined)
        await directory.remove()
      })

      test('is valid', () => {
        const { status, stderr } = spawnSync('haproxy', ['-c', '-q', '-f', haproxyFile], {
          cwd: projectRoot,
          encoding: 'utf8',
        })
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      })

      test('spreads requests, hides metrics, and leaves out a server that has gone', async () => {
        const proxy = await startHaproxy(
          directory.path,
          apps.map(({ url }) => url),
        )
        const { url } = proxy
        try {
          expect((await fetch(`${url}/metrics`)).status).toBe(404)
          const { id } = await uploadModel(url, linearModel([1, 2], [3, 4]))
          const found = async () => {
            const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(`${url}/v1/models/${id}`)))
            return new Set(answers.map(({ status }) => status))
          }
          // The two servers of this test have two stores.
          expect(await found()).toEqual(new Set([200, 404]))
          await apps[0]?.close()
          await expect.poll(found, { timeout: 20_000 }).toHaveProperty('size', 1)
          expect([200, 404]).toContain((await fetch(`${url}/v1/models/${id}`)).status)
        } finally {
          await proxy.close()
        }
      })
    },
  )
})
