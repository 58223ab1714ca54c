import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { createModelStore } from '../../src/models/model-store.ts'
import { openArtifacts } from '../../src/storage/artifacts.ts'
import { createContents } from '../../src/storage/contents.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'
import { linearModel } from '../support/onnx-model.ts'
import { temporaryDirectory } from '../support/server.ts'
import { digest } from '../support/soup.ts'

test('a model that is deleted while it is about to be read is not found, rather than damaged', async () => {
  const directory = await temporaryDirectory()
  const catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const artifacts = await openArtifacts(directory.path, 0, () => {})
  const threads = createThreadPool(
    error => {
      throw error
    },
    () => {},
  )
  const models = createModelStore(catalog, artifacts, createContents(catalog, artifacts, threads.hash), threads)
  try {
    const bytes = linearModel([1], [2])
    const path = artifacts.incomingPath()
    await writeFile(path, bytes)
    const file = { path, location: '', sha256: digest(bytes), bytes: bytes.byteLength }
    const { model } = await models.add([file], { name: null, labels: {}, expiresAt: null })
    const reading = models.blamingDamage([{ label: model.id, ...models.paths(model) }], async () => {
      await models.remove(model.id, () => {})
      throw new Error('ENOENT')
    })
    const error = asTureenError(
      await reading.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    )
    expect(error.code).toBe('TUREEN_NOT_FOUND')
  } finally {
    await threads.close()
    await catalog.destroy()
    await directory.remove()
  }
})
