import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { expectNothingKept, modelForm, postSoup, readProblem, sha256 } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.close())

const a = linearModel([1, 2, 3, 4], [5, 6])
const b = linearModel([3, 4, 5, 6], [7, 8])
const idOf = (model: Uint8Array) => `sha256:${sha256(model)}`

describe('a recipe that is not understood is refused with 400', () => {
  test.each([
    ['neither JSON nor YAML', '{weights: [2,3}', 'recipe'],
    ['empty', '', 'recipe'],
    ['a list', '[2,3]', 'recipe'],
    ['a number', '5', 'recipe'],
    ['null', 'null', 'recipe'],
    ['with a setting that does not exist', '{"wieghts":[2,3]}', 'wieghts'],
    ['with weights and models', '{"weights":[1,1],"models":[{},{}]}', 'weights'],
    ['with a method that does not exist', '{"method":"magic"}', 'recipe.method'],
    ['with parameters that linear does not have', '{"parameters":{"t":0.5}}', 'parameters'],
    ['with normalize as a string', '{"normalize":"false"}', 'recipe.normalize'],
    ['with nonFloat of another kind', '{"nonFloat":"average"}', 'recipe.nonFloat'],
    ['with a weight as a string', '{"models":[{"weight":"2"},{}]}', 'recipe.models.0.weight'],
    ['with a base that was not sent', `{"base":"sha256:${'0'.repeat(64)}"}`, 'recipe.base'],
  ])('%s', async (_, recipe, named) => {
    const problem = await readProblem(await postSoup(app.url, [a, b], recipe), 400, 'TUREEN_REQUEST_INVALID')
    expect(JSON.stringify(problem.errors)).toContain(named)
  })

  test('not JSON, in a field that says it is', async () => {
    const body =
      '--B\r\ncontent-disposition: form-data; name="recipe"\r\ncontent-type: application/json\r\n\r\n{oops\r\n--B--\r\n'
    const headers = { 'content-type': 'multipart/form-data; boundary=B' }
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', headers, body })
    await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
  })

  test('given twice', async () => {
    const form = modelForm([a, b], { weights: [1, 1] })
    form.append('recipe', '{"weights":[2,3]}')
    await readProblem(await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form }), 400, 'TUREEN_REQUEST_INVALID')
  })
})

describe('a form without what a soup needs is refused with 400', () => {
  test('no model', async () => {
    await readProblem(await postSoup(app.url, [], { weights: [] }), 400, 'TUREEN_REQUEST_INVALID')
  })

  test('a part of another name', async () => {
    const form = modelForm([a])
    form.append('modle', new Blob([b]), 'b.onnx')
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'modle' }])
  })

  test('a parameter in the query that does not exist', async () => {
    const response = await fetch(`${app.url}/v1/soup?weight=2,3`, { method: 'POST', body: modelForm([a, b]) })
    const { detail } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(detail).toContain('weight')
  })

  test('JSON instead of a form is 415', async () => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', headers, body: '{}' })
    await readProblem(response, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
  })
})

describe('models named in the recipe', () => {
  test('by digest are checked against what was sent', async () => {
    const right = { models: [{ id: idOf(a) }, { id: idOf(b), weight: 3 }] }
    expect((await postSoup(app.url, [a, b], right)).status).toBe(200)
    const response = await postSoup(app.url, [b, a], right)
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toBe('recipe.models.0.id')
  })
})
