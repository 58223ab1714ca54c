import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { digits, json, merge, mergedContent, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let run: ModelRecord[]
let dataset: { id: string; sha256: string }
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_MODELS: '4' })
  run = []
  for (const [index, path] of digits(3, 1, 2).entries()) {
    const query = `name=epoch-${index}&label=run:42&label=stage:${index === 0 ? 'warm' : 'late'}`
    run.push(await uploadModel(app.url, await projectFile(path), query))
  }
  await uploadModel(app.url, await projectFile('examples/digits/ft4.onnx'), 'label=run:43')
  const body = await projectFile('examples/digits/val.npz')
  dataset = await json(await fetch(`${app.url}/v1/datasets?name=val`, { method: 'POST', body }))
})
afterAll(() => app.close())

const named = () => run.map(({ id, name, sha256 }) => ({ id, name, sha256 }))
const search = (models: unknown) => ({
  models,
  strategy: { type: 'exhaustive' },
  selection: { dataset: dataset.id, metric: 'accuracy' },
})

describe('models selected by label', () => {
  test('are merged in the order of their uploads, as if they were listed', async () => {
    const listed = await merge(app.url, { models: run.map(({ id }) => ({ id })) })
    const selected = await merge(app.url, { models: { label: 'run:42' } })
    expect(selected.status).toBe('succeeded')
    expect(selected.request).toMatchObject({ models: run.map(({ id }) => ({ id, weight: 1 })) })
    expect(await mergedContent(app.url, selected)).toEqual(await mergedContent(app.url, listed))
    const recipe = await json<{ models: { id: string }[] }>(
      await fetch(`${app.url}/v1/models/${selected.result?.model.id}/recipe`),
    )
    expect(recipe.models.map(({ id }) => id)).toEqual(run.map(({ sha256 }) => sha256))
  })

  test('by several labels have all of them', async () => {
    const job = await merge(app.url, { models: { label: ['run:42', 'stage:late'] } })
    expect(job.result?.models?.map(({ id }) => id)).toEqual(run.slice(1).map(({ id }) => id))
  })

  test('are searched, and the result names them', async () => {
    const job = await json<JobRecord>(await postJson(`${app.url}/v1/searches?wait=60`, search({ label: 'run:42' })))
    if (job.type !== 'search') throw new Error('not a search')
    expect(job.request.models.map(({ id }) => id)).toEqual(run.map(({ id }) => id))
    const { result } = job
    const nameOf = (id: string) => run.find(each => each.id === id)?.name ?? null
    expect(result?.models).toEqual(named())
    for (const soup of [result?.winner, result?.bestSingle, result?.uniform])
      expect(soup?.names).toEqual(soup?.models.map(nameOf))
    expect(result?.contributions?.map(({ name }) => name)).toEqual(run.map(({ name }) => name))
  })

  test('are compared, each with each', async () => {
    const job = await json<JobRecord>(
      await postJson(`${app.url}/v1/comparisons?wait=60`, { models: { label: 'run:42' } }),
    )
    expect(job.request).toMatchObject({ models: run.map(({ id }) => ({ id })) })
    expect(job.result).toMatchObject({ models: named(), pairs: [{}, {}, {}] })
  })

  test('are refused in a comparison where there is only one', async () => {
    const alone = await postJson(`${app.url}/v1/comparisons`, { models: { label: 'run:43' } })
    const { detail } = await readProblem(alone, 400, 'TUREEN_REQUEST_INVALID')
    expect(detail).toMatch(/^The request takes 2 models or more, and 1 has the label run:43\. /)
  })

  test('are those of the moment: a model that gets the label later has no part, also of a repeated request', async () => {
    const send = () =>
      fetch(`${app.url}/v1/merges?wait=60`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'selected' },
        body: JSON.stringify({ models: { label: 'run:50' } }),
      })
    const first = await uploadModel(app.url, linearModel([1, 2], [3, 4]), 'label=run:50')
    const before = await json<JobRecord>(await send())
    await uploadModel(app.url, linearModel([5, 6], [7, 8]), 'label=run:50')
    const again = await send()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await json<JobRecord>(again)).toEqual(before)
    expect(before.request).toMatchObject({ models: [{ id: first.id }] })
  })

  test.each(['merges', 'searches', 'comparisons'])(
    'are refused in %s where there are none, or too many',
    async path => {
      const post = (models: unknown) =>
        postJson(`${app.url}/v1/${path}`, path === 'searches' ? search(models) : { models })
      const none = await readProblem(await post({ label: 'run:1' }), 404, 'TUREEN_NOT_FOUND')
      expect(none.errors).toEqual([
        { field: 'models.label', actual: 'run:1', message: expect.stringContaining('run:1') },
      ])
      for (let index = 0; index < 5; index += 1)
        await uploadModel(app.url, linearModel([index, 9], [3, 4]), 'label=run:many')
      const many = await readProblem(await post({ label: 'run:many' }), 400, 'TUREEN_REQUEST_INVALID')
      expect(many.detail).toMatch(/more than 4 models/)
    },
  )

  test.each([
    [{ label: 'no-colon' }, 'models.label'],
    [{ label: [] }, 'models.label'],
    [{}, 'models.label'],
    [{ label: 'run:42', weight: 2 }, 'models.weight'],
    [[{ id: 5 }], 'models.0.id'],
    [[{ id: 'a', wieght: 5 }], 'models.0.wieght'],
    [[], 'models'],
  ])('written wrong are refused where the mistake is: %j', async (models, field) => {
    for (const [path, body] of [
      ['merges', { models }],
      // One more: a comparison takes two or more.
      ['comparisons', { models: Array.isArray(models) && models.length > 0 ? [...models, { id: 'b' }] : models }],
      ['searches', search(models)],
    ] as const) {
      const { errors } = await readProblem(await postJson(`${app.url}/v1/${path}`, body), 400, 'TUREEN_REQUEST_INVALID')
      expect(errors.map(each => each.field)).toEqual([field])
    }
  })
})

describe('results name models as well as ids', () => {
  const models = () => run.map(({ id }) => ({ id }))
  const finished = async (path: string, body: object) =>
    json<JobRecord>(await postJson(`${app.url}/v1/${path}?wait=60`, body))

  test('of a merge', async () => {
    const { result } = await merge(app.url, { models: models(), name: 'soup', base: run[1]?.id })
    expect(result).toMatchObject({ model: { name: 'soup' }, models: named() })
  })

  test('of a comparison', async () => {
    expect((await finished('comparisons', { models: models() })).result).toMatchObject({ models: named() })
  })

  test('of an evaluation', async () => {
    const [model] = named()
    const { result } = await finished('evaluations', { model: model?.id, dataset: dataset.sha256 })
    expect(result).toMatchObject({ model, dataset: { id: dataset.id, name: 'val', sha256: dataset.sha256 } })
  })
})
