import { afterAll, beforeAll, expect, test } from 'vitest'
import { readProblem } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { type SlowClient, sendSlowly, uploadHead } from '../support/slow-clients.ts'
import { expectNothingLeft, heldBytes } from '../support/store-account.ts'

const elements = 20_000
/** A model of some 160 KB; each seed makes another one. */
const modelOf = (seed: number) => linearModel(new Array(elements).fill(seed), new Array(elements).fill(1))
const modelBytes = modelOf(1).byteLength
const fitting = 7
const racing = 30
/** Enough for `fitting` uploads and what a form adds to each, not for one more. */
const limit = Math.floor((fitting + 0.5) * modelBytes)
/** What each of three uploads announces, which together leave less than a model. */
const announced = Math.floor(limit / 3)

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_STORE_BYTES: String(limit) })
})
afterAll(() => app.close())

function formOf(model: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData()
  form.append('model', new Blob([model]), 'model.onnx')
  return form
}

test('of uploads that race for the last room as many are taken as fit, and the others are refused', async () => {
  const upload = async (seed: number) => {
    const body = seed % 2 === 0 ? modelOf(seed) : formOf(modelOf(seed))
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body })
    const { id }: { id?: string } = JSON.parse(await response.text())
    return { status: response.status, id }
  }
  const answers = await Promise.all(Array.from({ length: racing }, (_, index) => upload(index + 1)))
  const taken = answers.filter(({ status }) => status === 201)
  expect(taken).toHaveLength(fitting)
  expect(answers.filter(({ status }) => status === 507)).toHaveLength(racing - fitting)
  expect(await heldBytes(app.url)).toBe(fitting * modelBytes)
  for (const { id } of taken) await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
  await expectNothingLeft(app)
})

test('uploads that hang up, or are refused, leave no room taken', async () => {
  const form = `${uploadHead('/v1/models', announced)}\r\ncontent-type: multipart/form-data; boundary=b`
  const part = '--b\r\ncontent-disposition: form-data; name="model"; filename="a"\r\n\r\n'
  const bodies = [
    { head: uploadHead('/v1/models', announced), first: modelOf(1).subarray(0, 70_000) },
    { head: form, first: Buffer.concat([Buffer.from(part), modelOf(1).subarray(0, 70_000)]) },
    { head: uploadHead('/v1/datasets', announced) },
  ].map(body => ({ ...body, milliseconds: 60_000 }))
  const clients: SlowClient[] = []
  for (const body of bodies) {
    clients.push(await sendSlowly(app.url, body))
    await expect.poll(() => heldBytes(app.url), { timeout: 20_000 }).toBe(clients.length * announced)
  }
  const beside = await fetch(`${app.url}/v1/models`, { method: 'POST', body: modelOf(2) })
  await readProblem(beside, 507, 'TUREEN_STORE_FULL')
  for (const client of clients) client.stop()
  await expectNothingLeft(app)
  const noModel = await fetch(`${app.url}/v1/models`, { method: 'POST', body: new Uint8Array(100_000) })
  expect(noModel.status).toBe(400)
  await expectNothingLeft(app)
})
