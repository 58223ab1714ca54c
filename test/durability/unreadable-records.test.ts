import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { json, merge, postJson, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, startApp } from '../support/server.ts'

type Item = {
  id: string
  unreadable?: string
  status?: string
  error?: { code: string; detail: string }
  sha256?: string
}

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp({ TUREEN_JOBS: '1' })
})
afterAll(() => app.close())

/** Changes rows as damage on the disk would: without the server's knowing. */
function damage(sql: string, ...values: string[]): void {
  const catalog = new DatabaseSync(join(app.data, 'catalog.sqlite'), { timeout: 5000 })
  try {
    expect(catalog.prepare(sql).run(...values).changes).toBeGreaterThan(0)
  } finally {
    catalog.close()
  }
}

const list = async (kind: string) => (await json<{ items: Item[] }>(await fetch(`${app.url}/v1/${kind}`))).items
const read = async (kind: string, id: string) => json<Item>(await fetch(`${app.url}/v1/${kind}/${id}`))
async function remove(kind: string, id: string): Promise<number> {
  const response = await fetch(`${app.url}/v1/${kind}/${id}`, { method: 'DELETE' })
  await response.arrayBuffer()
  return response.status
}

const uploadData = async () =>
  json<Item>(
    await fetch(`${app.url}/v1/datasets`, { method: 'POST', body: await projectFile('examples/digits/val.npz') }),
  )

describe.each([
  ['models', 'description', 'update models set description = \'{"externalData":[\' where id = ?'],
  ['models', 'description', "update models set description = '{}' where id = ?"],
  ['models', 'description', "update models set description = 'null' where id = ?"],
  ['models', 'description', "update models set description = x'ff00' where id = ?"],
  ['models', 'recipe', "update models set recipe = '{\"method' where id = ?"],
  ['models', 'recipe', "update models set recipe = '{}' where id = ?"],
  ['models', 'createdAt', "update models set created_at = '2026-13-01' where id = ?"],
  ['models', 'sha256', "update models set sha256 = 'sha257:' where id = ?"],
  ['models', 'files', "update model_files set bytes = x'00', sha256 = x'6162' where model_id = ?"],
  ['models', 'sha256', `update models set sha256 = 'sha256:${'0'.repeat(64)}' where id = ?`],
  ['models', 'sha256', `update model_files set sha256 = 'sha256:${'0'.repeat(64)}' where model_id = ?`],
  ['models', 'labels', "insert into labels values (?, x'2b', x'00')"],
  ['datasets', 'description', "update datasets set description = '{\"kind' where id = ?"],
  ['datasets', 'sha256', `update dataset_files set sha256 = 'sha256:${'0'.repeat(64)}' where dataset_id = ?`],
  ['datasets', 'files', "update dataset_files set sha256 = x'6162' where dataset_id = ?"],
])('a record of %s whose %s is damaged (%s)', (kind, field, sql) => {
  const upload = () => (kind === 'models' ? uploadModel(app.url, linearModel([1, 2], [3, 4])) : uploadData())
  let whole: Item
  let damaged: string
  beforeEach(async () => {
    whole = kind === 'models' ? await uploadModel(app.url, linearModel([5, 6], [7, 8])) : await uploadData()
    const { id } = await upload()
    damaged = id
    damage(sql, damaged)
  })
  afterEach(async () => {
    for (const { id } of await list(kind)) expect(await remove(kind, id)).toBe(204)
    expect(await list(kind)).toEqual([])
  })

  test('is one unreadable item that can be listed, read and deleted', async () => {
    const items = await list(kind)
    expect(items.find(({ id }) => id === damaged)?.unreadable).toContain(field)
    if (kind === 'models') expect(items.find(({ id }) => id === whole.id)).toEqual(await read(kind, whole.id))
    expect(await read(kind, damaged)).toEqual(items.find(({ id }) => id === damaged))
    expect(await remove(kind, damaged)).toBe(204)
    expect((await list(kind)).map(({ id }) => id)).not.toContain(damaged)
  })

  test('is named where it is used, and the same bytes make a new record', async () => {
    const named = kind === 'models' ? { models: [{ id: damaged }] } : { model: whole.id, dataset: damaged }
    const response = await postJson(`${app.url}/v1/${kind === 'models' ? 'merges' : 'evaluations'}`, named)
    const refused = await json<{ code: string; detail: string }>(response)
    if (kind === 'models')
      expect(refused).toMatchObject({ code: 'TUREEN_RECORD_UNREADABLE', detail: expect.stringContaining(damaged) })
    else expect(response.ok).toBe(false)
    const again = await upload()
    expect(again.id).not.toBe(damaged)
    expect(again).not.toHaveProperty('unreadable')
  })
})

