import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, type MergeJob, merge, postSoup, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let a: { id: string; sha256: string }
let b: { id: string; sha256: string }
const models = [linearModel([1, 2, 3, 4], [0.1, 0.7]), linearModel([0.3, -2, 1e-7, 5], [-0.2, 0.4])] as const

beforeAll(async () => {
  app = await startApp()
  a = await uploadModel(app.url, models[0], 'name=a')
  b = await uploadModel(app.url, models[1], 'name=b')
})
afterAll(() => app.close())

function postYaml(body: string): Promise<Response> {
  return fetch(`${app.url}/v1/merges?wait=30`, {
    method: 'POST',
    headers: { 'content-type': 'application/yaml' },
    body,
  })
}

async function mergeYaml(body: string): Promise<MergeJob> {
  const response = await postYaml(body)
  const job = await json<MergeJob>(response)
  expect({ status: response.status, job }).toMatchObject({ status: 200, job: { status: 'succeeded' } })
  return job
}

describe('a recipe in YAML', () => {
  it('comes back from a model and posts again to the same bytes', async () => {
    const request = {
      models: [
        { id: a.id, weight: 0.1 },
        { id: b.id, weight: -1e-7 },
      ],
      base: b.id,
      rules: [{ match: '*b*', weights: [1e21, 0.3] }],
    }
    const made = (await merge(app.url, request)).result?.model
    const response = await fetch(`${app.url}/v1/models/${made?.id}/recipe`, { headers: { accept: 'application/yaml' } })
    expect(response.headers.get('content-type')).toMatch(/^application\/yaml/)
    expect(response.headers.get('vary')).toMatch(/accept/)
    const recipe = await response.text()
    expect(recipe).toMatch(new RegExp(`^base: ${b.sha256}$`, 'm'))
    expect((await mergeYaml(recipe)).result?.model.sha256).toBe(made?.sha256)
  })

  it('is JSON unless YAML is asked for', async () => {
    const made = (await merge(app.url, { models: [{ id: a.id }, { id: b.id }] })).result?.model
    for (const accept of ['*/*', 'application/json', 'text/html', 'application/yaml;q=0.1, application/json']) {
      const response = await fetch(`${app.url}/v1/models/${made?.id}/recipe`, { headers: { accept } })
      expect(response.headers.get('content-type'), accept).toMatch(/^application\/json/)
      expect(await response.json()).toMatchObject({ method: 'linear' })
    }
  })

  it('is the recipe of a one-shot soup as well', async () => {
    const yaml = await postSoup(app.url, models, 'weights: [2, 3] # more of the second\nprovenance: false\n')
    const inJson = await postSoup(app.url, models, { weights: [2, 3], provenance: false })
    expect(yaml.status).toBe(200)
    expect(await yaml.bytes()).toEqual(await inJson.bytes())
    const broken = await readProblem(await postSoup(app.url, models, '{weights: [2'), 400, 'TUREEN_REQUEST_INVALID')
    expect(broken.errors).toMatchObject([{ field: 'recipe', message: expect.stringMatching(/neither JSON nor YAML/) }])
  })

  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefgh'[index]
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`
    }),
  ].join('\n')
  it.each([
    ['a bomb of aliases', bomb, 400, 'TUREEN_BODY_MALFORMED', /alias/i],
    ['nesting without end', '['.repeat(100_000), 400, 'TUREEN_BODY_MALFORMED', /./],
    ['a key that stands there twice', 'models: []\nmodels: []', 400, 'TUREEN_BODY_MALFORMED', /models occurs twice/],
    ['a tag that makes objects', 'models: !!js/function "x"', 400, 'TUREEN_BODY_MALFORMED', /tag/],
    ['two documents', 'models: []\n---\nmodels: []', 400, 'TUREEN_BODY_MALFORMED', /./],
    ['a text that is too long', `# ${'x'.repeat(200_000)}`, 413, 'TUREEN_TOO_LARGE', /128 KiB/],
    ['a text that is far too long', `# ${'x'.repeat(2_000_000)}`, 413, 'TUREEN_TOO_LARGE', /1 MiB/],
    ['what is no request', 'just text', 400, 'TUREEN_REQUEST_INVALID', /./],
    ['an unknown key', 'models: [{id: a}]\n__proto__: {polluted: true}', 400, 'TUREEN_REQUEST_INVALID', /__proto__/],
  ])('is refused for %s', async (_, body, status, code, detail) => {
    expect((await readProblem(await postYaml(body), status, code)).detail).toMatch(detail)
  })
})

describe('a configuration of mergekit', () => {
  const config = (model: string, more = '') =>
    `merge_method: linear\nmodels:\n- model: ${model}\n  parameters: {weight: 2}\n- model: b\n  parameters: {weight: 3}\n${more}`

  it('merges the models that have these names, as the same request by id does', async () => {
    const job = await mergeYaml(config('a'))
    const same = await merge(app.url, {
      models: [
        { id: a.id, weight: 2 },
        { id: b.id, weight: 3 },
      ],
    })
    expect(job.result?.model.sha256).toBe(same.result?.model.sha256)
    expect((await mergeYaml(config(a.sha256))).result?.model.sha256).toBe(same.result?.model.sha256)
    const inJson = {
      merge_method: 'linear',
      models: [
        { model: 'a', parameters: { weight: 2 } },
        { model: b.id, parameters: { weight: 3 } },
      ],
    }
    expect((await merge(app.url, inJson)).result?.model.sha256).toBe(same.result?.model.sha256)
  })

  it('is refused for a name that no model has, and for one that different models have', async () => {
    const unknown = await readProblem(await postYaml(config('nobody')), 404, 'TUREEN_NOT_FOUND')
    expect(unknown.errors[0]).toMatchObject({ field: 'models.0.model', model: 'nobody' })
    const twins = await Promise.all(models.map(model => uploadModel(app.url, model, 'name=twin')))
    const problem = await readProblem(await postYaml(config('twin')), 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors[0]?.field).toBe('models.0.model')
    for (const { id } of twins) expect(problem.errors[0]?.message).toContain(id)
  })

  it('takes one of several records of the same content', async () => {
    await uploadModel(app.url, models[0], 'name=a&label=run:2')
    expect((await mergeYaml(config('a'))).result?.model.bytes).toBeGreaterThan(0)
  })

  it('is refused by key, and by the methods that there are', async () => {
    const sliced = await readProblem(await postYaml(config('a', 'slices: []\n')), 400, 'TUREEN_REQUEST_INVALID')
    expect(sliced.errors).toMatchObject([{ field: 'slices', message: expect.stringMatching(/not supported/) }])
    const method = config('a').replace('linear', 'alchemy')
    const unknown = await readProblem(await postYaml(method), 400, 'TUREEN_REQUEST_INVALID')
    expect(unknown.errors[0]?.field).toBe('method')
  })
})
