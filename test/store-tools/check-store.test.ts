import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withStoppedStore } from '../../src/store-tools/held-store.ts'
import { checkStore } from '../../src/store-tools/store-check.ts'
import { contentFile, copiedStore, type Filled, flipBit } from '../support/filled-store.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

let store: Awaited<ReturnType<typeof copiedStore>>
let records: Filled
let data: string
beforeAll(async () => {
  store = await copiedStore()
  ;({ records, data } = store)
})
beforeEach(() => store.renew())
afterAll(() => store.remove())

const check = async (directory: string, deep = false) => {
  const findings: string[] = []
  const result = await checkStore(directory, {
    deep,
    onFinding: ({ place, message }) => void findings.push(`${place} ${message}`),
  })
  expect(result.findings).toBe(findings.length)
  return { ...result, findings }
}
const catalog = (sql: string) => {
  const database = new DatabaseSync(join(data, 'catalog.sqlite'))
  database.exec(sql)
  database.close()
}

describe('of a sound store', () => {
  test('nothing is wrong, and what it holds is counted', async () => {
    const { records: counted, files, bytes, quarantined, findings } = await check(data, true)
    expect({ counted, files, quarantined, findings }).toEqual({ counted: 3, files: 3, quarantined: 0, findings: [] })
    const size = ({ sha256 }: { sha256: string }) => readFileSync(contentFile(data, sha256)).byteLength
    expect(bytes).toBe(size(records.a) + size(records.b) + size(records.val))
  })

  test('nothing is changed, and no file is made', async () => {
    const names = () => readdirSync(data, { recursive: true }).map(String).sort()
    const before = names()
    await check(data, true)
    expect(names()).toEqual(before)
  })
})

describe('what is wrong is named', () => {
  test('content that is missing, with its record', async () => {
    rmSync(contentFile(data, records.a.sha256))
    const { findings } = await check(data)
    expect(findings).toEqual([
      expect.stringMatching(`^content/.* is missing; it belongs to the model ${records.a.id}$`),
    ])
  })

  test('content of another size', async () => {
    truncateSync(contentFile(data, records.val.sha256), 10)
    const { findings } = await check(data)
    expect(findings).toEqual([expect.stringContaining(`has 10 bytes and should have`)])
    expect(findings[0]).toContain(`the data set ${records.val.id}`)
  })

  test('a flipped bit, only by its digest', async () => {
    flipBit(contentFile(data, records.b.sha256), 40)
    expect((await check(data)).findings).toEqual([])
    expect((await check(data, true)).findings).toEqual([expect.stringContaining('is damaged: its digest is sha256:')])
  })

  test('content that no record refers to', async () => {
    const stray = contentFile(data, `sha256:${'ab'.repeat(32)}`)
    await mkdir(dirname(stray), { recursive: true })
    writeFileSync(stray, 'x')
    expect((await check(data)).findings).toEqual([`content/ab/${'ab'.repeat(32)} has no record`])
  })

  test('files of other names in the content are nobody of ours', async () => {
    writeFileSync(join(data, 'content', 'index.html'), 'x')
    expect((await check(data, true)).findings).toEqual([])
  })

  test.each([
    [
      'a record that cannot be read',
      `update models set description = '{' where name = 'a'`,
      'has an unreadable description',
    ],
    ['a model without a file', `delete from model_files where location = ''`, 'has no file of its own'],
    ['a data set without files', `delete from dataset_files`, 'has no files'],
    ['a file of no model', `delete from models where name = 'a'`, 'which has no record'],
    [
      'a digest that is none',
      `update model_files set sha256 = 'sha256:zz'`,
      'refers to a file by sha256:zz, which is not a digest',
    ],
    [
      'a result of which a part is missing',
      `insert into jobs (id, type, status, request, created_at, result_parts) values ('j', 'merge', 'succeeded', '{}', '', 2)`,
      'has a result that is not whole',
    ],
    ['a catalog of another store', `update store set id = 'other'`, 'and catalog.sqlite of the store other'],
  ])('%s', async (_, sql, message) => {
    catalog(sql)
    expect((await check(data)).findings.join('\n')).toContain(message)
  })

  test.each([
    ['missing', (path: string) => rmSync(path), 'is missing'],
    ['cut short', (path: string) => truncateSync(path, 8192), 'was cut short'],
    ['something else', (path: string) => writeFileSync(path, 'hello'.repeat(100)), 'is not an SQLite database'],
  ])('a catalog that is %s, once and not for each file', async (_, damage, message) => {
    damage(join(data, 'catalog.sqlite'))
    const { findings } = await check(data)
    expect(findings).toEqual([expect.stringContaining(`catalog.sqlite ${message}`)])
  })

  test('damage inside the pages of the catalog', async () => {
    const path = join(data, 'catalog.sqlite')
    const bytes = readFileSync(path)
    bytes.fill(0xff, 3 * 4096, bytes.byteLength - 4096)
    writeFileSync(path, bytes)
    expect((await check(data)).findings.join('\n')).toContain('catalog.sqlite is damaged: SQLite says')
  })
})

test('a directory that is not a store is refused', async () => {
  const directory = await temporaryDirectory()
  writeFileSync(join(directory.path, 'index.html'), 'x')
  await expect(check(directory.path)).rejects.toThrow('is not a store of Tureen')
  await directory.remove()
})

test('a store that a server has open is refused, naming the server', async () => {
  const app = await startApp({ TUREEN_DATA: data })
  await expect(withStoppedStore(data, false, () => check(data))).rejects.toThrow(
    `in use by the Tureen server with process id ${process.pid}`,
  )
  await app.close()
  expect((await withStoppedStore(data, false, () => check(data))).findings).toEqual([])
})
