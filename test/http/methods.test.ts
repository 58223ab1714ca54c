import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { methodList } from '../../schemas/method.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import {
  digits,
  initializerDigests,
  json,
  merge,
  mergedContent,
  metadataOf,
  postJson,
  readProblem,
  sha256,
  uploadModel,
} from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let files: Buffer<ArrayBuffer>[]
let models: ModelRecord[]

beforeAll(async () => {
  app = await startApp()
  files = await Promise.all(['examples/digits/base.onnx', ...digits(0, 1, 2)].map(projectFile))
  models = []
  for (const file of files) models.push(await uploadModel(app.url, file))
})
afterAll(() => app.close())

const idOf = (index: number) => models[index]?.id ?? ''
const base = () => idOf(0)

/** What a merge by each method asks for; the fine-tunes are models 1 to 3. */
const requests: Record<string, { models: number[]; parameters?: object; weights?: number[]; based?: boolean }> = {
  linear: { models: [1, 2, 3], weights: [1, 2, 3] },
  slerp: { models: [1, 2], parameters: { t: 0.3 } },
  nuslerp: { models: [1, 2], weights: [1, 2], based: true },
  multislerp: { models: [1, 2, 3], weights: [1, 2, 3] },
  karcher: { models: [1, 2, 3] },
  model_stock: { models: [1, 2, 3], based: true },
  task_arithmetic: { models: [1, 2], parameters: { lambda: 0.5 }, based: true },
  ties: { models: [1, 2, 3], parameters: { density: 0.4 }, based: true },
  dare_linear: { models: [1, 2], parameters: { density: 0.6 }, weights: [0.5, 0.5], based: true },
  dare_ties: { models: [1, 2, 3], parameters: { density: 0.6, rescale: 'l1' }, based: true },
  della: { models: [1, 2, 3], parameters: { density: 0.5 }, based: true },
  della_linear: { models: [1, 2], parameters: { density: 0.5, epsilon: 0.2 }, based: true },
  breadcrumbs: { models: [1, 2], parameters: { density: 0.8 }, based: true },
  breadcrumbs_ties: { models: [1, 2], parameters: { density: 0.8, gamma: 0.05 }, based: true },
  sce: { models: [1, 2, 3], parameters: { topk: 0.3 }, based: true },
  ema: { models: [1, 2, 3], parameters: { decay: 0.9 } },
  nearswap: { models: [1, 2], parameters: { t: 0.001 } },
  fisher: { models: [1, 2] },
  wise_ft: { models: [1], parameters: { alpha: 0.7 }, based: true },
}

function requestFor(method: string) {
  const { models: places, parameters, weights, based } = requests[method] ?? { models: [] }
  return {
    method,
    models: places.map((place, index) => ({
      id: idOf(place),
      ...(weights ? { weight: weights[index] } : {}),
      // Any model of the network will do: this one says that elements count by their size.
      ...(method === 'fisher' ? { fisher: idOf(3) } : {}),
    })),
    ...(parameters ? { parameters } : {}),
    ...(based ? { base: base() } : {}),
  }
}

describe('GET /v1/methods', () => {
  test('lists every method with its parameters as a JSON Schema', async () => {
    const { items } = methodList.parse(await json(await fetch(`${app.url}/v1/methods`)))
    expect(items.map(({ name }) => name).sort()).toEqual(Object.keys(requests).sort())
    const ties = items.find(({ name }) => name === 'ties')
    expect(ties).toMatchObject({
      needsBase: true,
      models: { min: 1, max: null },
      normalize: true,
      needs: ['threshold'],
    })
    expect(ties?.parameters).toMatchObject({
      type: 'object',
      properties: {
        density: {
          anyOf: [
            { type: 'number', minimum: 0, maximum: 1 },
            { type: 'array', items: { type: 'number', minimum: 0, maximum: 1 } },
          ],
          default: 1,
        },
        trim: { enum: ['tensor', 'global'] },
      },
      additionalProperties: false,
    })
    expect(items.find(({ name }) => name === 'slerp')?.parameters).toMatchObject({ required: ['t'] })
  })

  test('and the documentation of a merge names them, too', async () => {
    const text = await (await fetch(`${app.url}/openapi.json`)).text()
    const { components } = JSON.parse(text)
    const { MergeMethodName, MergeParameters, MergeRequest } = components.schemas
    expect(MergeRequest.properties.method.$ref).toBe('#/components/schemas/MergeMethodName')
    expect(MergeRequest.properties.parameters.$ref).toBe('#/components/schemas/MergeParameters')
    expect(MergeMethodName.enum.sort()).toEqual(Object.keys(requests).sort())
    const { items } = await json<{ items: { name: string; parameters: { properties: object } }[] }>(
      await fetch(`${app.url}/v1/methods`),
    )
    const withParameters = items.filter(({ parameters }) => Object.keys(parameters.properties).length > 0)
    expect(MergeParameters.anyOf.map(({ title }: { title: string }) => title)).toEqual(
      withParameters.map(({ name }) => name),
    )
    expect(text).not.toContain('"merge":"')
  })
})

