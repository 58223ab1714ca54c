import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { externalModel } from '../support/external-model.ts'
import { linearModel, rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof createClient>
beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url })
})
afterAll(() => app.close())

const models = [linearModel([1, 2, 3, 4], [1, 1]), linearModel([5, 6, 7, 8], [3, 3])]
const floats = (bytes: Uint8Array<ArrayBuffer>) => [...new Float32Array(bytes.slice().buffer)]

test('a soup of sent models comes with its report', async () => {
  const soup = await client.makeSoup({ models, weights: [3, 1] })
  const bytes = await soup.read()
  expect(floats(rawInitializer(bytes, 'W'))).toEqual([2, 3, 4, 5])
  expect(soup).toMatchObject({ warnings: 0, filename: 'soup.onnx', bytes: bytes.byteLength })
  expect(soup.report).toMatchObject({ sha256: soup.sha256, tensors: { averaged: 2 } })
})

test('a soup takes a recipe, external data and a base', async () => {
  const { main, data } = externalModel([9, 10, 11, 12], [5, 5])
  const [first = main] = models
  const request = { models: [{ file: main, data }, first], base: first }
  const soup = await client.makeSoup({ ...request, recipe: { method: 'linear', weights: [1, 1] } })
  expect(floats(rawInitializer(await soup.read(), 'W'))).toEqual([5, 6, 7, 8])
  const report = await client.makeSoup({ ...request, recipe: 'weights: [1, 1]\n' }, { report: 'only' })
  expect(report.sha256).toBe(soup.sha256)
})

test('a soup that cannot be made is a problem', async () => {
  const refused = client.makeSoup({ models: [linearModel([1], [1]), linearModel([1, 2], [1])] })
  await expect(refused).rejects.toMatchObject({ name: 'TureenProblem', status: 422 })
})