describe('a job', () => {
  const started = async () => {
    const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
    return { model: id, ...(await merge(app.url, { models: [{ id }] })) }
  }

  test.each([
    ['request', 'update jobs set request = \'{"models":[\' where id = ?'],
    ['request', "update jobs set request = '{}' where id = ?"],
    ['result', "update job_result_parts set text = '{' where job_id = ?"],
    ['result', 'delete from job_result_parts where job_id = ?'],
  ])('whose %s is damaged is listed without it, is unreadable, and can be deleted (%s)', async (_, sql) => {
    const { id } = await started()
    damage(sql, id)
    expect(await list('jobs')).toEqual([expect.objectContaining({ id, status: 'succeeded' })])
    expect(await read('jobs', id)).toMatchObject({ id, unreadable: expect.stringMatching(/^its /) })
    expect(await remove('jobs', id)).toBe(204)
    expect(await list('jobs')).toEqual([])
  })

  test.each([
    ['progress', "update jobs set progress = 'x' where id = ?"],
    ['type', "update jobs set type = 'marge' where id = ?"],
    ['createdAt', "update jobs set created_at = '' where id = ?"],
  ])('whose %s is damaged is one unreadable item that can be listed, read and deleted (%s)', async (_, sql) => {
    const [whole, { id }] = [await started(), await started()]
    damage(sql, id)
    const items = await list('jobs')
    expect(items.find(item => item.id === id)).toMatchObject({ unreadable: expect.stringMatching(/^its /) })
    expect(items.find(item => item.id === whole.id)).not.toHaveProperty('unreadable')
    expect(await read('jobs', id)).toEqual({
      ...items.find(item => item.id === id),
      unreadable: expect.stringMatching(/^its /),
    })
    expect(await remove('jobs', id)).toBe(204)
    expect(await remove('jobs', whole.id)).toBe(204)
    expect(await list('jobs')).toEqual([])
  })

  test('that is queued with an unreadable request can be cancelled, or fails with the reason and lets the next one run', async () => {
    const { id } = await uploadModel(app.url, linearModel([1, 2], [3, 4]))
    const many = Array.from({ length: 1000 }, () => ({ id, weight: 1 }))
    const posted = async (models: unknown) => json<Item>(await postJson(`${app.url}/v1/merges`, { models }))
    await posted(many)
    const [failing, cancelled, next] = [await posted([{ id }]), await posted([{ id }]), await posted([{ id }])]
    damage("update jobs set request = '{' where id in (?, ?) and status = 'queued'", failing.id, cancelled.id)
    const response = await fetch(`${app.url}/v1/jobs/${cancelled.id}/cancel`, { method: 'POST' })
    expect({ status: response.status, item: await json<Item>(response) }).toMatchObject({
      status: 202,
      item: { status: 'cancelled', unreadable: expect.stringContaining('request') },
    })
    expect(await json<Item>(await fetch(`${app.url}/v1/jobs/${failing.id}?wait=45`))).toMatchObject({
      status: 'failed',
      unreadable: expect.stringContaining('its request cannot be read'),
      error: { code: 'TUREEN_RECORD_UNREADABLE', detail: expect.stringContaining('its request cannot be read') },
    })
    expect(await json<Item>(await fetch(`${app.url}/v1/jobs/${next.id}?wait=45`))).toMatchObject({
      status: 'succeeded',
    })
    for (const each of [failing, cancelled]) expect(await remove('jobs', each.id)).toBe(204)
  })
})

test('what has expired goes although a record beside it cannot be read, and so does that', async () => {
  const short = await startApp({ TUREEN_SWEEP_SECONDS: '1' })
  try {
    const a = await uploadModel(short.url, linearModel([1, 2], [3, 4]), 'ttl=1')
    await uploadModel(short.url, linearModel([5, 6], [7, 8]), 'ttl=1')
    const catalog = new DatabaseSync(join(short.data, 'catalog.sqlite'), { timeout: 5000 })
    catalog.prepare("update models set description = '{' where id = ?").run(a.id)
    catalog.close()
    await expect
      .poll(async () => (await json<{ items: Item[] }>(await fetch(`${short.url}/v1/models`))).items, {
        timeout: 45_000,
      })
      .toEqual([])
  } finally {
    await short.close()
  }
})
