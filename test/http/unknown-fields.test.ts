import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let id: string
beforeAll(async () => {
  app = await startApp()
  id = (await uploadModel(app.url, linearModel([1, 2], [3, 4]))).id
})
afterAll(() => app.close())

const models = () => [{ id }, { id }]
const search = (more: object) => ({
  models: models(),
  strategy: { type: 'greedy' },
  selection: { dataset: 'val', metric: 'accuracy' },
  ...more,
})
const named = (field: string, near: string) => [
  {
    field,
    expected: expect.stringMatching(new RegExp(`\\b${near}\\b`)),
    actual: field.split('.').at(-1),
    message: `is not known; the nearest that is: ${near}`,
  },
]

describe('an unknown field is refused with the nearest that its place has', () => {
  test.each<[string, string, () => object, string, string]>([
    ['at the top', 'merges', () => ({ models: models(), outputDtyp: 'float16' }), 'outputDtyp', 'outputDtype'],
    ['in a model', 'merges', () => ({ models: [{ id, wieght: 2 }] }), 'models.0.wieght', 'weight'],
    ['in a selection by label', 'merges', () => ({ models: { label: 'a:b', lable: 'c:d' } }), 'models.lable', 'label'],
    [
      'in a rule',
      'merges',
      () => ({
        models: models(),
        rules: [
          { match: '*', skip: true },
          { match: '*', skip: true, wieghts: [1, 2] },
        ],
      }),
      'rules.1.wieghts',
      'weights',
    ],
    [
      'in recalibrate',
      'merges',
      () => ({ models: models(), recalibrate: { dataset: 'val', batchsize: 2 } }),
      'recalibrate.batchsize',
      'batchSize',
    ],
    [
      'among the parameters of a method',
      'merges',
      () => ({ models: models(), method: 'ties', base: id, parameters: { densty: 0.5 } }),
      'parameters.densty',
      'density',
    ],
    [
      'among the parameters of a rule',
      'merges',
      () => ({ models: models(), method: 'ties', base: id, rules: [{ match: '*', parameters: { lamda: 0.5 } }] }),
      'rules.0.parameters.lamda',
      'lambda',
    ],
    ['in a comparison', 'comparisons', () => ({ models: [{ id }, { id, Id: id }] }), 'models.1.Id', 'id'],
    ['in an export', 'exports', () => ({ model: id, checkpoint: id, unmached: 'keep' }), 'unmached', 'unmatched'],
    [
      'in a conversion',
      'exports/none/models',
      () => ({ checkpoint: id, provenence: false }),
      'provenence',
      'provenance',
    ],
    [
      'in one of several strategies',
      'searches',
      () => search({ strategy: { type: 'cmaEs', generation: 5 } }),
      'strategy.generation',
      'generations',
    ],
    ['in another strategy', 'searches', () => search({ strategy: { type: 'topK', kk: 5 } }), 'strategy.kk', 'k'],
    ['in a budget', 'searches', () => search({ budget: { secs: 5 } }), 'budget.secs', 'seconds'],
    [
      'in a selection',
      'searches',
      () => search({ selection: { dataset: 'val', metric: 'accuracy', ouput: 'y' } }),
      'selection.ouput',
      'output',
    ],
    ['in test', 'searches', () => search({ test: { dataset: 'val', metrics: 'mse' } }), 'test.metrics', 'metric'],
  ])('%s', async (_, path, body, field, near) => {
    const problem = await readProblem(await postJson(`${app.url}/v1/${path}`, body()), 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors).toEqual(named(field, near))
    expect(problem.detail).toContain(`${field}: is not known; the nearest that is: ${near}`)
  })

  test('in a document of YAML', async () => {
    const response = await fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: `models:\n  - id: ${id}\n    weigth: 2\n`,
    })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toEqual(named('models.0.weigth', 'weight'))
  })

  test('in the recipe of a one-shot soup', async () => {
    const form = new FormData()
    for (const file of ['a', 'b']) form.append('model', new Blob([linearModel([1, 2], [3, 4])]), file)
    form.append('recipe', JSON.stringify({ rules: [{ match: '*', skipp: true }], outputType: 'float16' }))
    const response = await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form })
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toEqual(expect.arrayContaining(named('recipe.outputType', 'outputDtype')))
    expect(errors).toEqual(expect.arrayContaining(named('recipe.rules.0.skipp', 'skip')))
  })
})
