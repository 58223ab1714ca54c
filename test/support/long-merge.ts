import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { bigModel } from './big-model.ts'
import { json, postJson, sha256, uploadModel } from './http-client.ts'

/** 16 GB to read and add up, out of one file of 32 MB. */
const times = 512
const elements = 1 << 23

let bytes: Uint8Array<ArrayBuffer> | undefined

/** A merge that takes seconds, so that a test finds it running; cancel it when done. */
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

async function longModel(url: string): Promise<ModelRecord> {
  bytes ??= bigModel(elements)
  const list = await fetch(`${url}/v1/models?name=long&sha256=${sha256(bytes)}`)
  const { items } = await json<{ items: ModelRecord[] }>(list)
  return items[0] ?? uploadModel(url, bytes, 'name=long')
}

/** Waits until a job is in this state, and fails if it ends in another. */
export async function untilStatus(url: string, id: string, status: JobRecord['status']): Promise<JobRecord> {
  for (;;) {
    const job = await json<JobRecord>(await fetch(`${url}/v1/jobs/${id}`))
    if (job.status === status) return job
    if (job.finishedAt) throw new Error(`the job is ${job.status}, not ${status}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export async function cancelJob(url: string, id: string): Promise<Response> {
  return fetch(`${url}/v1/jobs/${id}/cancel`, { method: 'POST' })
}
