import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ExpectedDigits, readDigits } from '../support/digits.ts'
import { expectNothingKept, initializerDigests, modelForm, postSoup, sha256, soup } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

let expected: ExpectedDigits
let files: Buffer<ArrayBuffer>[]

let app: Awaited<ReturnType<typeof startApp>>

beforeAll(async () => {
  app = await startApp()
  ;({ files, expected } = await readDigits())
})
afterEach(() => expectNothingKept(app))
afterAll(() => app.close())

describe('POST /v1/soup', () => {
  const two = () => files.slice(0, 2)

  test('without a recipe averages all models alike', async () => {
    expect(initializerDigests(await soup(app.url, files))).toEqual(expected.uniform.tensors)
  })

  test.each([
    ['weights in the query', 'weights=2,3', undefined],
    ['weights in a recipe', '', { weights: [2, 3] }],
    ['models in a recipe', '', { models: [{ weight: 2 }, { weight: 3 }] }],
    ['weights of the same ratio', '', { weights: [4, 6] }],
    ['the whole recipe spelt out', '', { method: 'linear', normalize: true, nonFloat: 'error', weights: [2, 3] }],
  ])('takes %s', async (_, query, recipe) => {
    const body = modelForm(two(), recipe)
    const response = await fetch(`${app.url}/v1/soup?${query}`, { method: 'POST', body })
    expect(response.status).toBe(200)
    expect(initializerDigests(new Uint8Array(await response.arrayBuffer()))).toEqual(expected.two_three.tensors)
  })

  test.each(['application/json', 'text/plain', ''])('takes a recipe sent as a file of type "%s"', async type => {
    const form = modelForm(two())
    form.append('recipe', new Blob([JSON.stringify({ weights: [2, 3] })], { type }), 'recipe.json')
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    expect(response.status).toBe(200)
    expect(initializerDigests(new Uint8Array(await response.arrayBuffer()))).toEqual(expected.two_three.tensors)
  })

  test('takes the recipe before the models, and a recipe field that says it is JSON', async () => {
    const head =
      '--B\r\ncontent-disposition: form-data; name="recipe"\r\ncontent-type: application/json\r\n\r\n{"weights":[2,3]}\r\n'
    const model = '--B\r\ncontent-disposition: form-data; name="model"; filename="m"\r\n\r\n'
    const parts = two().flatMap(file => [Buffer.from(model), file, Buffer.from('\r\n')])
    const response = await fetch(`${app.url}/v1/soup`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=B' },
      body: Buffer.concat([Buffer.from(head), ...parts, Buffer.from('--B--\r\n')]),
    })
    expect(response.status).toBe(200)
    expect(initializerDigests(new Uint8Array(await response.arrayBuffer()))).toEqual(expected.two_three.tensors)
  })

  test('answers with length, digest and a filename', async () => {
    const response = await postSoup(app.url, two())
    const body = new Uint8Array(await response.arrayBuffer())
    const digest = createHash('sha256').update(body).digest('base64')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(body.length),
      'repr-digest': `sha-256=:${digest}:`,
      'content-disposition': expect.stringMatching(/^attachment; filename="[^"]+\.onnx"/),
    })
  })

  test('of one model with itself is that model, byte for byte, at any weights', async () => {
    for (const weights of [
      [1, 1, 1],
      [2, 3, 0.1],
      [-1, 3, 1e-3],
    ]) {
      const result = await soup(app.url, Array(3).fill(files[5]), { weights, provenance: false })
      expect(sha256(result)).toBe('238db8b7aa82e1d634305cddfd2e40043cc5098c4296eb00ec8983d8cc6b0e94')
    }
    expect(sha256(await soup(app.url, files.slice(5, 6), { provenance: false }))).toBe(sha256(files[5] ?? Buffer.of()))
  })

  test('many at once each get their own', async () => {
    const ratios = Array.from({ length: 12 }, (_, index) => [index, 12 - index])
    const soups = await Promise.all(ratios.map(weights => soup(app.url, two(), { weights, provenance: false })))
    expect(new Set(soups.map(sha256)).size).toBe(12)
    expect(sha256(soups[0] ?? Buffer.of())).not.toBe(sha256(files[0] ?? Buffer.of()))
    for (const [index, weights] of ratios.entries())
      expect(sha256(await soup(app.url, two(), { weights, provenance: false }))).toBe(
        sha256(soups[index] ?? Buffer.of()),
      )
  })

  test('the same recipe gives the same bytes', async () => {
    const first = await soup(app.url, files)
    expect(sha256(await soup(app.url, files))).toBe(sha256(first))
  })
})
