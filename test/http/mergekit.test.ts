import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, type MergeJob, mergedContent, modelForm, readProblem, uploadModel } from '../support/http-client.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { encodeModel } from '../support/rich-model.ts'
import { projectRoot, startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Tensors = Record<string, number[]>
type Fixture = {
  dims: number[]
  models: Record<string, Tensors>
  cases: { name: string; document: string; expected: Tensors }[]
}

const fixture: Fixture = JSON.parse(
  readFileSync(join(projectRoot, 'test', 'fixtures', 'mergekit', 'cases.json'), 'utf8'),
)
const models = new Map(Object.entries(fixture.models).map(([name, tensors]) => [name, sumModel(tensors)]))

/** A model that adds all its tensors to its input, one after the other. */
function sumModel(tensors: Tensors): Bytes {
  const names = Object.keys(tensors)
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } })
  const graph = {
    name: 'sum',
    node: names.map((name, index) => ({ opType: 'Add', input: [`v${index}`, name], output: [`v${index + 1}`] })),
    initializer: names.map(name => float32Tensor(name, fixture.dims, tensors[name] ?? [])),
    input: [value('v0')],
    output: [value(`v${names.length}`)],
  }
  return Uint8Array.from(encodeModel({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph }))
}

function modelNamed(name: string): Bytes {
  const model = models.get(name)
  if (!model) throw new Error(`there is no model ${name}`)
  return model
}

function floats(model: Uint8Array, name: string): number[] {
  return [...new Float32Array(Uint8Array.from(initializerBytes(model, name)).buffer)]
}

function expectTensors(model: Uint8Array, expected: Tensors): void {
  for (const [name, values] of Object.entries(expected)) {
    const found = floats(model, name)
    expect(found).toHaveLength(values.length)
    for (const [index, value] of values.entries()) expect(found[index], `${name}[${index}]`).toBeCloseTo(value, 4)
  }
}

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
  for (const [name, model] of models) await uploadModel(app.url, model, `name=${name}`)
})
afterAll(() => app.close())

function post(body: string, type = 'application/yaml'): Promise<Response> {
  return fetch(`${app.url}/v1/merges?wait=30`, { method: 'POST', headers: { 'content-type': type }, body })
}

async function merged(body: string, type?: string): Promise<{ job: MergeJob; content: Bytes }> {
  const response = await post(body, type)
  const job = await json<MergeJob>(response)
  expect({ status: response.status, job }).toMatchObject({ status: 200, job: { status: 'succeeded' } })
  return { job, content: await mergedContent(app.url, job) }
}

describe('a configuration of mergekit', () => {
  it.each(fixture.cases)('makes what mergekit makes: $name', async ({ document, expected }) => {
    expectTensors((await merged(document)).content, expected)
  })

  it('keeps the sum of magnitudes of the changes under dare, as mergekit does', async () => {
    const document =
      'merge_method: dare_linear\nbase_model: O\nmodels: [{model: A, parameters: {weight: 1, density: 0.5}}]'
    const { content } = await merged(document)
    const [a = {}, base = {}] = [fixture.models['A'], fixture.models['O']]
    for (const [name, origin] of Object.entries(base)) {
      const norm = (values: number[] = []) =>
        values.reduce((sum, each, at) => sum + Math.abs(each - (origin[at] ?? 0)), 0)
      const found = floats(content, name)
      expect(found.filter((each, at) => each !== origin[at]).length).toBeLessThan(found.length)
      expect(norm(found)).toBeCloseTo(norm(a[name]), 4)
    }
  })

  it.each(['text/yaml', 'application/x-yaml', 'text/x-yaml', 'text/yaml; charset=utf-8'])(
    'is taken as %s',
    async type => {
      const [{ document, expected } = { document: '', expected: {} }] = fixture.cases
      expectTensors((await merged(document, type)).content, expected)
    },
  )

  it('makes a model whose recipe posts again to the same bytes, gradients by block included', async () => {
    const { document } = fixture.cases.find(({ name }) => name === 'ties, along the blocks') ?? { document: '' }
    const { job } = await merged(document)
    const headers = { accept: 'text/yaml' }
    const recipe = await fetch(`${app.url}/v1/models/${job.result?.model.id}/recipe`, { headers })
    expect(recipe.headers.get('content-type')).toMatch(/^text\/yaml/)
    const text = await recipe.text()
    expect(text).toMatch(/by: block/)
    expect((await merged(text)).job.result?.model.sha256).toBe(job.result?.model.sha256)
  })

  it('warns in the report of what changes nothing', async () => {
    const document =
      'merge_method: karcher\ntokenizer_source: union\nmodels: [{model: A, parameters: {weight: 2}}, {model: B}]'
    const { job } = await merged(document)
    expect(job.result?.report.warnings).toEqual([
      expect.stringMatching(/^tokenizer_source /),
      expect.stringMatching(/^weight .*karcher does not use it/),
    ])
  })

  it('is refused where a layer_range is not the depth of the models', async () => {
    const document =
      'merge_method: linear\nslices: [{sources: [{model: A, layer_range: [0, 2]}, {model: B, layer_range: [0, 2]}]}]'
    const { detail } = await readProblem(await post(document), 422, 'TUREEN_BLOCKS_UNKNOWN')
    expect(detail).toMatch(/2 blocks.*layers: 3/)
  })
})