describe.each(Object.keys(requests))('a merge by %s', method => {
  test('is a model whose recipe posts again to the same bytes, here and in one shot', async () => {
    const job = await merge(app.url, requestFor(method))
    expect(job).toMatchObject({ status: 'succeeded' })
    const content = await mergedContent(app.url, job)
    const recipe = JSON.parse(metadataOf(content).find(({ key }) => key === 'tureen.recipe')?.value ?? '')
    expect(recipe).toMatchObject({
      method,
      ...(requests[method]?.parameters ? { parameters: requests[method].parameters } : {}),
    })
    const again = await merge(app.url, recipe)
    expect(again.result?.model.sha256).toBe(job.result?.model.sha256)
    const form = new FormData()
    for (const place of requests[method]?.models ?? [])
      form.append('model', new Blob([files[place] ?? '']), `${place}.onnx`)
    if (requests[method]?.based) form.append('base', new Blob([files[0] ?? '']), 'base.onnx')
    if (method === 'fisher') for (const _ of recipe.models) form.append('fisher', new Blob([files[3] ?? '']), 'f.onnx')
    form.append('recipe', JSON.stringify(recipe))
    const soup = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    expect(soup.status).toBe(200)
    expect(sha256(new Uint8Array(await soup.arrayBuffer()))).toBe(sha256(content))
  })

  test('of models that are all the same is that model', async () => {
    const { models: places, ...rest } = requestFor(method)
    const same = places.map(each => ({ ...each, id: base() }))
    const job = await merge(app.url, { ...rest, models: same, provenance: false })
    expect(job.status).toBe('succeeded')
    expect(initializerDigests(await mergedContent(app.url, job))).toEqual(initializerDigests(files[0] ?? Buffer.of()))
  })
})

describe('the report', () => {
  test('tells of each tensor what the method found', async () => {
    const { result } = await merge(app.url, requestFor('model_stock'))
    const facts = result?.report.method?.tensors ?? []
    expect(facts.length).toBeGreaterThan(0)
    for (const { t, cosine } of facts) {
      expect(t).toBeCloseTo(Math.max(0, (3 * (cosine ?? 0)) / (1 + 2 * (cosine ?? 0))), 12)
    }
  })

  test('counts what was kept and where signs differed', async () => {
    const { result } = await merge(app.url, requestFor('ties'))
    const { tensors = [], totals } = result?.report.method ?? {}
    for (const { elements, kept } of tensors) expect(kept).toEqual([1, 2, 3].map(() => Math.floor(0.4 * elements)))
    expect(totals?.kept?.[0]).toBe(tensors.reduce((sum, { kept }) => sum + (kept?.[0] ?? 0), 0))
    expect(totals?.signConflicts).toBeGreaterThan(0)
  })

  test('of a method that finds nothing out has no such part', async () => {
    const { result } = await merge(app.url, requestFor('linear'))
    expect(result?.report).not.toHaveProperty('method')
  })
})

