import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { digits, json, merge, mergedContent, metadataOf, sha256, soup, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let files: Buffer<ArrayBuffer>[]
beforeAll(async () => {
  app = await startApp()
  files = await Promise.all(digits(0, 1, 2).map(projectFile))
})
afterAll(() => app.close())

const idOf = (bytes: Uint8Array) => `sha256:${sha256(bytes)}`

/** What a soup says of itself; every key must stand there once. */
function provenanceOf(model: Uint8Array): Record<string, string> {
  const entries = metadataOf(model).filter(({ key }) => key.startsWith('tureen.'))
  const keys = entries.map(({ key }) => key)
  expect(keys).toEqual([...new Set(keys)])
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

describe('provenance in metadata_props', () => {
  test('holds method, weights, input digests and the numerics version', async () => {
    const provenance = provenanceOf(await soup(app.url, files.slice(0, 2), { weights: [2, 3] }))
    const everything = JSON.stringify(provenance)
    for (const file of files.slice(0, 2)) expect(everything).toContain(sha256(file))
    expect(everything).not.toContain(sha256(files[2] ?? Buffer.of()))
    expect(JSON.parse(provenance['tureen.recipe'] ?? '')).toMatchObject({
      method: 'linear',
      models: [{ weight: 2 }, { weight: 3 }],
    })
    expect(Number(provenance['tureen.numerics'])).toBeGreaterThanOrEqual(1)
  })

  test('holds no ids, names, labels or times', async () => {
    const models = []
    for (const [index, file] of files.entries())
      models.push(await uploadModel(app.url, file, `name=secret-name-${index}&label=secret-label:x`))
    const request = { models: models.map(({ id }) => ({ id })), name: 'secret-soup', labels: { 'secret-key': 'x' } }
    const content = await mergedContent(app.url, await merge(app.url, request))
    const text = Buffer.from(content).toString('latin1')
    expect(text).not.toContain('secret')
    expect(text).not.toContain(new Date().toISOString().slice(0, 10))
    for (const { id } of models) expect(text).not.toContain(id)
  })

  test('is replaced, not piled up, when a soup is souped again', async () => {
    const first = await soup(app.url, files.slice(0, 2))
    const second = await soup(app.url, [first, files[2] ?? Buffer.of()])
    const third = await soup(app.url, [second, first])
    const { models } = JSON.parse(provenanceOf(third)['tureen.recipe'] ?? '')
    expect(models).toMatchObject([{ id: idOf(second) }, { id: idOf(first) }])
    expect(third.length - first.length).toBeLessThan(20)
  })

  test('leaves the metadata that a model carries as it is', async () => {
    const own = { key: 'author', value: 'someone' }
    const described = (value: number) =>
      linearModel([value, 2], [3, 4], model => {
        model.metadataProps = [own, { key: 'tureen.old', value: 'from an earlier soup' }]
      })
    const entries = metadataOf(await soup(app.url, [described(1), described(2)]))
    expect(entries).toContainEqual(own)
    expect(entries.map(({ key }) => key)).not.toContain('tureen.old')
  })

  test('is left out where the recipe says so', async () => {
    const result = await soup(app.url, files.slice(0, 2), { provenance: false })
    expect(provenanceOf(result)).toEqual({})
    expect(result).toHaveLength(159_308)
  })
})

describe('a recipe posted again', () => {
  test.each([
    ['plain', {}],
    ['with a base, no division, no provenance', { normalize: false, provenance: false, base: 2 }],
    ['with a base that is averaged too', { base: 1, nonFloat: 'base' }],
  ])('gives the same bytes: %s', async (_, { base, ...settings }: { base?: number }) => {
    const models = []
    for (const file of files) models.push(await uploadModel(app.url, file))
    const [a, b] = models.map(({ id }) => id)
    const weighted = [
      { id: a, weight: 0.1 },
      { id: b, weight: 0.7 },
    ]
    const request = { models: weighted, ...settings, ...(base === undefined ? {} : { base: models[base]?.id }) }
    const { result } = await merge(app.url, request)
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${result?.model.id}/recipe`))
    const again = await merge(app.url, recipe)
    expect(again.result?.model.sha256).toBe(result?.model.sha256)
    const record = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${again.result?.model.id}`))
    expect(record.lineage?.base).toBe(models[base ?? 0]?.sha256)
  })

  test('to /v1/soup, with the models it names, gives the same bytes too', async () => {
    const models = []
    for (const file of files) models.push(await uploadModel(app.url, file))
    const weighted = models.map(({ id }, index) => ({ id, weight: index + 0.5 }))
    const { result } = await merge(app.url, { models: weighted, base: models[1]?.id })
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${result?.model.id}/recipe`))
    expect(idOf(await soup(app.url, files, recipe))).toBe(result?.model.sha256)
  })

  test('is what the soup itself says', async () => {
    const models = []
    for (const file of files) models.push(await uploadModel(app.url, file))
    const job = await merge(app.url, { models: models.map(({ id }) => ({ id })) })
    const recipe = await json<object>(await fetch(`${app.url}/v1/models/${job.result?.model.id}/recipe`))
    const written = JSON.parse(provenanceOf(await mergedContent(app.url, job))['tureen.recipe'] ?? '')
    expect(written).toEqual(recipe)
  })
})
