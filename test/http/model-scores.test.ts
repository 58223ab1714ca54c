import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import { type KeptScoreRecord, scorePage } from '../../schemas/score.ts'
import { changeCatalog } from '../support/change-catalog.ts'
import { digits, json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let models: string[]
let dataset: { id: string; sha256: string }
const addData = async (name: string): Promise<{ id: string; sha256: string }> => {
  const body = await projectFile(`examples/digits/${name}.npz`)
  return json(await fetch(`${app.url}/v1/datasets?name=${name}`, { method: 'POST', body }))
}
beforeAll(async () => {
  app = await startApp()
  models = []
  for (const path of digits(0, 1, 2)) models.push((await uploadModel(app.url, await projectFile(path))).id)
  dataset = await addData('val')
})
afterAll(() => app.close())

const scores = async (model: string | undefined, query = '') =>
  scorePage.parse(await json(await fetch(`${app.url}/v1/models/${model}/scores?${query}`)))

async function evaluate(request: object): Promise<JobRecord> {
  return json<JobRecord>(await postJson(`${app.url}/v1/evaluations?wait=60`, request))
}

const what = ({ metric, value, limit }: Pick<KeptScoreRecord, 'metric' | 'value' | 'limit'>) => ({
  metric,
  value,
  limit,
})

test('a model that nothing has scored has no scores, one that is not there is 404', async () => {
  expect(await scores(models[2])).toEqual({ items: [], nextCursor: null })
  await readProblem(await fetch(`${app.url}/v1/models/none/scores`), 404, 'TUREEN_NOT_FOUND')
})

test('scores of evaluations are listed, newest first, once however often they were asked for', async () => {
  const metrics = ['accuracy', 'crossEntropy']
  const first = await evaluate({ model: models[0], dataset: dataset.id, metrics })
  await evaluate({ model: models[0], dataset: dataset.id, metrics })
  const later = await evaluate({ model: models[0], dataset: dataset.id, metrics: [{ name: 'topK', k: 2 }], limit: 10 })
  const { items } = await scores(models[0])
  if (first.type !== 'evaluation' || later.type !== 'evaluation') throw new Error('not an evaluation')
  expect(items[0]).toMatchObject({
    dataset: { id: dataset.id, name: 'val', sha256: dataset.sha256 },
    metric: 'topK',
    parameters: { k: 2 },
    value: later.result?.metrics['topK'],
    samples: 10,
    limit: 10,
    jobId: later.id,
  })
  expect(
    items
      .slice(1)
      .map(what)
      .sort((a, b) => a.metric.localeCompare(b.metric)),
  ).toEqual(metrics.map(metric => ({ metric, value: first.result?.metrics[metric], limit: null })))
  expect(items[1]).toMatchObject({ jobId: first.id, ...first.result?.binding, samples: first.result?.samples })
})

test('are read page by page', async () => {
  const all = (await scores(models[0])).items
  const read: KeptScoreRecord[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await scores(models[0], `limit=1${cursor && `&cursor=${cursor}`}`)
    expect(page.items).toHaveLength(1)
    read.push(...page.items)
    cursor = page.nextCursor
  }
  expect(read).toEqual(all)
  await readProblem(await fetch(`${app.url}/v1/models/${models[0]}/scores?cursor=x`), 400, 'TUREEN_REQUEST_INVALID')
})

test('a search adds those of the soup that it made, and those on test, of the best single model as well', async () => {
  const ids: string[] = []
  for (const path of digits(1, 3, 5)) ids.push((await uploadModel(app.url, await projectFile(path))).id)
  const testing = await addData('test')
  const search = {
    models: ids.map(id => ({ id })),
    strategy: { type: 'exhaustive' },
    selection: { dataset: dataset.id, metric: 'accuracy' },
    test: { dataset: testing.id },
  }
  const find = async () => {
    const job = await json<JobRecord>(await postJson(`${app.url}/v1/searches?wait=60`, search))
    if (job.type !== 'search' || !job.result) throw new Error('no result of a search')
    return { id: job.id, ...job.result }
  }
  const job = await find()
  const { model, winner, bestSingle, test } = job
  expect(winner.models.length).toBeGreaterThan(1)
  const places = async (id: string | undefined) =>
    (await scores(id)).items
      .map(({ dataset: { name }, metric, value, samples, jobId }) => ({ name, metric, value, samples, jobId }))
      .sort((a, b) => (b.name ?? '').localeCompare(a.name ?? ''))
  const both = (onVal: number | null, onTest: number | null | undefined) => [
    { name: 'val', metric: 'accuracy', value: onVal, samples: 500, jobId: job.id },
    { name: 'test', metric: 'accuracy', value: onTest, samples: 597, jobId: job.id },
  ]
  expect(await places(model.id)).toEqual(both(winner.score, test?.winner))
  expect(await places(bestSingle.models[0])).toEqual(both(bestSingle.score, test?.bestSingle))

  await find()
  expect(await places(model.id)).toHaveLength(2)
  const scored = await evaluate({ model: model.id, dataset: testing.id, metrics: ['accuracy', 'crossEntropy'] })
  if (scored.type !== 'evaluation') throw new Error('not an evaluation')
  // The bytes that are kept are not those that were scored: they hold the recipe.
  expect(scored.result).toMatchObject({ cached: false, metrics: { accuracy: test?.winner } })
  expect(scored.result?.perClass).toMatchObject([{ metric: 'accuracy', classes: expect.arrayContaining([]) }])
  expect(await places(model.id)).toHaveLength(4)
})

test('a search adds those of its models by themselves, and they stay when the data set goes', async () => {
  const search = {
    models: models.slice(1).map(id => ({ id })),
    strategy: { type: 'greedy' },
    selection: { dataset: dataset.id, metric: 'accuracy' },
  }
  const job = await json<JobRecord>(await postJson(`${app.url}/v1/searches?wait=60`, search))
  if (job.type !== 'search') throw new Error('not a search')
  for (const id of models.slice(1)) {
    const candidate = job.result?.candidates.find(each => each.models.length === 1 && each.models[0] === id)
    expect((await scores(id)).items.map(what)).toEqual([{ metric: 'accuracy', value: candidate?.score, limit: null }])
  }
  expect((await fetch(`${app.url}/v1/datasets/${dataset.id}`, { method: 'DELETE' })).status).toBe(204)
  const [kept] = (await scores(models[1])).items
  expect(kept?.dataset).toEqual({ sha256: dataset.sha256, id: null, name: null })
})

test('a merge that measures batch norms adds the score of its soup', async () => {
  const fixture = (name: string) => projectFile(`test/fixtures/batch-norm/${name}`)
  const pair: { id: string }[] = []
  for (const name of ['a.onnx', 'b.onnx']) pair.push({ id: (await uploadModel(app.url, await fixture(name))).id })
  const body = await fixture('val.npz')
  const val = await json<{ id: string }>(await fetch(`${app.url}/v1/datasets?name=bn`, { method: 'POST', body }))
  const request = { models: pair, recalibrate: { dataset: val.id, metric: 'accuracy' } }
  const job = await json<JobRecord>(await postJson(`${app.url}/v1/merges?wait=60`, request))
  if (job.type !== 'merge') throw new Error('not a merge')
  const { score } = job.result?.report.recalibration ?? {}
  const { items } = await scores(job.result?.model.id)
  expect(items.map(({ jobId, ...item }) => ({ jobId, ...what(item) }))).toEqual([
    { jobId: job.id, metric: 'accuracy', value: score?.after, limit: null },
  ])
  expect(score?.after).toBeGreaterThan(score?.before ?? 1)
})

test('a score that was damaged on the disk is left out of the list', async () => {
  const { id } = await addData('test')
  const columns = ['value', 'subject', 'created_at']
  for (const [index, column] of columns.entries()) {
    await evaluate({ model: models[2], dataset: id, metrics: ['accuracy', 'crossEntropy'], limit: 10 + index })
    const { items } = await scores(models[2])
    const first = 'select key from scores where job_id = ? and subject is not null limit 1'
    const damage = `update scores set ${column} = '{' where key = (${first})`
    expect(await changeCatalog(app, damage, [items[0]?.jobId ?? ''])).toBe(1)
    expect((await scores(models[2])).items).toHaveLength(items.length - 1)
  }
})

test('scores go with the model, also those of searches, which are computed again for the same bytes', async () => {
  const paths = digits(6, 7)
  const upload = async (path = '') => (await uploadModel(app.url, await projectFile(path))).id
  const [first = '', second] = [await upload(paths[0]), await upload(paths[1])]
  const { id: data } = await addData('val')
  const search = async (ids: (string | undefined)[]) => {
    const selection = { dataset: data, metric: 'accuracy' }
    const request = { models: ids.map(id => ({ id })), strategy: { type: 'exhaustive' }, selection }
    const job = await json<JobRecord>(await postJson(`${app.url}/v1/searches?wait=60`, request))
    if (job.type !== 'search' || !job.result) throw new Error('no result of a search')
    return job.result.candidates.map(({ models, cached }) => [models.length, cached])
  }
  await search([first, second])
  const cached = [
    [1, true],
    [1, true],
    [2, true],
  ]
  expect((await search([first, second])).sort()).toEqual(cached)
  expect((await fetch(`${app.url}/v1/models/${first}`, { method: 'DELETE' })).status).toBe(204)
  const again = await upload(paths[0])
  expect(await scores(again)).toEqual({ items: [], nextCursor: null })
  expect((await search([again, second])).sort()).toEqual([
    [1, false],
    [1, true],
    [2, false],
  ])
})
