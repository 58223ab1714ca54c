import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { digestOfFiles, type ModelInFiles, modelForm } from '../support/external-model.ts'
import { type FaultyServer, startFaultyServer } from '../support/faults/faulty-server.ts'
import type { CallCounts, Fault } from '../support/faults/protocol.ts'
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
  let few: CallCounts
  let many: CallCounts
  beforeAll(async () => {
    const calls = async (files: number) => {
      seed += 1000
      const model = manyFilesModel(files, seed)
      const { result, calls } = await server.counting(() => upload(model))
      expect(result).toMatchObject({ status: 'complete', sha256: digestOfFiles(model) })
      return calls
    }
    // The first upload makes directories that the others find.
    await calls(fewFiles)
    few = await calls(fewFiles)
    many = await calls(2 * fewFiles)
  })

  test.each(kinds)('makes at most twice the calls of %s for twice the files', kind => {
    expect(many[kind]).toBeLessThanOrEqual(2 * few[kind])
  })
})
