import { setTimeout as delay } from 'node:timers/promises'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { seededRandom } from '../support/random.ts'
import { spawnServer, temporaryDirectory } from '../support/server.ts'
import { readApiDocument } from './api-document.ts'
import { type FuzzRequest, httpRequest, type KnownIds } from './http-request.ts'

export type HttpFinding = { index: number; request: FuzzRequest; reason: string; answer: string }
export type HttpFuzzResult = {
  seed: number
  requests: number
  seconds: number
  operations: number
  /** Answers by status. */
  statuses: Record<string, number>
  findings: HttpFinding[]
}

/** An answer that takes as long does not come: requests wait for jobs no longer than a second. */
const hangMilliseconds = 20_000
const mostFindings = 20
/** Of what there is, the newest are asked for. */
const keptIds = 30

/**
 * Sends random requests to a server one after the other, so that a seed repeats a run, until the time is over or so many were sent. Every answer
 * has to be one that /openapi.json describes.
 */
export async function fuzzHttp(
  seed: number,
  bounds: { seconds: number; requests: number },
  onFinding: (finding: HttpFinding) => void = () => undefined,
): Promise<HttpFuzzResult> {
  const directory = await temporaryDirectory()
  const server = await spawnServer(directory.path, {
    TUREEN_EVAL_SECONDS: '2',
    TUREEN_EVAL_MEMORY: String(256 * 2 ** 20),
    TUREEN_MAX_UPLOAD_BYTES: '200000',
    TUREEN_LOG_LEVEL: 'info',
  })
  const document = readApiDocument(await (await fetch(`${server.url}/openapi.json`)).json())
  const random = seededRandom(seed)
  const ids: KnownIds = { models: [], datasets: [], jobs: [] }
  for (const weight of [1, 2, 3, 4]) {
    const response = await fetch(`${server.url}/v1/models`, { method: 'POST', body: linearModel([weight], [1]) })
    ids.models.push(Object(await response.json()).id)
  }
  const array = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  const dataset = await fetch(`${server.url}/v1/datasets`, { method: 'POST', body: npz({ x: array, y: array }) })
  ids.datasets.push(Object(await dataset.json()).id)
  const reached = new Set<string>()
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  const result: HttpFuzzResult = { seed, requests: 0, seconds: 0, operations: 0, statuses: {}, findings: [] }
  let dead = false
  server.exited.then(() => {
    dead = true
  })
  try {
    for (let index = 0; index < bounds.requests && seconds() < bounds.seconds; index += 1) {
      const request = httpRequest(document, seed, index, random, ids)
      const found = (reason: string, answer = '') => {
        const finding = { index, request, reason, answer }
        result.findings.push(finding)
        onFinding(finding)
      }
      result.requests += 1
      try {
        const { status, type, body } = await send(server.url, request)
        result.statuses[status] = (result.statuses[status] ?? 0) + 1
        if (status < 300) reached.add(`${request.operation.method} ${request.operation.path}`)
        const objection = document.objection(request.operation, status, type, body, request.path.includes('fail=http'))
        if (objection) found(objection, body.slice(0, 600))
        learn(ids, request, status, body)
      } catch (error) {
        if (dead) {
          found(`the server died: ${server.logs.slice(-5).join('\n')}`)
          break
        }
        const cause = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error)
        found(`no answer: ${cause}`)
      }
      if (result.findings.length >= mostFindings) break
    }
    const alive = await fetch(`${server.url}/healthz`, { signal: AbortSignal.timeout(hangMilliseconds) }).catch(
      () => null,
    )
    if (alive?.status !== 200 && !dead) throw new Error('the server does not answer any more')
  } finally {
    server.process.kill('SIGKILL')
    await Promise.race([server.exited, delay(5_000)])
    await directory.remove()
  }
  return { ...result, seconds: seconds(), operations: reached.size }
}

async function send(url: string, { operation, path, headers, body }: FuzzRequest) {
  const response = await fetch(url + path, {
    method: operation.method,
    headers,
    body,
    signal: AbortSignal.timeout(hangMilliseconds),
  })
  const type = response.headers.get('content-type')
  // A stream of events ends with its job, which may wait for others.
  if (type?.startsWith('text/event-stream')) {
    await response.body?.cancel()
    return { status: response.status, type, body: '' }
  }
  return { status: response.status, type, body: await response.text() }
}

function learn(ids: KnownIds, { operation, path }: FuzzRequest, status: number, body: string): void {
  if (operation.method === 'DELETE' && status === 204)
    for (const list of [ids.models, ids.datasets]) {
      const place = list.findIndex(id => path.includes(id))
      if (place >= 0) list.splice(place, 1)
    }
  if (operation.method !== 'POST' || status < 200 || status > 202 || operation.path === '/v1/soup') return
  const { id, type } = Object(JSON.parse(body))
  const list = type !== undefined ? ids.jobs : operation.path === '/v1/datasets' ? ids.datasets : ids.models
  list.push(String(id))
  if (list.length > keptIds) list.shift()
}
