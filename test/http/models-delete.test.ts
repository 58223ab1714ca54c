import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bigModel } from '../support/big-model.ts'
import { expectNoContent, expectNothingIncoming, filesIn, readProblem, uploadModel } from '../support/http-client.ts'
import { cancelJob, longModelBytes, startLongMerge, untilStatus } from '../support/long-merge.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

function remove(id: string): Promise<Response> {
  return fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
}

async function expectGone(id: string): Promise<void> {
  await readProblem(await fetch(`${app.url}/v1/models/${id}`), 404, 'TUREEN_NOT_FOUND')
  await readProblem(await fetch(`${app.url}/v1/models/${id}/content`), 404, 'TUREEN_NOT_FOUND')
  await readProblem(await remove(id), 404, 'TUREEN_NOT_FOUND')
}

describe('DELETE', () => {
  test('answers 204, and the model is gone with its content', async () => {
    const { id, sha256 } = await uploadModel(app.url, linearModel([1, 1], [1, 1]), 'label=a:b')
    const response = await remove(id)
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
    await expectGone(id)
    await expectGone(sha256)
    expect(await filesIn(app.data, 'content')).toEqual([])
  })

  test('of one of two records leaves the content to the other', async () => {
    const model = linearModel([2, 2], [2, 2])
    const first = await uploadModel(app.url, model, 'name=first')
    const second = await uploadModel(app.url, model, 'name=second')
    expect((await remove(first.id)).status).toBe(204)
    await expectGone(first.id)
    const content = await fetch(`${app.url}/v1/models/${second.id}/content`)
    expect(Buffer.from(await content.arrayBuffer()).equals(model)).toBe(true)
    expect((await remove(second.id)).status).toBe(204)
    await expectNoContent(app.data)
  })

  test('by digest removes one record, the newest', async () => {
    const model = linearModel([3, 3], [3, 3])
    const first = await uploadModel(app.url, model, 'name=first')
    const second = await uploadModel(app.url, model, 'name=second')
    expect((await remove(second.sha256)).status).toBe(204)
    await readProblem(await fetch(`${app.url}/v1/models/${second.id}`), 404, 'TUREEN_NOT_FOUND')
    expect((await fetch(`${app.url}/v1/models/${first.id}`)).status).toBe(200)
    await remove(first.id)
  })

  test('twice at the same moment is one 204 and one 404', async () => {
    const { id } = await uploadModel(app.url, linearModel([4, 4], [4, 4]))
    const answers = await Promise.all([remove(id), remove(id)])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404])
  })

  test('while the same bytes are uploaded again never loses an acknowledged record', async () => {
    const model = linearModel([5, 5], [5, 5])
    let { id } = await uploadModel(app.url, model)
    for (let round = 0; round < 10; round += 1) {
      const [removed, again] = await Promise.all([remove(id), uploadModel(app.url, model)])
      expect(removed.status).toBe(204)
      const content = await fetch(`${app.url}/v1/models/${again.id}/content`)
      // The upload came first and found the record that was then removed, or second and made one of its own.
      if (again.id === id) expect(content.status).toBe(404)
      else expect(Buffer.from(await content.arrayBuffer()).equals(model)).toBe(true)
      id = again.id === id ? (await uploadModel(app.url, model)).id : again.id
    }
    await remove(id)
  })

  test('during a download lets the download finish', async () => {
    const model = bigModel(1 << 22)
    const { id } = await uploadModel(app.url, model)
    const download = await fetch(`${app.url}/v1/models/${id}/content`)
    expect((await remove(id)).status).toBe(204)
    expect(Buffer.from(await download.arrayBuffer()).equals(model)).toBe(true)
  })

  test('with a content type and no body is a DELETE like any other', async () => {
    const { id } = await uploadModel(app.url, linearModel([6, 6], [6, 6]))
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE', headers })
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 204, text: '' })
  })
})

describe('while a job uses a model', () => {
  test('DELETE is 409 and names the job; after the job it is 204', async () => {
    const { job, model } = await startLongMerge(app.url)
    await untilStatus(app.url, job.id, 'running')
    for (const reference of [model.id, model.sha256]) {
      const { detail, errors } = await readProblem(await remove(reference), 409, 'TUREEN_IN_USE')
      expect(detail).toContain(job.id)
      expect(errors).toMatchObject([{ model: expect.toBeOneOf([model.id, model.sha256]) }])
    }
    expect((await cancelJob(app.url, job.id)).status).toBe(202)
    expect((await remove(model.id)).status).toBe(204)
    await expectNoContent(app.data)
    await expectNothingIncoming(app.data)
  })

  test('DELETE of another record of the same content is not refused', async () => {
    const other = await uploadModel(app.url, longModelBytes(), 'name=other')
    const { job, model } = await startLongMerge(app.url)
    expect(model.sha256).toBe(other.sha256)
    expect((await remove(other.id)).status).toBe(204)
    await cancelJob(app.url, job.id)
  })
})
