import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { ModelRecord } from '../../schemas/model.ts'
import { json, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
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
