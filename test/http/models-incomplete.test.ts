import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectNothingIncoming, postJson, postSoup, readProblem, uploadModel } from '../support/http-client.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** A model whose weights lie in a file beside it, which nobody has sent. */
const external = linearModel([], [5, 6], ({ graph }) => {
  const externalData = [
    { key: 'location', value: 'weights/W.bin' },
    { key: 'offset', value: '0' },
    { key: 'length', value: '16' },
  ]
  graph.initializer = [
    { name: 'W', dims: [2, 2], dataType: elementType.float32, dataLocation: 1, externalData },
    ...(graph.initializer?.slice(1) ?? []),
  ]
})

test('a model without its external data is taken, incomplete, and says what is missing', async () => {
  expect(await uploadModel(app.url, external)).toMatchObject({ status: 'incomplete', missing: ['weights/W.bin'] })
})

test('a merge with it is 409, naming the model and the file', async () => {
  const { id } = await uploadModel(app.url, external)
  const response = await postJson(`${app.url}/v1/merges`, { models: [{ id }] })
  const { errors } = await readProblem(response, 409, 'TUREEN_MODEL_INCOMPLETE')
  expect(errors).toMatchObject([{ model: id, message: expect.stringContaining('weights/W.bin') }])
})

test('a soup with it is 409, naming the model and the file', async () => {
  const complete = linearModel([1, 2, 3, 4], [5, 6])
  const response = await postSoup(app.url, [complete, external])
  const { errors } = await readProblem(response, 409, 'TUREEN_MODEL_INCOMPLETE')
  expect(errors).toMatchObject([{ model: 'model-1.onnx', message: expect.stringContaining('weights/W.bin') }])
  await expectNothingIncoming(app.data)
})

test('no file of the server is read for it, wherever it points', async () => {
  for (const location of ['/etc/passwd', '../catalog.sqlite', 'C:\\windows\\win.ini', '']) {
    const model = linearModel([], [5, 6], ({ graph }) => {
      const externalData = [{ key: 'location', value: location }]
      graph.initializer = [{ name: 'W', dims: [2, 2], dataType: elementType.float32, dataLocation: 1, externalData }]
    })
    const response = await postSoup(app.url, [model])
    expect(response.status).toBeOneOf([400, 409, 422])
  }
})
