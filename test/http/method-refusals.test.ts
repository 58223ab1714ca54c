import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { digits, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let models: ModelRecord[]

beforeAll(async () => {
  app = await startApp()
  models = []
  for (const path of ['examples/digits/base.onnx', ...digits(0, 1, 2)])
    models.push(await uploadModel(app.url, await projectFile(path)))
})
afterAll(() => app.close())

const idOf = (index: number) => models[index]?.id ?? ''
const base = () => idOf(0)

describe('a request that a method cannot follow is refused before there is a job', () => {
  const two = () => [{ id: idOf(1) }, { id: idOf(2) }]
  test.each([
    ['a method that is not there', () => ({ method: 'magic', models: two() }), 'method'],
    [
      'a parameter that it does not have',
      () => ({ method: 'slerp', models: two(), parameters: { t: 0.5, alpha: 1 } }),
      'parameters.alpha',
    ],
    [
      'a parameter out of range',
      () => ({ method: 'ties', models: two(), base: base(), parameters: { density: 1.5 } }),
      'parameters.density',
    ],
    [
      'a point of a gradient out of range',
      () => ({ method: 'slerp', models: two(), parameters: { t: { gradient: [0, 2] } } }),
      'parameters.t',
    ],
    [
      'a gradient of no numbers',
      () => ({ method: 'slerp', models: two(), parameters: { t: { gradient: null } } }),
      'parameters.t.gradient',
    ],
    [
      'a gradient without a value',
      () => ({ method: 'ties', models: two(), base: base(), parameters: { density: [1, { gradient: [] }] } }),
      'parameters.density.1.gradient',
    ],
    [
      'a gradient of lists',
      () => ({ method: 'ties', models: two(), base: base(), parameters: { density: { gradient: [[0.5, 1]] } } }),
      'parameters.density.gradient.0',
    ],
    [
      'a gradient with more',
      () => ({ method: 'slerp', models: two(), parameters: { t: { gradient: [0, 1], over: 'layers' } } }),
      'parameters.t.over',
    ],
    [
      'a gradient of whole numbers',
      () => ({
        method: 'dare_ties',
        models: two(),
        base: base(),
        parameters: { density: 0.5, seed: { gradient: [0, 1] } },
      }),
      'parameters.seed',
    ],
    [
      'such a gradient in a rule',
      () => ({
        method: 'karcher',
        models: two(),
        rules: [{ match: '*', parameters: { maxIter: { gradient: [1, 9] } } }],
      }),
      'rules.0.parameters.maxIter',
    ],
    ['a parameter that is missing', () => ({ method: 'slerp', models: two() }), 'parameters.t'],
    [
      'two that do not go together',
      () => ({ method: 'della', models: two(), base: base(), parameters: { density: 0.1 } }),
      'parameters.epsilon',
    ],
    ['no base', () => ({ method: 'ties', models: two() }), 'base'],
    ['too few models', () => ({ method: 'slerp', models: two().slice(1), parameters: { t: 0.5 } }), 'models'],
    [
      'too many models',
      () => ({ method: 'wise_ft', models: two(), base: base(), parameters: { alpha: 0.5 } }),
      'models',
    ],
    [
      'weights where there are none',
      () => ({ method: 'slerp', models: [{ id: idOf(1), weight: 2 }, { id: idOf(2) }], parameters: { t: 0.5 } }),
      'models.0.weight',
    ],
    [
      'normalizing what is not',
      () => ({ method: 'slerp', models: two(), parameters: { t: 0.5 }, normalize: true }),
      'normalize',
    ],
    [
      'normalize among parameters',
      () => ({ method: 'ties', models: two(), base: base(), parameters: { normalize: false } }),
      'parameters.normalize',
    ],
    [
      'two names of a parameter that contradict each other',
      () => ({ method: 'nuslerp', models: two(), parameters: { along: 'first', rowWise: true } }),
      'parameters.rowWise',
    ],
    [
      'two such names in a rule',
      () => ({
        method: 'nuslerp',
        models: two(),
        rules: [{ match: '*', parameters: { along: 'last', rowWise: false } }],
      }),
      'rules.0.parameters.rowWise',
    ],
    [
      'an older name with another kind of value',
      () => ({ method: 'nuslerp', models: two(), parameters: { rowWise: 'last' } }),
      'parameters.rowWise',
    ],
    ['no Fisher information', () => ({ method: 'fisher', models: two() }), 'models'],
    ['Fisher information that nobody reads', () => ({ models: [{ id: idOf(1), fisher: idOf(2) }] }), 'models'],
    [
      'a rule with a parameter out of range',
      () => ({
        method: 'slerp',
        models: two(),
        parameters: { t: 0.5 },
        rules: [{ match: '*', parameters: { t: -1 } }],
      }),
      'rules.0.parameters.t',
    ],
    [
      'a rule that trims otherwise what is trimmed together',
      () => ({
        method: 'ties',
        models: two(),
        base: base(),
        parameters: { trim: 'global' },
        rules: [{ match: '*', parameters: { density: 0.5 } }],
      }),
      'rules.0.parameters.density',
    ],
    [
      'a rule that skips and weighs',
      () => ({ models: two(), rules: [{ match: '*', weights: [1, 2], skip: true }] }),
      'rules.0.skip',
    ],
  ])('%s', async (_, request, field) => {
    const problem = await readProblem(await postJson(`${app.url}/v1/merges`, request()), 400, 'TUREEN_REQUEST_INVALID')
    expect(problem.errors.map(each => each.field)).toContain(field)
  })

  test('negative weights for karcher', async () => {
    const request = { method: 'karcher', models: [{ id: idOf(1), weight: -1 }, { id: idOf(2) }] }
    await readProblem(await postJson(`${app.url}/v1/merges`, request), 422, 'TUREEN_WEIGHTS_INVALID')
  })
})