describe('a parameter of which each model has its own', () => {
  test('holds for that model, in rules and along the graph too, and the recipe has it', async () => {
    const request = requestFor('ties')
    const lists = { density: [0.9, { gradient: [0.5, 0.1] }, 0] }
    const rules = [{ match: 'fc2.*', parameters: { density: [0, 1, 0.25] } }]
    const job = await merge(app.url, { ...request, parameters: lists, rules })
    const { tensors = [] } = job.result?.report.method ?? {}
    const keptOf = (name: RegExp) => tensors.filter(({ tensor }) => name.test(tensor))
    for (const { elements, kept } of keptOf(/^fc2\./)) expect(kept).toEqual([0, elements, Math.floor(0.25 * elements)])
    const others = keptOf(/^(?!fc2\.)/)
    for (const { elements, kept } of others) {
      expect(kept?.[0]).toBe(Math.floor(0.9 * elements))
      expect(kept?.[2]).toBe(0)
    }
    const parts = others.map(({ elements, kept }) => (kept?.[1] ?? 0) / elements)
    expect(parts[0]).toBeCloseTo(0.5, 2)
    expect(Math.min(...parts)).toBeLessThan(0.4)
    const content = await mergedContent(app.url, job)
    const recipe = JSON.parse(metadataOf(content).find(({ key }) => key === 'tureen.recipe')?.value ?? '')
    expect(recipe).toMatchObject({ parameters: lists, rules })
    expect((await merge(app.url, recipe)).result?.model.sha256).toBe(job.result?.model.sha256)
  })

  test.each([
    ['with fewer values than models', { density: [0.5, 0.5] }, 'parameters.density', '2 values for 3 models'],
    ['with a value out of range', { density: [0.5, 2, 0.5] }, 'parameters.density.1', '<=1'],
    ['that is neither', { density: 'half' }, 'parameters.density', 'no number, and no list'],
    ['that only one value for all can be', { lambda: [1, 1, 1] }, 'parameters.lambda', 'expected number'],
    [
      'along the graph where all are trimmed together',
      { trim: 'global', density: [{ gradient: [0, 1] }, 1, 1] },
      'parameters.density',
      'same for all',
    ],
  ])('%s is refused', async (_, parameters, field, message) => {
    const response = await postJson(`${app.url}/v1/merges`, { ...requestFor('ties'), parameters })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field, message: expect.stringContaining(message) }])
  })

  test('that does not fit together with another of the same model is refused', async () => {
    const parameters = { density: [0.5, 0.5, 0.9], epsilon: [0.5, 0.1, 0.2] }
    const response = await postJson(`${app.url}/v1/merges`, { ...requestFor('della'), parameters })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(each => each.field)).toEqual(['parameters.epsilon'])
  })
})

test('two gradients whose sum is 1 at their ends may be rounded to more between them', async () => {
  // At the third of the six operators with weights it is 1 + 2^-52.
  const parameters = { density: { gradient: [0.54, 0.77] }, epsilon: { gradient: [0.46, 0.23] } }
  const job = await merge(app.url, { ...requestFor('della'), parameters })
  expect(job).toMatchObject({ status: 'succeeded' })
})

describe('what a request leaves out, or says in an older way, stands in the recipe in full', () => {
  const recipeOf = async (request: object) => {
    const job = await merge(app.url, request)
    const entries = metadataOf(await mergedContent(app.url, job))
    return { job, recipe: JSON.parse(entries.find(({ key }) => key === 'tureen.recipe')?.value ?? '') }
  }

  test.each([
    ['della', true],
    ['della_linear', false],
  ])('%s has "normalize": %s', async (method, normalize) => {
    const { job, recipe } = await recipeOf(requestFor(method))
    expect(recipe.normalize).toBe(normalize)
    const other = await merge(app.url, { ...recipe, normalize: !normalize, provenance: false })
    const same = await merge(app.url, { ...recipe, provenance: false })
    expect(other.result?.model.sha256).not.toBe(same.result?.model.sha256)
    expect((await merge(app.url, recipe)).result?.model.sha256).toBe(job.result?.model.sha256)
  })

  test.each([
    [{ rowWise: true }, 'last'],
    [{ rowWise: false }, 'tensor'],
    [{ along: 'last', rowWise: true }, 'last'],
    [{ along: 'first' }, 'first'],
    [{}, 'tensor'],
  ])('nuslerp with %o has "along": "%s"', async (parameters, along) => {
    const { job, recipe } = await recipeOf({ ...requestFor('nuslerp'), parameters })
    expect(recipe.parameters).toEqual({ along })
    expect((await merge(app.url, recipe)).result?.model.sha256).toBe(job.result?.model.sha256)
  })
})
