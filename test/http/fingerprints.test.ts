import { afterAll, beforeAll, expect, test } from 'vitest'
import { model as modelSchema } from '../../schemas/model.ts'
import { externalModel } from '../support/external-model.ts'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { renamedModel } from '../support/renamed-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

test('a fingerprint finds the relatives of a model, whatever names they use and however they are stored', async () => {
  const model = await uploadModel(app.url, linearModel([1, 2, 3, 4], [5, 6]))
  const renamed = await uploadModel(app.url, renamedModel(linearModel([9, 9, 9, 9], [9, 9]), 'x'))
  const other = await uploadModel(app.url, linearModel([1, 2], [5, 6]))
  const { main, data } = externalModel([4, 3, 2, 1], [1, 1])
  let external = await uploadModel(app.url, main)
  expect([external.status, external.fingerprint]).toEqual(['incomplete', null])
  for (const [location, bytes] of Object.entries(data)) {
    const response = await fetch(`${app.url}/v1/models/${external.id}/data/${location}`, { method: 'PUT', body: bytes })
    external = modelSchema.parse(await response.json())
  }
  expect(external.status).toBe('complete')
  const found = await fetch(`${app.url}/v1/models?fingerprint=${model.fingerprint}`)
  const { items }: { items: { id: string }[] } = JSON.parse(await found.text())
  expect(items.map(({ id }) => id)).toEqual([external.id, renamed.id, model.id])
  expect(other.fingerprint).not.toBe(model.fingerprint)
})
