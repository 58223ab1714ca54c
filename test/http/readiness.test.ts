import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Usage } from '../../schemas/service.ts'
import { oneQuestion } from '../../src/storage/one-question.ts'
import { isClustered } from '../support/clustered.ts'
import { json, readProblem } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const metrics = async () => (await fetch(`${app.url}/metrics`)).text()

describe.skipIf(isClustered())('when the directory of content is gone', () => {
  const content = () => join(app.data, 'content')
  beforeAll(() => rename(content(), `${content()}-elsewhere`))
  afterAll(() => rename(`${content()}-elsewhere`, content()))

  test.each(['/readyz', '/v2/health/ready'])('%s is 503 and names it', async path => {
    const { errors } = await readProblem(await fetch(`${app.url}${path}`), 503, 'TUREEN_NOT_READY')
    expect(errors).toMatchObject([{ field: 'content' }])
  })

  test.each(['/healthz', '/v2/health/live'])('%s is 200: the process answers', async path => {
    expect((await fetch(`${app.url}${path}`)).status).toBe(200)
  })

  test('usage and metrics go on without it', async () => {
    const usage = await json<Usage>(await fetch(`${app.url}/v1/usage`))
    expect(usage.content).toBeNull()
    expect(usage.models).toEqual({ records: 0, bytes: 0 })
    expect(usage.disk?.totalBytes).toBeGreaterThan(0)
    const text = await metrics()
    expect(text).toContain('tureen_store_readable{part="content"} 0')
    expect(text).toContain('tureen_store_readable{part="catalog"} 1')
    expect(text).toContain('tureen_store_records{kind="models"} 0')
    expect(text).not.toMatch(/^tureen_store_content_files /m)
  })
})

test('when it is there again the server is ready again, and its metrics are back', async () => {
  expect((await fetch(`${app.url}/readyz`)).status).toBe(200)
  const text = await metrics()
  expect(text).toContain('tureen_store_readable{part="content"} 1')
  expect(text).toContain('tureen_store_content_files 0')
})

test('a question that is never answered is given up, asked once meanwhile, and asked again when it has ended', async () => {
  let asked = 0
  const { promise, resolve } = Promise.withResolvers<number>()
  const ask = oneQuestion('the disk', () => {
    asked += 1
    return asked === 1 ? promise : Promise.resolve(asked)
  })
  const both = await Promise.allSettled([ask(), ask()])
  for (const each of both) expect(each).toMatchObject({ reason: { code: 'TUREEN_STORE_FAILED' } })
  expect(asked).toBe(1)
  resolve(1)
  await promise
  await new Promise(setImmediate)
  expect(await ask()).toBe(2)
}, 30_000)
