import { sha256 } from './http-client.ts'

/** Answers of a server by path: status, ETag, and the text or the digest of the body. */
export type StoreAnswers = Record<string, { status: number; etag: string | null; body: string }>

type Listed = { items: { id: string; files?: { location: string }[] }[]; nextCursor: string | null }

/** Reads all that a server has: lists, records, content, scores, recipes and events. @param leftOut ids of jobs that may change meanwhile */
export async function storeAnswers(url: string, leftOut: ReadonlySet<string> = new Set()): Promise<StoreAnswers> {
  const answers: StoreAnswers = {}
  const get = async (path: string, isBytes = false) => {
    const response = await fetch(`${url}${path}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const body = isBytes ? sha256(bytes) : new TextDecoder().decode(bytes)
    answers[path] = { status: response.status, etag: response.headers.get('etag'), body: withoutRequestId(body) }
    return body
  }
  const list = async (kind: string): Promise<Listed['items']> => {
    const path = `/v1/${kind}?limit=100`
    const { items, nextCursor }: Listed = JSON.parse(await get(path))
    if (nextCursor !== null) throw new RangeError(`more than 100 ${kind}`)
    const kept = items.filter(({ id }) => !leftOut.has(id))
    answers[path] = { status: 200, etag: null, body: JSON.stringify(kept) }
    return kept
  }
  for (const { id, files = [] } of await list('models')) {
    for (const part of ['', '/tensors', '/scores', '/recipe']) await get(`/v1/models/${id}${part}`)
    await get(`/v1/models/${id}/content`, true)
    for (const { location } of files)
      if (location !== '') await get(`/v1/models/${id}/data/${encodeURIComponent(location)}`, true)
  }
  for (const { id } of await list('datasets')) await get(`/v1/datasets/${id}`)
  for (const { id } of await list('jobs')) {
    await get(`/v1/jobs/${id}`)
    await get(`/v1/jobs/${id}/events`)
  }
  return answers
}

function withoutRequestId(body: string): string {
  return body.replaceAll(/"requestId":"[^"]*"/g, '')
}
