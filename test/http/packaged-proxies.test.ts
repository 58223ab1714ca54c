import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { externalScorer } from '../support/external-scorer.ts'
import { json, merge, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { proxyNames, startPackaged, whyNot } from '../support/packaged-proxies.ts'
import type { StartedProxy } from '../support/proxy-program.ts'
import { projectFile, startApp, temporaryDirectory } from '../support/server.ts'

// What docs/operations/proxies.md tells about Debian's proxies with the settings of their packages.
describe.concurrent.each(proxyNames)('behind %s with the settings of its package', { timeout: 120_000 }, name => {
  const missing = whyNot(name)
  let app: Awaited<ReturnType<typeof startApp>>
  let workspace: Awaited<ReturnType<typeof temporaryDirectory>>
  let proxy: StartedProxy
  let id: string
  let endless: string
  beforeAll(async () => {
    if (missing !== undefined) return
    app = await startApp()
    workspace = await temporaryDirectory()
    proxy = await startPackaged(name, workspace.path, app.url)
    ;({ id } = await uploadModel(proxy.url, linearModel([1, 2], [3, 4])))
    endless = await endlessJob()
  })
  afterAll(async () => {
    await proxy?.close()
    await app?.close()
    await workspace?.remove()
  })

  /** Returns the id of a job that stays queued and takes no processor time: an ended one, whose row says so. */
  async function endlessJob(): Promise<string> {
    const job = await merge(app.url, { models: [{ id }] })
    const catalog = new DatabaseSync(join(app.data, 'catalog.sqlite'))
    catalog
      .prepare(
        "update jobs set status = 'queued', finished_at = null, result_parts = null, progress = null where id = ?",
      )
      .run(job.id)
    for (const table of ['job_events', 'job_result_parts'])
      catalog.prepare(`delete from ${table} where job_id = ?`).run(job.id)
    catalog.close()
    return job.id
  }

  const title = missing === undefined ? '' : ` (skipped: ${missing})`

  test.skipIf(missing !== undefined)(`the longest wait ends before the proxy does${title}`, async () => {
    const response = await fetch(`${proxy.url}/v1/jobs/${endless}?wait=300`)
    expect(response.status).toBe(202)
    expect(response.headers.get('tureen-waited')).toBe('45')
    expect(await json<JobRecord>(response)).toMatchObject({ id: endless, status: 'queued' })
  })

  test.skipIf(missing !== undefined)(`a silent stream of events has a comment every 15 seconds${title}`, async () => {
    // nginx ends a silent answer after 60 seconds, HAProxy after 50: the comments keep the stream open.
    const end = new AbortController()
    // The answer and each comment may arrive late, so all times count from the request.
    const before = performance.now()
    const response = await fetch(`${proxy.url}/v1/jobs/${endless}/events`, { signal: end.signal })
    expect(response.status).toBe(200)
    const comments: number[] = []
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      expect(decoder.decode(chunk)).toBe(': \n\n')
      comments.push(performance.now() - before)
      if (comments.length === 2) break
    }
    end.abort()
    expect(comments[0]).toBeGreaterThanOrEqual(14_900)
    expect(comments[1]).toBeGreaterThanOrEqual(29_900)
  })

  test.skipIf(missing !== undefined)(`events come as they happen${title}`, async () => {
    const started = await postJson(`${proxy.url}/v1/merges`, { models: [{ id }] })
    expect(started.status).toBe(202)
    const text = await (await fetch(`${proxy.url}${started.headers.get('location')}/events`)).text()
    expect(text).toContain('event: done')
  })

  test.skipIf(missing !== undefined)(`headers, ranges and statuses pass${title}`, async () => {
    const waited = await fetch(`${proxy.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify({ models: [{ id }] }),
    })
    expect(waited.headers.get('preference-applied')).toBe('wait=30')
    expect(waited.headers.get('tureen-job-status')).toBe('succeeded')
    const whole = await fetch(`${proxy.url}/v1/models/${id}/content`)
    const bytes = Buffer.from(await whole.arrayBuffer())
    const digest = createHash('sha256').update(bytes).digest('base64')
    expect(whole.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
    const part = await fetch(`${proxy.url}/v1/models/${id}/content`, { headers: { range: 'bytes=8-15' } })
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(8, 16)])
    const etag = whole.headers.get('etag') ?? ''
    const known = await fetch(`${proxy.url}/v1/models/${id}/content`, { headers: { 'if-none-match': etag } })
    expect(known.status).toBe(304)
    const cancelled = await fetch(`${proxy.url}/v1/jobs/none/cancel`, { method: 'POST' })
    expect(cancelled.status).toBe(404)
  })

  test.skipIf(missing !== undefined)(`scorers lease, download in ranges and score${title}`, async () => {
    const { id: other } = await uploadModel(proxy.url, linearModel([5, 6], [7, 8]))
    const scorer = externalScorer(proxy.url)
    const job = await scorer.start([id, other])
    const { id: lease, candidates } = await scorer.lease(job, { count: 100 }, 45)
    const [first, ...others] = candidates
    const whole = await scorer.content(first?.content ?? '')
    const tag = (await scorer.ask('HEAD', first?.content ?? '')).headers.get('etag') ?? ''
    const ranged = { range: 'bytes=8-15', 'if-range': tag }
    const part = await scorer.ask('GET', first?.content ?? '', undefined, ranged)
    expect([part.status, new Uint8Array(await part.arrayBuffer())]).toEqual([206, whole.subarray(8, 16)])
    expect((await scorer.ask('PATCH', `/v1/jobs/${job}/leases/${lease}`, { seconds: 60 })).status).toBe(200)
    for (const each of others) await scorer.score(job, each.id, { score: 0 })
    // 50 KB, which also nginx lets pass.
    const scores = Array.from({ length: 2500 }, (_, index) => index / 2500)
    expect((await scorer.score(job, first?.id ?? '', { scores })).status).toBe(200)
    expect((await scorer.ask('DELETE', `/v1/jobs/${job}/leases/${lease}`)).status).toBe(204)
    const ended = await scorer.scoreAll(job, () => ({ score: 0 }))
    expect(ended.status).toBe('succeeded')
  })

  const large = linearModel(Array<number>(500_000).fill(1), [1])

  if (name === 'nginx')
    test.skipIf(missing !== undefined)(`uploads above 1 MiB are refused by nginx itself${title}`, async () => {
      const response = await fetch(`${proxy.url}/v1/models`, { method: 'POST', body: large })
      expect([response.status, response.headers.get('content-type')]).toEqual([413, 'text/html'])
    })
  else
    test.skipIf(missing !== undefined)(`uploads of any size pass, with a length and in chunks${title}`, async () => {
      const { sha256 } = await uploadModel(proxy.url, large)
      const stream = ReadableStream.from(piecesOf(large))
      const chunked = await fetch(`${proxy.url}/v1/models`, { method: 'POST', body: stream, duplex: 'half' })
      expect(await json(chunked)).toMatchObject({ sha256 })
    })
})

const noHaproxy = whyNot('haproxy')

test.skipIf(noHaproxy !== undefined)(
  `HAProxy takes the settings of the page${noHaproxy ? ` (skipped: ${noHaproxy})` : ''}`,
  async () => {
    const page = String(await projectFile('docs/operations/proxies.md'))
    const [, settings = ''] = /```haproxy\n([\s\S]*?)```/.exec(page) ?? []
    expect(settings).toContain('timeout server')
    const workspace = await temporaryDirectory()
    const file = join(workspace.path, 'haproxy.cfg')
    await writeFile(file, settings.replace(/bind .*/, 'bind 127.0.0.1:9'))
    // Its warnings would be on standard error.
    const { status, stderr } = spawnSync('haproxy', ['-c', '-q', '-f', file], { encoding: 'utf8' })
    await workspace.remove()
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  },
)

async function* piecesOf(bytes: Uint8Array<ArrayBuffer>) {
  for (let start = 0; start < bytes.byteLength; start += 100_000) {
    yield bytes.subarray(start, start + 100_000)
    await delay(1)
  }
}
