import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluationClient } from '../support/evaluation-client.ts'
import { endlessLoop } from '../support/hostile-models.ts'
import { filesIn, json, merge, uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { evaluating, startApp } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ ...evaluating, TUREEN_METRICS: 'open', TUREEN_EVAL_SECONDS: '1' })
})
afterAll(() => app.close())

type Sample = { name: string; labels: Record<string, string>; value: number }

/** A reader of the text format of its own (https://prometheus.io/docs/instrumenting/exposition_formats). */
async function scrape(): Promise<{ samples: Sample[]; types: Map<string, string>; text: string }> {
  const response = await fetch(`${app.url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await response.text()
  const types = new Map<string, string>()
  const samples: Sample[] = []
  for (const line of text.split('\n').filter(Boolean)) {
    const [, comment, ...rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (comment === 'TYPE') types.set(rest[0] ?? '', rest[1] ?? '')
    if (comment) continue
    const [, name = '', inside = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    expect({ line, name }).not.toMatchObject({ name: '' })
    const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text])
    samples.push({ name, labels: Object.fromEntries(labels), value: value === '+Inf' ? Infinity : Number(value) })
  }
  return { samples, types, text }
}

/** The sum of the samples with these labels, and others. */
async function total(name: string, labels: Record<string, string> = {}): Promise<number> {
  const { samples } = await scrape()
  const isWanted = (sample: Sample) =>
    sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  return samples.filter(isWanted).reduce((sum, { value }) => sum + value, 0)
}

describe('requests', () => {
  test('are counted under the template of their route, with method and status', async () => {
    for (const path of ['made-up-1', 'made-up-2', 'made-up-3']) await fetch(`${app.url}/v1/models/${path}`)
    await fetch(`${app.url}/v1/models/made-up-1`, { method: 'PUT' })
    for (const path of ['/made-up/1', '/made-up/2']) await fetch(`${app.url}${path}`)
    const of = (route: string, method: string, status: string) =>
      total('tureen_http_requests_total', { route, method, status })
    await until('all are counted', async () => (await of('none', 'GET', '404')) === 2)
    expect(await of('/v1/models/:id', 'GET', '404')).toBe(3)
    expect(await of('/v1/models/:id', 'PUT', '405')).toBe(1)
    expect((await scrape()).text).not.toContain('made-up')
  })

  test('have durations, whose number is that of the requests', async () => {
    const labels = { route: '/v1/models/:id', method: 'GET' }
    expect(await total('tureen_http_request_duration_seconds_count', labels)).toBe(
      await total('tureen_http_requests_total', labels),
    )
    expect(await total('tureen_http_request_duration_seconds_sum', labels)).toBeGreaterThan(0)
  })
})

describe('work', () => {
  test('uploads and merges count bytes, jobs their ends and durations', async () => {
    const bytes = linearModel([1, 2, 3, 4], [5, 6])
    const uploadedBefore = await total('tureen_upload_bytes_total')
    const { id } = await uploadModel(app.url, bytes)
    expect((await total('tureen_upload_bytes_total')) - uploadedBefore).toBe(bytes.byteLength)
    const job = await merge(app.url, { models: [{ id }, { id }] })
    const ended = { type: 'merge', status: 'succeeded' }
    expect(await total('tureen_jobs', ended)).toBe(1)
    expect(await total('tureen_job_duration_seconds_count', ended)).toBe(1)
    expect(await total('tureen_merge_written_bytes_total')).toBe(job.result?.report.bytesWritten)
    expect(await total('tureen_merge_read_bytes_total')).toBe(job.result?.report.bytesRead)
    expect(await total('tureen_job_queue_depth')).toBe(0)
  })

  test('a model that runs too long is counted as the reason that ended its process', async () => {
    const client = evaluationClient(app.url)
    const model = await client.addModel(endlessLoop())
    const column = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
    const dataset = await client.addDataset(npz({ x: column, y: column }))
    const scoring = { inputs: { x: 'x' }, target: 'y', metrics: ['mse'] }
    const { error } = await client.evaluate({ model, dataset: dataset.id, ...scoring })
    expect(error).toMatchObject({ code: 'TUREEN_EVALUATION_TIMEOUT' })
    expect(await total('tureen_evaluator_exits_total', { reason: 'timeout' })).toBe(1)
    expect(await total('tureen_job_failures_total', { type: 'evaluation', code: 'TUREEN_EVALUATION_TIMEOUT' })).toBe(1)
    expect(await total('tureen_evaluator_starts_total')).toBeGreaterThan(0)
  })
})

test('the store is told as it is on the disk', async () => {
  const listed = await json<{ items: unknown[] }>(await fetch(`${app.url}/v1/models`))
  expect(await total('tureen_store_records', { kind: 'models' })).toBe(listed.items.length)
  expect(await total('tureen_store_content_files')).toBe((await filesIn(app.data, 'content')).length)
  expect(await total('tureen_store_free_bytes')).toBeGreaterThan(0)
})

test('names and types follow the conventions, and the process is told of', async () => {
  const { types, samples } = await scrape()
  for (const [name, type] of types) {
    if (!name.startsWith('tureen_')) continue
    expect({ name, total: name.endsWith('_total') }).toEqual({ name, total: type === 'counter' })
    if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/)
  }
  const names = samples.map(({ name }) => name)
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
    expect(names).toContain(name)
})
