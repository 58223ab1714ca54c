import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalModel } from '../support/external-model.ts'
import { initializerDigests, readProblem } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const placed = (weights: number[], bias: number[], suffix: string) =>
  externalModel(weights, bias, { W: { location: `W${suffix}` }, b: { location: `b${suffix}` } })
const [a, b] = [placed([1, 2, 3, 4], [10, 20], '.a'), placed([3, 4, 5, 6], [30, 40], '.b')]
const plain = linearModel([1, 2, 3, 4], [10, 20])

type Part = [field: string, bytes: Uint8Array<ArrayBuffer> | undefined, filename: string]
const dataOf = ({ data }: typeof a): Part[] =>
  Object.entries(data).map(([location, bytes]) => ['data', bytes, location])
const mainOf = ({ main }: typeof a, filename: string): Part => ['model', main, filename]

function post(path: string, parts: readonly Part[]): Promise<Response> {
  const form = new FormData()
  for (const [field, bytes, filename] of parts) form.append(field, new Blob([bytes ?? new Uint8Array(0)]), filename)
  return fetch(`${app.url}${path}`, { method: 'POST', body: form })
}

test('data parts that follow their models make a soup', async () => {
  const response = await post('/v1/soup', [mainOf(a, 'a.onnx'), ...dataOf(a), mainOf(b, 'b.onnx'), ...dataOf(b)])
  expect(response.status).toBe(200)
  const soup = new Uint8Array(await response.arrayBuffer())
  expect(initializerDigests(soup)).toEqual(initializerDigests(linearModel([2, 3, 4, 5], [20, 30])))
})

describe('data parts that do not follow their model are refused, and told which model names their location', () => {
  test.each([
    ['all models first, then all data', [mainOf(a, 'a.onnx'), mainOf(b, 'b.onnx'), ...dataOf(a), ...dataOf(b)]],
    [
      'data of the first model after the second',
      [mainOf(a, 'a.onnx'), mainOf(b, 'b.onnx'), ...dataOf(b), ...dataOf(a)],
    ],
    [
      'data of the first model after one without data',
      [mainOf(a, 'a.onnx'), ['model', plain, 'plain.onnx'], ...dataOf(a)],
    ],
  ] as [string, Part[]][])('%s', async (_, parts) => {
    const { detail, errors } = await readProblem(await post('/v1/soup', parts), 404, 'TUREEN_NOT_FOUND')
    expect(detail).toContain('The model a.onnx names it')
    expect(errors).toMatchObject([{ model: expect.stringMatching(/^(b|plain)\.onnx$/), location: 'W.a' }])
  })

  test.each(['/v1/soup', '/v1/models'])('before any model: %s', async path => {
    const problem = await readProblem(
      await post(path, [...dataOf(a), mainOf(a, 'a.onnx')]),
      400,
      'TUREEN_REQUEST_INVALID',
    )
    expect(problem.detail).toMatch(/data part W\.a comes before any model part.*Send each model part first/)
  })

  test('two of one location after one model', async () => {
    const parts = [mainOf(a, 'a.onnx'), mainOf(a, 'again.onnx'), ...dataOf(a), ...dataOf(a)]
    const { detail } = await readProblem(await post('/v1/soup', parts), 400, 'TUREEN_REQUEST_INVALID')
    expect(detail).toMatch(/W\.a is the second one for this location after the model again\.onnx/)
  })
})

test('a data part that no model names is refused with the locations that its model names', async () => {
  const parts: Part[] = [mainOf(a, 'a.onnx'), ...dataOf(a), ['data', new Uint8Array(4), 'other.bin']]
  const { detail } = await readProblem(await post('/v1/soup', parts), 404, 'TUREEN_NOT_FOUND')
  expect(detail).toMatch(/a\.onnx does not name the external data other\.bin.*it names W\.a, b\.a/)
})
