import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { JobRecord } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { contentPath } from '../../src/storage/file-names.ts'
import { json, merge, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

test('a model without a fingerprint, as an update of the catalog leaves it, is inspected anew at the next start', async () => {
  const directory = await temporaryDirectory()
  const data = directory.path
  const first = await startApp({ TUREEN_DATA: data })
  const model = await uploadModel(first.url, linearModel([1, 2, 3, 4], [5, 6]), 'name=old')
  await first.close()
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  try {
    // An earlier version made another fingerprint, and counted other tensors as weights.
    catalog.exec("update models set fingerprint = '', description = json_set(description, '$.parameters', 1)")
  } finally {
    catalog.close()
  }
  const second = await startApp({ TUREEN_DATA: data })
  const read = async () => json<ModelRecord>(await fetch(`${second.url}/v1/models/${model.id}`))
  await until('the record is renewed', async () => (await read()).fingerprint !== null)
  expect(await read()).toEqual(model)
  await second.close()
  await directory.remove()
})

test('jobs of the earlier process do not wait until models are inspected anew', async () => {
  const servers = serverGroup()
  const data = await servers.data()
  const first = await startApp({ TUREEN_DATA: data })
  const [a, b, slow] = [
    await uploadModel(first.url, linearModel([1], [2])),
    await uploadModel(first.url, linearModel([3], [4])),
    await uploadModel(first.url, linearModel([5], [6])),
  ]
  const { id } = await merge(first.url, { models: [{ id: a.id }, { id: b.id }] })
  await first.close()
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  catalog.exec(`update jobs set status = 'queued', started_at = null, finished_at = null, result_parts = null;
    delete from job_result_parts;
    update models set fingerprint = '' where id = '${slow.id}'`)
  catalog.close()
  // Nobody writes into the pipe, so the inspection of the model never ends.
  const content = join(data, 'content', contentPath(slow.sha256))
  rmSync(content)
  execFileSync('mkfifo', [content])
  const second = await servers.start(data)
  const job = await json<JobRecord>(await fetch(`${second.url}/v1/jobs/${id}?wait=20`))
  await servers.remove()
  expect(job.status).toBe('succeeded')
})
