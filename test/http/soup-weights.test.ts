import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  expectNothingKept,
  modelForm,
  postJson,
  postSoup,
  readProblem,
  soup,
  uploadModel,
} from '../support/http-client.ts'
import { linearModel, rawInitializer } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const a = linearModel([1, -2, 3, 0.1], [10, 20])
const b = linearModel([6, 8, -3, 0.2], [30, 50])
const c = linearModel([100, 200, 300, 400], [0, -0])

function valuesOf(model: Uint8Array): { W: number[]; b: number[] } {
  const values = (name: string) => [...new Float32Array(rawInitializer(model, name).buffer)]
  return { W: values('W'), b: values('b') }
}

/** The nearest float32. */
const f = Math.fround

describe('worked out by hand', () => {
  test.each([
    ['1:1', { weights: [1, 1] }, { W: [3.5, 3, 0, f((f(0.1) + f(0.2)) / 2)], b: [20, 35] }],
    ['1:0, which is the first', { weights: [1, 0] }, { W: [1, -2, 3, f(0.1)], b: [10, 20] }],
    ['3:1', { weights: [3, 1] }, { W: [2.25, 0.5, 1.5, f((3 * f(0.1) + f(0.2)) / 4)], b: [15, 27.5] }],
    ['negative, extrapolating: 2:-1', { weights: [2, -1] }, { W: [-4, -12, 9, f(2 * f(0.1) - f(0.2))], b: [-10, -10] }],
    ['added, not normalized', { weights: [1, 1], normalize: false }, { W: [7, 6, 0, f(f(0.1) + f(0.2))], b: [40, 70] }],
    [
      'a difference, not normalized',
      { weights: [1, -1], normalize: false },
      { W: [-5, -10, 6, f(f(0.1) - f(0.2))], b: [-20, -30] },
    ],
    [
      'fractions',
      { weights: [0.5, 0.25], normalize: false },
      { W: [2, 1, 0.75, f(0.5 * f(0.1) + 0.25 * f(0.2))], b: [12.5, 22.5] },
    ],
  ])('%s', async (_, recipe, expected) => {
    expect(valuesOf(await soup(app.url, [a, b], recipe))).toEqual(expected)
  })

  test('scaled alone, not normalized', async () => {
    const result = await soup(app.url, [c], { weights: [0.5], normalize: false })
    expect(valuesOf(result)).toEqual({ W: [50, 100, 150, 200], b: [0, -0] })
  })

  test('scaled alone, normalized, is the model itself', async () => {
    expect(valuesOf(await soup(app.url, [c], { weights: [0.3] }))).toEqual(valuesOf(c))
  })

  test('three, in the order of the parts', async () => {
    const result = await soup(app.url, [a, b, c], { weights: [1, 2, 0.01], normalize: false })
    const W = [14, 16, 0, f(1 * f(0.1) + 2 * f(0.2) + 0.01 * 400)]
    expect(valuesOf(result)).toEqual({ W, b: [70, 120] })
  })

  test('in the query: negative, with exponents and spaces', async () => {
    const response = await fetch(`${app.url}/v1/soup?weights=2e0,%20-1.0`, { method: 'POST', body: modelForm([a, b]) })
    expect(valuesOf(new Uint8Array(await response.arrayBuffer())).b).toEqual([-10, -10])
  })
})

describe('weights that do not make an average', () => {
  test.each([
    ['1 and -1', [1, -1]],
    ['zeros', [0, 0]],
    ['beyond the range of a double', [1e308, 1e308]],
  ])('%s: 422, by either way', async (_, weights) => {
    const once = await readProblem(await postSoup(app.url, [a, b], { weights }), 422, 'TUREEN_WEIGHTS_INVALID')
    expect(once.detail).toMatch(/sum/)
    await expectNothingKept(app)
    const ids = [await uploadModel(app.url, a), await uploadModel(app.url, b)].map(({ id }) => id)
    const request = { models: ids.map((id, index) => ({ id, weight: weights[index] })) }
    await readProblem(await postJson(`${app.url}/v1/merges`, request), 422, 'TUREEN_WEIGHTS_INVALID')
    for (const id of ids) await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
  })

  test('1 and -1 are fine where nothing is divided', async () => {
    expect((await postSoup(app.url, [a, b], { weights: [1, -1], normalize: false })).status).toBe(200)
  })
})

describe('weights are read alike', () => {
  const form = (...weights: string[]) => {
    const body = modelForm([a, b])
    for (const each of weights) body.append('weights', each)
    return body
  }
  const weighted = async (query: string, body: FormData) => {
    const response = await fetch(`${app.url}/v1/soup${query}`, { method: 'POST', body })
    if (response.status !== 200) throw new Error(await response.text())
    return valuesOf(new Uint8Array(await response.arrayBuffer()))
  }

  test.each([
    ['with commas in the query', '?weights=2,-1', form()],
    ['repeated in the query', '?weights=2&weights=-1', form()],
    ['with commas in the form', '', form('2,-1')],
    ['repeated in the form', '', form('2', '-1')],
  ])('%s', async (_, query, body) => {
    expect(await weighted(query, body)).toEqual({ W: [-4, -12, 9, f(2 * f(0.1) - f(0.2))], b: [-10, -10] })
  })

  test.each([
    ['a text that is no number', '', form('2', 'x')],
    ['too few', '', form('2')],
    ['repeated, with a text that is no number', '?weights=2&weights=', form()],
    ['both in the query and in the form', '?weights=2,3', form('2,3')],
    [
      'beside a recipe',
      '',
      (() => {
        const body = form('2,3')
        body.append('recipe', '{"weights": [2, 3]}')
        return body
      })(),
    ],
  ])('and refused alike: %s', async (_, query, body) => {
    const response = await fetch(`${app.url}/v1/soup${query}`, { method: 'POST', body })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toBe('weights')
    await expectNothingKept(app)
  })

  test('and a form without end is too large', async () => {
    const body = form(...Array.from({ length: 1025 }, () => '1'))
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body })
    await readProblem(response, 413, 'TUREEN_TOO_LARGE')
  })
})

describe('weights that are malformed: 400', () => {
  test.each([
    ['too few', [2]],
    ['too many', [2, 3, 4]],
    ['none', []],
    ['not numbers', ['2', '3']],
    ['null', [null, 1]],
  ])('%s, in a recipe', async (_, weights) => {
    const { errors } = await readProblem(await postSoup(app.url, [a, b], { weights }), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toContain('weights')
    await expectNothingKept(app)
  })

  test.each([[[{ weight: 2 }]], [[{ weight: 2 }, { weight: 3 }, { weight: 4 }]]])(
    'another number of models than were sent: %j',
    async models => {
      await readProblem(await postSoup(app.url, [a, b], { models }), 400, 'TUREEN_REQUEST_INVALID')
      await expectNothingKept(app)
    },
  )

  test.each(['2', '2,3,4', '2,', ',', '', '2;3', 'two,three', 'NaN,1', 'Infinity,1', '1e999,1'])(
    '"%s" in the query',
    async weights => {
      const url = `${app.url}/v1/soup?weights=${encodeURIComponent(weights)}`
      const response = await fetch(url, { method: 'POST', body: modelForm([a, b]) })
      const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
      expect(errors[0]?.field).toBe('weights')
      await expectNothingKept(app)
    },
  )

  test('in the query and in a recipe', async () => {
    const body = modelForm([a, b], { weights: [2, 3] })
    const response = await fetch(`${app.url}/v1/soup?weights=2,3`, { method: 'POST', body })
    await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    await expectNothingKept(app)
  })
})
