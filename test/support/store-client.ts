import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ModelRecord } from '../../schemas/model.ts'
import { type HeavyModel, modelBytes } from './heavy-model.ts'

export type MergeBody = {
  models: readonly { id: string; weight: number }[]
  name?: string
  labels?: Record<string, string>
  provenance?: boolean
}

/** The fields of a merge job that tests use. */
export type MergeJob = {
  id: string
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
  progress: { done: number; total: number } | null
  startedAt: string | null
  attempts: number
  labels: Record<string, string>
  request: { name?: string }
  result?: { model: { id: string; sha256: string; bytes: number } }
  error?: object
}

/** A job in a list. */
export type ListedJob = Omit<MergeJob, 'request' | 'result'> & { name: string | null }

/** Uploads a model in pieces, so that it is never in memory as a whole. @throws Error with the answer if it is refused */
export async function upload(url: string, model: HeavyModel, name: string): Promise<ModelRecord> {
  const body = modelBytes(model)
  const response = await fetch(`${url}/v1/models?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: ReadableStream.from(body),
    duplex: 'half',
  })
  return answer(response)
}

export async function merge(url: string, body: MergeBody, wait?: number): Promise<MergeJob> {
  const response = await fetch(`${url}/v1/merges${wait === undefined ? '' : `?wait=${wait}`}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return answer(response)
}

export async function job(url: string, id: string, wait?: number): Promise<MergeJob> {
  return answer(await fetch(`${url}/v1/jobs/${id}${wait === undefined ? '' : `?wait=${wait}`}`))
}

/** Lists all models or all jobs, page by page. */
export async function listAll(url: string, what: 'models', query?: string): Promise<ModelRecord[]>
export async function listAll(url: string, what: 'jobs', query?: string): Promise<ListedJob[]>
export async function listAll(url: string, what: 'models' | 'jobs', query = ''): Promise<(ModelRecord | ListedJob)[]> {
  const items: (ModelRecord | ListedJob)[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: (ModelRecord | ListedJob)[]; nextCursor: string | null } = await answer(
      await fetch(`${url}/v1/${what}?limit=100&${query}${cursor && `&cursor=${cursor}`}`),
    )
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

/** Downloads a model's content. @returns the digest of it, and of its first `prefix` bytes */
export async function downloadDigest(
  url: string,
  id: string,
  prefix = 0,
): Promise<{ sha256: string; prefixSha256: string; bytes: number }> {
  const response = await fetch(`${url}/v1/models/${id}/content`)
  if (response.status !== 200 || !response.body) throw new Error(`content of ${id}: ${response.status}`)
  const whole = createHash('sha256')
  const start = createHash('sha256')
  let bytes = 0
  for await (const chunk of response.body) {
    whole.update(chunk)
    if (bytes < prefix) start.update(chunk.subarray(0, prefix - bytes))
    bytes += chunk.byteLength
  }
  return { sha256: `sha256:${whole.digest('hex')}`, prefixSha256: `sha256:${start.digest('hex')}`, bytes }
}

async function answer<Body>(response: Response): Promise<Body> {
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`)
  return JSON.parse(text)
}

/** Least and most milliseconds between two checks of {@link until}. */
const [leastPause, mostPause] = [10, 50]

/**
 * Calls `check` again and again until it is true, less often the longer it takes: each check costs the processor that it waits for. @throws Error with the name `what` if it never is
 */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  milliseconds = 30_000,
): Promise<void> {
  const started = performance.now()
  while (!(await check())) {
    const waited = performance.now() - started
    if (waited > milliseconds) throw new Error(`${what}: not within ${milliseconds} ms`)
    await delay(Math.min(Math.max(leastPause, waited / 10), mostPause))
  }
}
