import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, postJson, sha256, uploadModel } from './http-client.ts'
import { elementType, linearModel } from './onnx-model.ts'
import { until } from './store-client.ts'

/**
 * Number of times that a merge takes one file of 16 MB: 2 billion numbers to add. float8 is slow to compute for its size. So there is little
 * to upload, and there are few models to read before a job runs.
 */
const times = 128
const elements = 1 << 24

let long: { bytes: Uint8Array<ArrayBuffer>; digest: string } | undefined

/** Starts a merge that takes seconds, so that a test finds it running. Cancel it at the end. */
export async function startLongMerge(
  url: string,
  settings: { name?: string; labels?: Record<string, string> } = {},
): Promise<{ job: JobRecord; model: ModelRecord }> {
  const model = await longModel(url)
  const models = Array.from({ length: times }, () => ({ id: model.id }))
  const response = await postJson(`${url}/v1/merges`, { models, normalize: false, ...settings })
  if (response.status !== 202) throw new Error(`the long merge answered ${response.status}: ${await response.text()}`)
  return { job: await json<JobRecord>(response), model }
}

/** Returns the file that a long merge takes. */
export function longModelBytes(): Uint8Array<ArrayBuffer> {
  long ??= makeLong()
  return long.bytes
}

async function longModel(url: string): Promise<ModelRecord> {
  long ??= makeLong()
  const list = await fetch(`${url}/v1/models?name=long&sha256=${long.digest}`)
  const { items } = await json<{ items: ModelRecord[] }>(list)
  return items[0] ?? uploadModel(url, long.bytes, 'name=long')
}

function makeLong() {
  const bytes = linearModel([], [1, 2, 3, 4], ({ graph }) => {
    const matrix = { name: 'W', dims: [elements / 4, 4], dataType: elementType.float8e4m3fn }
    const rawData = new Uint8Array(elements)
    for (let index = 0; index < elements; index += 1) rawData[index] = index % 100
    graph.initializer = [{ ...matrix, rawData }, ...(graph.initializer?.slice(1) ?? [])]
  })
  return { bytes, digest: sha256(bytes) }
}

/** Waits until a job is in this state, and fails if it ends in another. */
export async function untilStatus(url: string, id: string, status: JobRecord['status']): Promise<JobRecord> {
  const now = async () => json<JobRecord>(await fetch(`${url}/v1/jobs/${id}`))
  let job = await now()
  const isThere = async () => {
    job = await now()
    if (job.status !== status && job.finishedAt) throw new Error(`the job is ${job.status}, not ${status}`)
    return job.status === status
  }
  await until(`the job is ${status}`, isThere, 60_000)
  return job
}

export async function cancelJob(url: string, id: string): Promise<Response> {
  return fetch(`${url}/v1/jobs/${id}/cancel`, { method: 'POST' })
}
