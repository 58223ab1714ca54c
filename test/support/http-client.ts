import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import onnxProto from 'onnx-proto'
import { expect, inject } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { MergeResult } from '../../schemas/merge.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { causelessCodes } from '../../src/error-catalogue.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A merge job. */
export type MergeJob = Omit<JobRecord, 'result'> & { result?: MergeResult }

/** Uploads a raw model and returns its record. `query`: such as `name=a&label=stage:test`. */
export async function uploadModel(url: string, bytes: Bytes, query = ''): Promise<ModelRecord> {
  const response = await fetch(`${url}/v1/models?${query}`, { method: 'POST', body: bytes })
  const body = await response.text()
  if (!response.ok) throw new Error(`the upload was refused with ${response.status}: ${body}`)
  return JSON.parse(body)
}

/** Returns a body as JSON. */
export async function json<Body = unknown>(response: Response): Promise<Body> {
  return JSON.parse(await response.text())
}

export function postJson(url: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Merges and waits until the job has ended, successfully or not. */
export async function merge(url: string, request: object): Promise<MergeJob> {
  const response = await postJson(`${url}/v1/merges?wait=60`, request)
  const body = await response.text()
  if (response.status !== 200) throw new Error(`the merge answered ${response.status}: ${body}`)
  return JSON.parse(body)
}

/** Returns the bytes of the model that a job made. */
export async function mergedContent(url: string, job: MergeJob): Promise<Bytes> {
  const response = await fetch(`${url}/v1/models/${job.result?.model.id}/content`)
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

/** Returns a form with model parts in order, and a recipe if there is one. */
export function modelForm(models: readonly Bytes[], recipe?: unknown): FormData {
  const form = new FormData()
  models.forEach((model, index) => {
    form.append('model', new Blob([model]), `model-${index}.onnx`)
  })
  if (recipe !== undefined) form.append('recipe', typeof recipe === 'string' ? recipe : JSON.stringify(recipe))
  return form
}

export function postSoup(url: string, models: readonly Bytes[], recipe?: unknown): Promise<Response> {
  return fetch(`${url}/v1/soup`, { method: 'POST', body: modelForm(models, recipe) })
}

/** Makes a one-shot soup. It must succeed. */
export async function soup(url: string, models: readonly Bytes[], recipe?: unknown): Promise<Bytes> {
  const response = await postSoup(url, models, recipe)
  if (response.status !== 200) throw new Error(`the soup was refused: ${await response.text()}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Reads a response. It must be a complete problem document with this status and code. */
export async function readProblem(response: Response, status: number, code: string): Promise<ProblemDocument> {
  const text = await response.text()
  expect({ status: response.status, text }).toMatchObject({ status })
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const problem: ProblemDocument = JSON.parse(text)
  expect(problem).toMatchObject({ status, code, requestId: response.headers.get('x-request-id') })
  expect(problem.type).toBe(`/problems/${code}`)
  for (const field of [problem.title, problem.detail]) expect(field).toMatch(/\S/)
  expectTypedCauses(problem)
  return problem
}

/** Expects a message in every cause, and a field that names its subject. Only codes without causes by nature may have none. */
export function expectTypedCauses({ code, errors }: Pick<ProblemDocument, 'code' | 'errors'>): void {
  const isCauseless = causelessCodes.some(each => each === code)
  if (!isCauseless) expect(errors, `${code} names no cause`).not.toEqual([])
  for (const { message, ...place } of errors) {
    expect(message).toMatch(/\S/)
    expect(Object.values(place), `${code}: "${message}" names nothing in a field`).not.toEqual([])
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Returns the SHA-256 of the raw_data of every initializer, as onnx-proto (not our own reader) finds them. */
export function initializerDigests(model: Uint8Array): Record<string, string> {
  const { graph } = onnxProto.onnx.ModelProto.decode(model)
  return Object.fromEntries(
    (graph?.initializer ?? []).map(each => [each.name, sha256(each.rawData ?? new Uint8Array())]),
  )
}

/** Returns the metadata_props of a model, as onnx-proto finds them. */
export function metadataOf(model: Uint8Array): { key: string; value: string }[] {
  const { metadataProps } = onnxProto.onnx.ModelProto.decode(model)
  return metadataProps.map(({ key, value }) => ({ key: key ?? '', value: value ?? '' }))
}

/** Returns the names of the files in a directory of the data directory: `content` or `incoming`. In the tier `cluster`, content is in S3. */
export async function filesIn(data: string, directory: 'content' | 'incoming'): Promise<string[]> {
  if (directory === 'content' && inject('s3')) return (await import('./content-objects.ts')).objectsOf(data)
  const entries = await readdir(join(data, directory), { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(({ name }) => name)
}

/** Deletes content behind the back of a server inside this process. `sha256`: its digest. */
export async function removeContent(data: string, digest: string): Promise<void> {
  const hex = digest.replace('sha256:', '')
  if (inject('s3')) await (await import('./content-objects.ts')).removeObject(data, hex)
  for (const folder of ['content', 'cache']) await rm(join(data, folder, hex.slice(0, 2), hex), { force: true })
}

/** Waits until nothing is left in data/incoming, and fails if that takes more than twenty seconds. */
export function expectNothingIncoming(data: string): Promise<void> {
  return expectEmpty(data, 'incoming')
}

/**
 * Waits until no content is left, and fails if that takes more than twenty seconds. DELETE of a record does not wait for cancelled jobs and
 * for downloads that still hold the content: it goes when they have stopped.
 */
export function expectNoContent(data: string): Promise<void> {
  return expectEmpty(data, 'content')
}

async function expectEmpty(data: string, directory: 'content' | 'incoming'): Promise<void> {
  let files = await filesIn(data, directory)
  for (let tries = 0; files.length > 0 && tries < 1000; tries += 1) {
    await delay(20)
    files = await filesIn(data, directory)
  }
  expect(files).toEqual([])
}

/** Expects that nothing was kept: no record, no content, no unfinished file. */
export async function expectNothingKept({ url, data }: { url: string; data: string }): Promise<void> {
  expect(await json(await fetch(`${url}/v1/models`))).toEqual({ items: [], nextCursor: null })
  expect(await filesIn(data, 'content')).toEqual([])
  await expectNothingIncoming(data)
}

/** Returns paths of the eight fine-tunes of examples/digits, ft0 to ft7. */
export function digits(...numbers: number[]): string[] {
  return numbers.map(number => `examples/digits/ft${number}.onnx`)
}
