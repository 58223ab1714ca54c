import { once } from 'node:events'
import { afterAll, expect, test } from 'vitest'
import { serverGroup } from './support/server-group.ts'
import { until } from './support/store-client.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

/** Tells of each module of the cluster that the process loads: of PostgreSQL's driver, of pg-boss, and of the SDK of S3. */
const hook = `import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) {
  if (/\\/node_modules\\/(pg|@aws-sdk|@smithy)/.test(url)) process.stderr.write('loaded ' + url + '\\n')
  return next(url, context)
} })`
const told = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` }

test('a server with SQLite and a directory loads no module of the cluster, and others load those that they need', async () => {
  const embedded = await servers.start(await servers.data(), told)
  expect((await fetch(`${embedded.url}/v1/models`)).status).toBe(200)
  expect(embedded.logs.join('')).not.toContain('loaded')
  const nowhere = 'postgres://tureen@127.0.0.1:1/tureen'
  const waiting = servers.launch(await servers.data(), { ...told, TUREEN_DATABASE_URL: nowhere })
  await until('the driver is loaded', () => waiting.output.some(text => text.includes('/node_modules/pg/')))
  expect(waiting.output.join('')).not.toContain('/node_modules/pg-boss/')
  const sharing = servers.launch(await servers.data(), {
    ...told,
    TUREEN_DATABASE_URL: nowhere,
    TUREEN_CONTENT: 's3://nowhere',
  })
  await until('pg-boss is loaded', () => sharing.output.some(text => text.includes('/node_modules/pg-boss/')))
  for (const { process } of [waiting, sharing]) {
    process.kill('SIGKILL')
    await once(process, 'close')
  }
})
