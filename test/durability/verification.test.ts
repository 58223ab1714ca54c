import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Usage } from '../../schemas/service.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'
import { contentFile, type Filled, fill } from '../support/filled-store.ts'
import { json, readProblem, sha256, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const day = 86_400_000
let now = Date.parse('2026-01-01T00:00:00Z')
let app: Awaited<ReturnType<typeof startApp>>
let stored: Filled
beforeAll(async () => {
  app = await startApp({ TUREEN_SWEEP_SECONDS: '1', TUREEN_VERIFY_DAYS: '7', TUREEN_METRICS: 'open' }, () => now)
  stored = await fill(app.url)
})
afterAll(() => app.close())

const verification = async () => (await json<Usage>(await fetch(`${app.url}/v1/usage`))).verification
const metrics = async () => (await fetch(`${app.url}/metrics`)).text()
const content = (id: string) => fetch(`${app.url}/v1/models/${id}/content`)

/** Lets the days of one pass go by. @returns its result */
async function nextPass() {
  const before = (await verification()).last?.finishedAt
  now += 7 * day
  await until('a pass is finished', async () => (await verification()).last?.finishedAt !== before)
  return (await verification()).last
}

test('a running server verifies all content in the background, and says so in its usage and metrics', async () => {
  expect(await verification()).toMatchObject({ days: 7, last: null })
  expect(await nextPass()).toMatchObject({ files: 3, damagedFiles: 0, damaged: [] })
  expect(await metrics()).toContain('tureen_verified_files_total{result="sound"} 3')
})

test('damage of content in use is found and named, its next read fails, and the same upload mends it', async () => {
  const { id, sha256 } = stored.a
  expect((await content(id)).status).toBe(200)
  const path = contentFile(app.data, sha256)
  const { atime, mtime } = statSync(path)
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  writeFileSync(path, bytes)
  utimesSync(path, atime, mtime)
  expect(await nextPass()).toMatchObject({ files: 3, damagedFiles: 1, damaged: [{ sha256, records: [id] }] })
  const text = await metrics()
  expect(text).toContain('tureen_verified_files_total{result="damaged"} 1')
  expect(text).toContain('tureen_content_damaged_total 1')
  await readProblem(await content(id), 500, 'TUREEN_CONTENT_DAMAGED')
  expect((await uploadModel(app.url, linearModel([0.5], [1]), 'name=a&label=run:1')).id).toBe(id)
  expect((await content(id)).status).toBe(200)
  expect(await nextPass()).toMatchObject({ files: 3, damagedFiles: 0 })
})

test('what requests need hashed does not wait for the verification', async () => {
  const directory = await temporaryDirectory()
  const nothing = () => undefined
  const threads = createThreadPool(nothing, nothing)
  try {
    const large = join(directory.path, 'large')
    const bytes = Buffer.alloc(128 << 20, 1)
    writeFileSync(large, bytes)
    const small = Array.from({ length: 8 }, (_, index) => join(directory.path, `small${index}`))
    for (const path of small) writeFileSync(path, path)
    const { signal } = new AbortController()
    const order: string[] = []
    const slowly = [large, large].map(async path => {
      expect(await threads.hashSlowly(path, signal)).toEqual({ sha256: `sha256:${sha256(bytes)}` })
      order.push('slow')
    })
    await Promise.all(small.map(path => threads.hash(path, signal)))
    order.push('fast')
    await Promise.all(slowly)
    expect(order).toEqual(['fast', 'slow', 'slow'])
  } finally {
    await threads.close()
    await directory.remove()
  }
})
