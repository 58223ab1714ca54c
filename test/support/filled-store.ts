import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelRecord } from '../../schemas/model.ts'
import { type ModelInFiles, modelForm } from './external-model.ts'
import { json, uploadModel } from './http-client.ts'
import { npz } from './npz.ts'
import { linearModel } from './onnx-model.ts'
import { startApp, temporaryDirectory } from './server.ts'

type Dataset = { id: string; name: string | null; sha256: string; samples: number }

/** Content of a store after a pipeline: two models and a data set. */
export type Filled = { a: ModelRecord; b: ModelRecord; val: Dataset }

/** Uploads two models and a data set. */
export async function fill(url: string): Promise<Filled> {
  const a = await uploadModel(url, linearModel([0.5], [1]), 'name=a&label=run:1')
  const b = await uploadModel(url, linearModel([2], [1]), 'name=b')
  const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
  const val = await uploadDataset(url, 'val', npz({ x: values, t: values }))
  return { a, b, val }
}

export async function uploadDataset(url: string, name: string, body: Uint8Array<ArrayBuffer>): Promise<Dataset> {
  return json<Dataset>(await fetch(`${url}/v1/datasets?name=${name}`, { method: 'POST', body }))
}

export async function uploadInFiles(url: string, model: ModelInFiles): Promise<ModelRecord> {
  return json<ModelRecord>(await fetch(`${url}/v1/models`, { method: 'POST', body: modelForm(model) }))
}

/** A data directory that outlives its servers. */
export async function lastingStore() {
  const parent = await temporaryDirectory()
  const data = join(parent.path, 'data')
  return {
    data,
    parent: parent.path,
    serving: <Result>(use: (url: string) => Promise<Result>) => serving(data, use),
    remove: parent.remove,
  }
}

/** Runs `use` with a server on a data directory, and stops it. */
export async function serving<Result>(data: string, use: (url: string) => Promise<Result>): Promise<Result> {
  const app = await startApp({ TUREEN_DATA: data })
  try {
    return await use(app.url)
  } finally {
    await app.close()
  }
}

/** A filled store, made by one server, and copies of it for tests that damage them. */
export async function copiedStore() {
  const original = await lastingStore()
  const records = await original.serving(fill)
  const data = join(original.parent, 'copy')
  return {
    ...original,
    records,
    data,
    /** Makes the copy at `data` again. */
    renew() {
      rmSync(data, { recursive: true, force: true })
      cpSync(original.data, data, { recursive: true, preserveTimestamps: true })
    },
    serving: <Result>(use: (url: string) => Promise<Result>) => serving(data, use),
  }
}

/** Returns the path of the content file of a digest. */
export function contentFile(data: string, sha256: string, folder: 'content' | 'quarantine' = 'content'): string {
  const hex = sha256.replace('sha256:', '')
  return join(data, folder, hex.slice(0, 2), hex)
}

/** Flips one bit of a file, as a bad disk does. */
export function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
