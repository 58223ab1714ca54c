import { setTimeout as delay } from 'node:timers/promises'

/**
 * Measures one candidate.
 * @param data external data by its location in the model, only of models above 2 GB: `externalData` of onnxruntime
 * @returns its score, or one score per sample, whose mean counts
 */
export type Measure = (
  content: Uint8Array<ArrayBuffer>,
  split: 'selection' | 'test',
  data: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
) => Promise<number | number[]>

type Lease = {
  id: string | null
  job: { status: string }
  candidates: {
    id: string
    split: 'selection' | 'test'
    content: string
    data: { location: string; content: string }[]
  }[]
}

const ended = ['succeeded', 'failed', 'cancelled']

/**
 * Scores the candidates of a search until it ends.
 *
 * @param job URL of the search, such as http://127.0.0.1:3000/v1/jobs/ID
 * @param options `token`: of the scope `score`, if the server has tokens; `count`: candidates in one lease; `seconds`: of a lease, which is
 *   renewed after a third of them
 * @throws Error if the server refuses a request for another reason than an expired lease or a score that another scorer sent
 */
export async function scoreCandidates(
  job: string,
  measure: Measure,
  { token, count = 4, seconds = 60 }: { token?: string | undefined; count?: number; seconds?: number } = {},
): Promise<void> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }

  /** Returns undefined if there is no such thing (any more), or if another scorer was first. */
  async function ask(method: string, path: string, body?: object): Promise<Response | undefined> {
    const init = body ? { method, headers, body: JSON.stringify(body) } : { method, headers }
    const response = await fetch(new URL(path, job), init).catch(() => undefined)
    if (response === undefined || response.status >= 500) {
      // The server restarts, or the network is away.
      await delay(2000)
      return ask(method, path, body)
    }
    if (response.status === 404 || response.status === 409) return undefined
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${await response.text()}`)
    return response
  }

  async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const answer = await ask('GET', path)
    return answer && new Uint8Array(await answer.arrayBuffer())
  }

  while (true) {
    const answer = await ask('POST', `${job}/leases?wait=30`, { count, seconds })
    if (answer === undefined) return
    const lease: Lease = JSON.parse(await answer.text())
    if (ended.includes(lease.job.status)) return
    const renewing = setInterval(
      () => void ask('PATCH', `${job}/leases/${lease.id}`, { seconds }).catch(() => undefined),
      (seconds * 1000) / 3,
    )
    try {
      for (const { id, split, content, data } of lease.candidates) {
        const model = await bytesOf(content)
        const parts = new Map<string, Uint8Array<ArrayBuffer>>()
        for (const { location, content } of data) {
          const part = await bytesOf(content)
          if (part) parts.set(location, part)
        }
        if (model === undefined || parts.size < data.length) break
        const score = await measure(model, split, parts).then(asScore, (error: unknown) => ({ error: String(error) }))
        await ask('PUT', `${job}/candidates/${id}/score`, score)
      }
    } finally {
      clearInterval(renewing)
    }
  }
}

function asScore(measured: number | number[]): object {
  // JSON has no NaN: the server would read null.
  if (![measured].flat().every(Number.isFinite)) return { error: `${measured} is no finite number` }
  return typeof measured === 'number' ? { score: measured } : { scores: measured }
}
