import { createHash } from 'node:crypto'
import { z } from 'zod'
import { linearModel } from '../support/onnx-model.ts'
import type { Target } from './target.ts'

const mergeJob = z.object({
  id: z.string(),
  status: z.string(),
  result: z.object({ model: z.object({ id: z.string() }) }),
})
const waitSeconds = 30

/** Uploads two models, merges them, compares the soup with its known bytes, and deletes all of it. @throws Error if any of it fails */
export async function doHonestWork(target: Target, client = 0): Promise<void> {
  const headers = target.headers(client)
  const models = await Promise.all([1, 3].map(weight => target.upload(linearModel([weight], [1]))))
  const request = { models: models.map(id => ({ id })), provenance: false }
  const merged = await target.post(`/v1/merges?wait=${waitSeconds}`, request)
  const text = await merged.text()
  if (merged.status !== 200) throw new Error(`an honest merge answered ${merged.status}: ${text.slice(0, 300)}`)
  const { id, result } = mergeJob.parse(JSON.parse(text))
  const content = await target.fetch(`/v1/models/${result.model.id}/content`, { headers })
  if (sha256(new Uint8Array(await content.arrayBuffer())) !== sha256(linearModel([2], [1])))
    throw new Error(`an honest merge made another model than it should (${content.status})`)
  for (const path of [`/v1/jobs/${id}`, ...[...models, result.model.id].map(model => `/v1/models/${model}`)]) {
    const { status } = await target.fetch(path, { method: 'DELETE', headers })
    if (status !== 204) throw new Error(`DELETE ${path} answered ${status}`)
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
