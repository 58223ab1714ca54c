import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { createModelStore } from '../../src/models/model-store.ts'
import { createContents } from '../../src/storage/contents.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { linearModel } from '../support/onnx-model.ts'
import { openContent } from '../support/open-content.ts'
import { temporaryDirectory } from '../support/server.ts'
import { sharedPool } from '../support/shared-threads.ts'
import { digest } from '../support/soup.ts'

/** A store of models that no server runs. */
async function openStore() {
  const directory = await temporaryDirectory()
  const catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const threads = sharedPool()
  const reserve = createReserve(directory.path, async () => undefined)
  const store = await openContent(directory.path, 0, { hash: threads.hash })
  const { contentFiles } = store
  const contents = createContents(catalog, store, reserve)
  const models = createModelStore(catalog, contentFiles, contents, threads)
  return {
    models,
    async add(bytes: Uint8Array) {
      const path = contentFiles.incomingPath()
      await writeFile(path, bytes)
      const file = { path, location: '', sha256: digest(bytes), bytes: bytes.byteLength }
      return (await models.add([file], { name: null, labels: { of: 'test' }, expiresAt: null })).model
    },
    async close() {
      await threads.close()
      await catalog.destroy()
      await directory.remove()
    },
  }
}

let store: Awaited<ReturnType<typeof openStore>>
beforeAll(async () => {
  store = await openStore()
})
afterAll(() => store.close())

const codeOf = (reason: unknown) => asTureenError(reason).code

test('a model that is deleted while it is about to be read is not found, rather than damaged', async () => {
  const { models } = store
  const model = await store.add(linearModel([1], [2]))
  const reading = models.blamingDamage([{ label: model.id, ...models.paths(model) }], async () => {
    await models.remove(model.id, () => {})
    throw new Error('ENOENT')
  })
  expect(await reading.catch(codeOf)).toBe('TUREEN_NOT_FOUND')
})

test('whoever looks at a model while it is deleted sees all of it or nothing', async () => {
  const { models } = store
  for (let turns = 0; turns < 30; turns += 1) {
    const model = await store.add(linearModel([1], [turns]))
    const looking = Array.from({ length: 4 }, () => models.get(model.id).catch(codeOf))
    for (let turn = 0; turn < turns; turn += 1) await setImmediate()
    await models.remove(model.id, () => {})
    for (const seen of await Promise.all(looking)) if (seen !== 'TUREEN_NOT_FOUND') expect(seen).toEqual(model)
  }
})
