import { expect } from 'vitest'
import { type ModelInFiles, modelForm } from './external-model.ts'
import { json, type MergeJob } from './http-client.ts'

/** Uploads a model of several files in one form. @returns its id */
export async function uploadInFiles(url: string, model: ModelInFiles): Promise<string> {
  const response = await fetch(`${url}/v1/models`, { method: 'POST', body: modelForm(model) })
  const { id } = await json<{ id: string }>(response)
  expect(response.status).toBeOneOf([200, 201])
  return id
}

/** Returns the bytes at a path below a model, such as `ID/data/weights.bin`. */
export async function modelBytesAt(url: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`${url}/v1/models/${path}`)
  expect(response.status, path).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

/** Returns the ID of the model that a merge made, or the reason why it made none. */
export const resultOf = ({ result, error }: MergeJob) => result?.model.id ?? JSON.stringify(error)
