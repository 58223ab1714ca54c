import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { digestOfFiles, type ModelInFiles, modelForm } from '../support/external-model.ts'
import { type FaultyServer, startFaultyServer } from '../support/faults/faulty-server.ts'
import type { Fault } from '../support/faults/protocol.ts'
import { json } from '../support/http-client.ts'
import { manyFilesModel } from '../support/many-files-model.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: FaultyServer
beforeAll(async () => {
  directory = await temporaryDirectory()
  server = await startFaultyServer(directory.path)
})
afterAll(async () => {
  await server.kill()
  await directory.remove()
})

const kinds: Fault['kind'][] = ['open', 'write', 'fsync', 'rename', 'mkdir', 'read', 'catalog']
const fewFiles = 25
let seed = 0

async function inOneForm(model: ModelInFiles): Promise<ModelRecord> {
  return json(await fetch(`${server.url}/v1/models`, { method: 'POST', body: modelForm(model) }))
}

async function oneByOne({ main, data }: ModelInFiles): Promise<ModelRecord> {
  let record: ModelRecord = await json(await fetch(`${server.url}/v1/models`, { method: 'POST', body: main }))
  for (const [location, body] of Object.entries(data))
    record = await json(await fetch(`${server.url}/v1/models/${record.id}/data/${location}`, { method: 'PUT', body }))
  return record
}

describe.each([
  ['one form', inOneForm],
  ['a PUT for each data file', oneByOne],
])('the upload of a model of many files, in %s', (_, upload) => {
  test.each(kinds)('makes at most twice the calls of %s for twice the files', async kind => {
    const calls = async (files: number) => {
      seed += 1000
      const model = manyFilesModel(files, seed)
      // No call has this number: the disk only counts.
      const { result, report } = await server.during({ kind, at: 1_000_000, mode: 'EIO' }, () => upload(model))
      expect(result).toMatchObject({ status: 'complete', sha256: digestOfFiles(model) })
      return report.seen
    }
    const few = await calls(fewFiles)
    const many = await calls(2 * fewFiles)
    expect(many).toBeLessThanOrEqual(2 * few)
  })
})
