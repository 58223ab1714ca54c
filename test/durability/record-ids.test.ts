import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { followClock, newRecordId } from '../../src/storage/record-ids.ts'
import { json, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

test('ids grow within a millisecond, and when the clock is set back', () => {
  const now = Date.now()
  const ids = [0, 0, 0, 5, 5, -86_400_000, -86_400_000, 6, -1].map(shift => newRecordId(now + shift))
  expect(ids).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('ids have the time of the clock that they follow', () => {
  followClock(20_000)
  const before = Date.now()
  const time = Number.parseInt(newRecordId().replace('-', '').slice(0, 12), 16)
  expect(time).toBeGreaterThanOrEqual(before + 20_000)
  followClock(0)
})

test('after a restart ids continue after the greatest in the catalog, though the clock was ahead then', async () => {
  const directory = await temporaryDirectory()
  const data = directory.path
  const first = await startApp({ TUREEN_DATA: data })
  const { id } = await uploadModel(first.url, linearModel([1, 2], [3, 4]), 'name=first')
  await first.close()
  // As if the model had been uploaded in the year 2100.
  const ahead = `03${id.slice(2)}`
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  catalog.exec(
    `pragma foreign_keys = off; update models set id = '${ahead}'; update model_files set model_id = '${ahead}'`,
  )
  catalog.close()

  const second = await startApp({ TUREEN_DATA: data })
  const later = await uploadModel(second.url, linearModel([1, 2], [3, 4]), 'name=second')
  expect(later.id > ahead).toBe(true)
  const { items } = await json<{ items: { name: string }[] }>(await fetch(`${second.url}/v1/models`))
  expect(items.map(({ name }) => name)).toEqual(['second', 'first'])
  await second.close()
  await directory.remove()
})
