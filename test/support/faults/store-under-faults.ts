import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { externalModel, modelForm } from '../external-model.ts'
import { json, postJson, modelForm as soupForm } from '../http-client.ts'
import { manyFilesModel } from '../many-files-model.ts'
import { npz } from '../npz.ts'
import { linearModel } from '../onnx-model.ts'
import { filesIn } from '../server-group.ts'

/** Result of an action: `done`, or the code of its problem. */
export type Ending = string

/** Actions of clients, each with new content, and the record of what was acknowledged. */
export type StoreUnderFaults = {
  actions: Record<string, () => Promise<Ending>>
  /** Everything acknowledged is there with its bytes, in the API and on the disk, and nothing else is but for leftovers of the disk's. */
  expectIntact(url?: string, leftovers?: 'and leftovers'): Promise<void>
}

const jobSeconds = 60
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

type FileRecord = { sha256: string }
type Acknowledged = { id: string; files: string[] }

export async function storeUnderFaults(url: string, data: string): Promise<StoreUnderFaults> {
  const models = new Map<string, Acknowledged>()
  const datasets = new Map<string, Acknowledged>()
  let count = 0
  const next = () => {
    count += 1
    return count
  }

  const problemOf = async (response: Response): Promise<Ending> => {
    const { code } = await json<{ code: string }>(response)
    return `${response.status} ${code}`
  }
  const acknowledged = async (response: Response, kept: Map<string, Acknowledged>): Promise<Ending> => {
    if (!response.ok) return problemOf(response)
    const { id, files } = await json<{ id: string; files: FileRecord[] }>(response)
    kept.set(id, { id, files: files.map(({ sha256 }) => sha256) })
    return 'done'
  }
  const upload = async (body: Uint8Array<ArrayBuffer> | FormData) =>
    acknowledged(await fetch(`${url}/v1/models?name=${next()}`, { method: 'POST', body }), models)
  const uploadDataset = async (values: number[]) => {
    const array = { descr: '<f4', shape: [values.length, 1], data: Float32Array.from(values) }
    const body = npz({ x: array, t: array })
    return acknowledged(await fetch(`${url}/v1/datasets?name=${next()}`, { method: 'POST', body }), datasets)
  }
  type EndedJob = { status: string; error?: { code: string }; result?: { model?: { id: string } } }
  const run = async (path: string, request: object): Promise<{ ending: Ending; job?: EndedJob }> => {
    const response = await postJson(`${url}${path}?wait=${jobSeconds}`, request)
    if (!response.ok) return { ending: await problemOf(response) }
    const job = await json<EndedJob>(response)
    return { ending: job.status === 'succeeded' ? 'done' : (job.error?.code ?? job.status), job }
  }

  const oneColumn = (weight: number) => linearModel([weight], [1])
  await upload(oneColumn(0.5))
  await upload(oneColumn(2))
  await uploadDataset([1, 2, 3])
  const [first, second] = [...models.keys()]
  const [dataset] = [...datasets.keys()]
  if (!first || !second || !dataset) throw new Error('the store could not be filled')

  return {
    actions: {
      upload: () => upload(oneColumn(1000 + next())),
      'upload of several files': () => upload(modelForm(externalModel([next(), 2, 3, 4], [next(), 6]))),
      'upload of many files': () => upload(modelForm(manyFilesModel(30, 1000 * next()))),
      async merge() {
        const { ending, job } = await run('/v1/merges', {
          models: [{ id: first, weight: next() }, { id: second }],
        })
        const id = job?.result?.model?.id
        if (id === undefined) return ending
        const { files } = await json<{ files: FileRecord[] }>(await fetch(`${url}/v1/models/${id}`))
        models.set(id, { id, files: files.map(({ sha256 }) => sha256) })
        return ending
      },
      async 'one-shot soup'() {
        const body = soupForm([oneColumn(next()), oneColumn(next())])
        const response = await fetch(`${url}/v1/soup`, { method: 'POST', body })
        if (!response.ok) return problemOf(response)
        const { headers } = response
        const soup = await response.arrayBuffer().catch(() => undefined)
        if (!soup) return 'cut off'
        const declared = /sha-256=:(.*):/.exec(headers.get('repr-digest') ?? '')?.[1] ?? ''
        expect(digestOf(new Uint8Array(soup))).toBe(`sha256:${Buffer.from(declared, 'base64').toString('hex')}`)
        return 'done'
      },
      async evaluation() {
        const metrics = [{ name: 'allClose', atol: next() / 1000 }]
        const request = { model: first, dataset, inputs: { x: 'x' }, target: 't', metrics }
        return (await run('/v1/evaluations', request)).ending
      },
      'upload of a data set': () => uploadDataset([next(), next()]),
      async deletion() {
        const id = [...models.keys()].find(each => each !== first && each !== second)
        if (id === undefined) throw new Error('there is nothing to delete')
        const response = await fetch(`${url}/v1/models/${id}`, { method: 'DELETE' })
        // Whatever it was answered, it has happened wholly or not at all.
        if ((await fetch(`${url}/v1/models/${id}`)).status === 404) models.delete(id)
        return response.ok ? 'done' : problemOf(response)
      },
      async download() {
        const response = await fetch(`${url}/v1/models/${first}/content`)
        if (!response.ok) return problemOf(response)
        const bytes = await response.arrayBuffer().catch(() => undefined)
        if (!bytes) return 'cut off'
        expect([digestOf(new Uint8Array(bytes))]).toEqual(models.get(first)?.files)
        return 'done'
      },
    },
    async expectIntact(at = url, leftovers) {
      const known = [...models.values(), ...datasets.values()].flatMap(({ files }) => files)
      const expected = { incoming: [], content: [...new Set(known)].sort() }
      const found = async () => {
        const files = await filesIn(data)
        if (leftovers === undefined) return files
        return { incoming: [], content: files.content.filter(each => expected.content.includes(each)) }
      }
      for (let tries = 0; tries < 1000 && JSON.stringify(await found()) !== JSON.stringify(expected); tries += 1)
        await delay(20)
      expect(await found()).toEqual(expected)
      for (const sha256 of expected.content) {
        const hex = sha256.replace('sha256:', '')
        expect(digestOf(readFileSync(join(data, 'content', hex.slice(0, 2), hex)))).toBe(sha256)
      }
      for (const [path, kept] of [
        ['models', models],
        ['datasets', datasets],
      ] as const) {
        const { items } = await json<{ items: { id: string; files: FileRecord[] }[] }>(
          await fetch(`${at}/v1/${path}?limit=500`),
        )
        const found = items.map(({ id, files }) => ({ id, files: files.map(({ sha256 }) => sha256) }))
        expect(found.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
          [...kept.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
        )
      }
    },
  }
}