describe('a configuration of mergekit as the recipe of a one-shot soup', () => {
  const form = (parts: [field: string, model: string, filename: string][], recipe: string) => {
    const all = modelForm([], recipe)
    for (const [field, model, filename] of parts) all.append(field, new Blob([modelNamed(model)]), filename)
    return fetch(`${app.url}/v1/soup`, { method: 'POST', body: all })
  }
  const ties = fixture.cases.find(({ name }) => name === 'ties, density of one model') ?? { document: '', expected: {} }

  it.each<[string, [string, string, string][]]>([
    [
      'parts in another order, the base among them',
      [
        ['model', 'O', 'O.onnx'],
        ['model', 'B', 'B.onnx'],
        ['model', 'A', 'A.onnx'],
      ],
    ],
    [
      'a base in its own part',
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'B.onnx'],
        ['base', 'O', 'O.onnx'],
      ],
    ],
    [
      'filenames without an extension, or in a directory',
      [
        ['model', 'A', 'A'],
        ['model', 'B', 'models/B.onnx'],
        ['base', 'O', 'O.ONNX'],
      ],
    ],
  ])('finds its models by filename: %s', async (_, parts) => {
    const response = await form(parts, ties.document)
    expect(response.status).toBe(200)
    expectTensors(await response.bytes(), ties.expected)
  })

  it('finds the models of repositories and paths by their last names, each under one filename', async () => {
    const [a, b] = ['A', 'B'].map(name => ['model', name, `${name}.onnx`] satisfies [string, string, string])
    const document = (first: string, second: string) =>
      JSON.stringify({ merge_method: 'karcher', models: [{ model: first }, { model: second }] })
    const parts = [a, b].flatMap(part => (part ? [part] : []))
    const plain = await form(parts, document('A', 'B'))
    const paths = await form(parts, document('org/A', './models/B/'))
    expect([plain.status, paths.status]).toEqual([200, 200])
    expect(Buffer.compare(await paths.bytes(), await plain.bytes())).toBe(0)
    const { detail } = await readProblem(await form(parts, document('one/A', 'other/A')), 400, 'TUREEN_REQUEST_INVALID')
    expect(detail).toMatch(/names a model for the second time/)
  })

  it('is the same soup as the merge of the same models', async () => {
    const response = await form(
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'B.onnx'],
        ['base', 'O', 'O.onnx'],
      ],
      ties.document,
    )
    expect(Buffer.compare(await response.bytes(), (await merged(ties.document)).content)).toBe(0)
  })

  it.each<[string, [string, string, string][], RegExp]>([
    [
      'a name that no part has',
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'B.onnx'],
      ],
      /names O, and no part.*A.onnx, B.onnx/,
    ],
    [
      'a name that two parts have',
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'x/A.onnx'],
        ['model', 'B', 'B.onnx'],
        ['base', 'O', 'O.onnx'],
      ],
      /names A, and 2 parts/,
    ],
    [
      'a filename that stands there twice',
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'A.onnx'],
        ['model', 'B', 'B.onnx'],
        ['base', 'O', 'O.onnx'],
      ],
      /names A, and 2 parts/,
    ],
    [
      'a part that it does not name',
      [
        ['model', 'A', 'A.onnx'],
        ['model', 'B', 'B.onnx'],
        ['base', 'O', 'O.onnx'],
        ['model', 'C', 'C.onnx'],
      ],
      /C.onnx stands nowhere/,
    ],
  ])('is refused for %s', async (_, parts, detail) => {
    expect((await readProblem(await form(parts, ties.document), 400, 'TUREEN_REQUEST_INVALID')).detail).toMatch(detail)
  })
})

describeShared('the configurations beside the project', () => {
  const directory = join(sharedDirectory, 'cases', 'mergekit')
  const read = (file: string) => readFileSync(join(directory, file))
  let shared: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    shared = await startApp()
    for (const name of ['A', 'B', 'O', 'O2']) {
      await uploadModel(shared.url, Uint8Array.from(read(`${name}.onnx`)), `name=${name}`)
    }
  })
  afterAll(() => shared.close())

  it.each<[string, number[]]>([
    ['della', [2, 1, -1, 2, 5, 1]],
    ['nuslerp-row-alone', [2.5477]],
    ['nuslerp-row', [2.3511]],
    ['nuslerp-flatten-false', [2.2925]],
    ['dare-no-density', [4, 1, -2, 2, 5, 2]],
    // By mergekit 0.1.4 itself, which stops after ten steps.
    ['karcher-base', [3.7644, 1.7515, -0.3809, 3.3209, 3.7047, 2.758]],
  ])('%s makes what its README says', async (name, expected) => {
    const response = await fetch(`${shared.url}/v1/merges?wait=30`, {
      method: 'POST',
      headers: { 'content-type': 'text/yaml' },
      body: read(`${name}.yml`),
    })
    const job = await json<MergeJob>(response)
    expect({ status: response.status, job }).toMatchObject({ status: 200, job: { status: 'succeeded' } })
    const found = floats(await mergedContent(shared.url, job), 'w')
    for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 3)
  })
})
