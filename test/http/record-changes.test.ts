import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatasetRecord } from '../../schemas/dataset.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let paths: Record<'model' | 'data set', string>
beforeAll(async () => {
  app = await startApp({ TUREEN_RATE_LIMIT: '0' })
  const model = await uploadModel(app.url, linearModel([1, 2], [3, 4]), 'name=before&label=run:42&label=stage:new')
  const npz = await projectFile('examples/digits/val.npz')
  const query = 'name=before&label=run:42&label=stage:new'
  const dataset = await json<DatasetRecord>(
    await fetch(`${app.url}/v1/datasets?${query}`, { method: 'POST', body: npz }),
  )
  paths = { model: `/v1/models/${model.id}`, 'data set': `/v1/datasets/${dataset.id}` }
})
afterAll(() => app.close())

const patch = (path: string, change: unknown, headers: Record<string, string> = {}) =>
  fetch(`${app.url}${path}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof change === 'string' ? change : JSON.stringify(change),
  })

/** Changes a record, and expects that a read afterwards is the answer, with the same entity tag. */
async function changed(path: string, change: object, headers: Record<string, string> = {}) {
  const answer = await patch(path, change, headers)
  const record = await json<ModelRecord | DatasetRecord>(answer)
  expect({ status: answer.status, record }).toMatchObject({ status: 200 })
  const read = await fetch(`${app.url}${path}`)
  expect({ record, tag: answer.headers.get('etag') }).toEqual({
    record: await json(read),
    tag: read.headers.get('etag'),
  })
  return record
}

describe.each(['model', 'data set'] as const)('PATCH of a %s', kind => {
  const reset = async () => {
    await changed(paths[kind], { labels: null })
    return changed(paths[kind], { name: 'before', labels: { run: '42', stage: 'new' } })
  }

  test('sets what it names, removes what is null, and leaves everything else', async () => {
    const before = await reset()
    const change = { name: 'ä "name"', labels: { stage: null, more: '\u{1F372}', run: '43' } }
    const after = await changed(paths[kind], change)
    expect(after).toEqual({ ...before, name: 'ä "name"', labels: { run: '43', more: '\u{1F372}' } })
    expect(await changed(paths[kind], change)).toEqual(after)
    expect(await changed(paths[kind], {})).toEqual(after)
    expect(await changed(paths[kind], { name: null })).toEqual({ ...after, name: null })
    expect(await changed(paths[kind], { labels: null })).toEqual({ ...after, name: null, labels: {} })
  })

  test('is what RFC 7396 says, for any labels', async () => {
    await reset()
    const key = fc.constantFrom('a', 'b', 'c', 'run', 'stage')
    const change = fc.record(
      {
        name: fc.option(fc.constantFrom('x', 'y')),
        labels: fc.option(fc.dictionary(key, fc.option(fc.constantFrom('', 'v', '1')))),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(change, async change => {
        const { name, labels } = await json<ModelRecord>(await fetch(`${app.url}${paths[kind]}`))
        const expected = mergePatch({ name, labels }, change)
        const after = await changed(paths[kind], change)
        expect({ name: after.name, labels: after.labels }).toEqual({ name: null, labels: {}, ...Object(expected) })
      }),
      { numRuns: 20 },
    )
  })

  test('is found by its new name and labels, and no longer by the old ones', async () => {
    await reset()
    const { id } = await changed(paths[kind], { name: 'now', labels: { stage: 'kept' } })
    const list = async (query: string) => {
      const { items } = await json<{ items: { id: string }[] }>(
        await fetch(`${app.url}${paths[kind].replace(/\/[^/]+$/, '')}?${query}`),
      )
      return items.map(item => item.id)
    }
    expect(await list('name=now&label=stage:kept&label=run:42')).toEqual([id])
    expect([...(await list('name=before')), ...(await list('label=stage:new'))]).toEqual([])
  })

  test('with If-Match changes only the record that the client has seen', async () => {
    await reset()
    const tag = (await fetch(`${app.url}${paths[kind]}`)).headers.get('etag') ?? ''
    const changes = ['first', 'second'].map(name => patch(paths[kind], { name }, { 'if-match': tag }))
    const answers = await Promise.all(changes)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412])
    await readProblem(await patch(paths[kind], { name: 'x' }, { 'if-match': tag }), 412, 'TUREEN_PRECONDITION_FAILED')
    const next = answers.find(({ status }) => status === 200)?.headers.get('etag') ?? ''
    expect((await changed(paths[kind], { name: 'third' }, { 'if-match': next })).name).toBe('third')
  })

  test('takes the media type of merge patches, and no other than JSON', async () => {
    const headers = { 'content-type': 'application/merge-patch+json' }
    expect((await changed(paths[kind], { name: 'patched' }, headers)).name).toBe('patched')
    const refused = await patch(paths[kind], '{}', { 'content-type': 'application/json-patch+json' })
    await readProblem(refused, 415, 'TUREEN_UNSUPPORTED_MEDIA_TYPE')
  })

  test.each([
    ['an unknown field', { label: {} }, 'label'],
    ['an empty name', { name: '' }, 'name'],
    ['a key that is none', { labels: { 'a:b': '1' } }, 'labels'],
    ['a value that is no text', { labels: { a: 1 } }, 'labels.a'],
    ['a list', [], 'body'],
  ])('refuses %s, and changes nothing', async (_, change, field) => {
    const before = await reset()
    const { errors } = await readProblem(await patch(paths[kind], change), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors[0]?.field).toMatch(field)
    expect(await changed(paths[kind], {})).toEqual(before)
  })

  test('refuses the 65th label, unless another one goes', async () => {
    await reset()
    const many = Object.fromEntries(Array.from({ length: 62 }, (_, index) => [`k${index}`, 'v']))
    await changed(paths[kind], { labels: many })
    const { errors } = await readProblem(
      await patch(paths[kind], { labels: { more: '1' } }),
      400,
      'TUREEN_REQUEST_INVALID',
    )
    expect(errors).toMatchObject([{ field: 'labels', actual: '65' }])
    const { labels } = await changed(paths[kind], { labels: { more: '1', k0: null } })
    expect(Object.keys(labels)).toHaveLength(64)
    await changed(paths[kind], { labels: null })
  })

  test('of nothing is 404, and a missing body 400', async () => {
    const unknown = paths[kind].replace(/[^/]+$/, 'none')
    await readProblem(await patch(unknown, { name: 'x' }), 404, 'TUREEN_NOT_FOUND')
    await readProblem(await patch(paths[kind], ''), 400, 'TUREEN_REQUEST_INVALID')
  })
})

test('an upload of the same bytes finds the record by its new name, and makes another by the old one', async () => {
  const bytes = linearModel([5, 6], [7, 8])
  const first = await uploadModel(app.url, bytes, 'name=old')
  await changed(`/v1/models/${first.id}`, { name: 'new', labels: { a: 'b' } })
  expect((await uploadModel(app.url, bytes, 'name=new&label=a:b')).id).toBe(first.id)
  expect((await uploadModel(app.url, bytes, 'name=old')).id).not.toBe(first.id)
})

test('changes at the same moment all count', async () => {
  const { id } = await uploadModel(app.url, linearModel([9, 9], [9, 9]))
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  await Promise.all(keys.map(key => patch(`/v1/models/${id}`, { labels: { [key]: key } })))
  const { labels } = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${id}`))
  expect(labels).toEqual(Object.fromEntries(keys.map(key => [key, key])))
})

test('a model that a job uses can be labelled, and the job selects by the labels of its start', async () => {
  const { id } = await uploadModel(app.url, linearModel([8, 9], [9, 9]), 'label=chosen:yes')
  const job = await json<{ status: string }>(
    await postJson(`${app.url}/v1/merges?wait=45`, { models: { label: 'chosen:yes' } }),
  )
  await changed(`/v1/models/${id}`, { labels: { chosen: 'no' } })
  expect(job.status).toBe('succeeded')
  const refused = await postJson(`${app.url}/v1/merges`, { models: { label: 'chosen:yes' } })
  expect(refused.status).toBeGreaterThanOrEqual(400)
})

/** MergePatch of RFC 7396, section 2, as its pseudocode has it. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null) return patch
  const merged: Record<string, unknown> = { ...(typeof target === 'object' ? target : {}) }
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete merged[name]
    else merged[name] = mergePatch(merged[name], value)
  return merged
}
