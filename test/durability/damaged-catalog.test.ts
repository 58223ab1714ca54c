import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openCheckedCatalog } from '../../src/storage/check-catalog.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { undoMigrations } from '../support/earlier-catalog.ts'
import { digestOf, heavyModel, modelBytes } from '../support/heavy-model.ts'
import { seededRandom } from '../support/random.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { filesIn, killServer, serverGroup } from '../support/server-group.ts'
import { downloadDigest, listAll, upload } from '../support/store-client.ts'

describe('a catalog whose pages are damaged', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let path: string
  let sound: Buffer
  /** Numbers of pages, from 1 on. */
  let pages: { index: number[]; table: number[] }
  beforeAll(async () => {
    directory = await temporaryDirectory()
    path = join(directory.path, 'catalog.sqlite')
    await (await openCatalog(path, 'store')).destroy()
    fill(path)
    sound = await readFile(path)
    pages = pagesOf(path)
    expect(pages.index.length).toBeGreaterThan(20)
  })
  afterAll(() => directory.remove())
  afterEach(async () => {
    for (const suffix of ['-wal', '-shm']) await rm(path + suffix, { force: true })
  })

  /** Opens the catalog with some bytes changed. @returns what was logged, and the rows that it has, or why it was refused */
  async function open(change: (bytes: Buffer) => void, atStart?: number) {
    const bytes = Buffer.from(sound)
    change(bytes)
    await writeFile(path, bytes)
    const warnings: string[] = []
    const log = pino({ level: 'warn' }, { write: line => void warnings.push(line) })
    try {
      const { catalog, checking } = await openCheckedCatalog(path, 'store', log, atStart)
      try {
        await checking
        const rows = await catalog.selectFrom('model_files').select(['model_id', 'sha256']).orderBy('sha256').execute()
        return { warnings, rows }
      } finally {
        await catalog.destroy()
      }
    } catch (error) {
      return { warnings, refused: error instanceof Error ? error.message : String(error) }
    }
  }
  const flip = (page: number, offset: number, bit: number) => (bytes: Buffer) => {
    const at = (page - 1) * 4096 + offset
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  }

  test.each([undefined, 0])(
    'in an index gets it back from the records, whichever bit is flipped (checked first up to %j bytes)',
    async atStart => {
      const intact = (await open(() => {})).rows
      expect(intact).toHaveLength(rowCount)
      const { integer } = seededRandom(7)
      let noticed = 0
      for (let round = 0; round < 24; round += 1) {
        const page = pages.index[integer(0, pages.index.length - 1)] ?? 0
        const place = { page, offset: integer(0, 4095), bit: integer(0, 7) }
        const opened = await open(flip(place.page, place.offset, place.bit), atStart)
        if (opened.refused !== undefined) {
          expect(opened.refused).toMatch(/catalog\.sqlite is damaged: .*Nothing was changed\. Restore/)
          continue
        }
        expect({ place, rows: opened.rows }).toEqual({ place, rows: intact })
        if (opened.warnings.length === 0) continue
        noticed += 1
        expect(opened.warnings).toEqual([
          expect.stringContaining('rebuilds its indexes'),
          expect.stringContaining('the catalog has passed its check'),
        ])
      }
      expect(noticed).toBeGreaterThan(2)
    },
  )

  test.each([undefined, 0])(
    'in a table is refused with that reason, and what to do (checked first up to %j bytes)',
    async atStart => {
      const { refused } = await open(bytes => {
        for (const page of pages.table) bytes.fill(0x5a, (page - 1) * 4096, page * 4096)
      }, atStart)
      expect(refused).toMatch(/catalog\.sqlite is damaged: catalog\.sqlite fails SQLite's integrity_check \(".+"\)/)
      expect(refused).toMatch(/Restore catalog\.sqlite from a backup.*check-store -- .* --recover/)
    },
  )
})

test.each(['this version', 'an earlier one'])(
  'a job whose status was damaged gets it back from what else is known of it, and the catalog is taken: %s',
  async version => {
    const directory = await temporaryDirectory()
    const path = join(directory.path, 'catalog.sqlite')
    await (await openCatalog(path, 'store')).destroy()
    const rows = [
      ['queued', null, null, null],
      ['running', '2026-01-01T00:00:01Z', null, null],
      ['succeeded', '2026-01-01T00:00:01Z', 1, null],
      ['failed', '2026-01-01T00:00:01Z', null, '{"code":"TUREEN_INTERNAL"}'],
      ['cancelled', null, null, '{"code":"TUREEN_JOB_CANCELLED"}'],
    ] as const
    const database = new DatabaseSync(path)
    database.exec('pragma ignore_check_constraints = on')
    const insert = database.prepare(
      "insert into jobs (id, type, status, request, started_at, result_parts, error, created_at) values (?, 'merge', ?, '{}', ?, ?, ?, '2026-01-01T00:00:00Z')",
    )
    for (const [status, ...others] of rows) {
      insert.run(`${status} sound`, status, ...others)
      insert.run(`${status} damaged`, `${status.slice(0, -1)}?`, ...others)
    }
    database.exec("insert into job_result_parts select id, 0, '{}' from jobs where result_parts = 1")
    if (version !== 'this version') undoMigrations(database, '0015')
    database.close()
    try {
      const { catalog } = await openCheckedCatalog(path, 'store', pino({ level: 'silent' }))
      const jobs = await catalog.selectFrom('jobs').select(['id', 'status']).execute()
      await catalog.destroy()
      expect(jobs).toHaveLength(10)
      for (const { id, status } of jobs) expect(id.split(' ')[0]).toBe(status)
    } finally {
      await directory.remove()
    }
  },
)

describe('no content is lost', () => {
  const servers = serverGroup()
  afterAll(() => servers.remove())
  const models = [1, 2, 3, 4].map(seed => heavyModel([2000], seed))
  const digests = models.map(model => digestOf(modelBytes(model))).sort()
  const quarantined = async (data: string) => {
    const names = await readdir(join(data, 'quarantine'), { recursive: true }).catch(() => [])
    return names.flatMap(name => (name.includes('/') ? [`sha256:${name.split('/')[1]}`] : [])).sort()
  }

  test.each(['deleted', 'damaged'])(
    'where the write-ahead log of a killed server is %s; the same bytes come back',
    async how => {
      const data = await servers.data()
      const server = await servers.start(data)
      for (const [index, model] of models.entries()) await upload(server.url, model, `model ${index}`)
      await killServer(server)
      const log = join(data, 'catalog.sqlite-wal')
      if (how === 'deleted') await rm(log)
      else await writeFile(log, (await readFile(log)).fill(0x5a, 2000))

      const logs: string[] = []
      const again = await startApp({ TUREEN_DATA: data, TUREEN_LOG_LEVEL: 'info' }, undefined, logs)
      const known = (await listAll(again.url, 'models')).map(({ sha256 }) => sha256)
      const { content } = await filesIn(data)
      expect([...content, ...(await quarantined(data))].sort()).toEqual(digests)
      expect(content).toEqual(expect.arrayContaining(known))
      for (const sha256 of await quarantined(data)) expect(logs.join('\n')).toContain(sha256)
      for (const [index, model] of models.entries()) {
        const { id, sha256 } = await upload(again.url, model, `model ${index}`)
        expect((await downloadDigest(again.url, id)).sha256).toBe(sha256)
      }
      expect(await quarantined(data)).toEqual([])
      expect((await filesIn(data)).content).toEqual(digests)
      await again.close()
    },
  )
})

const rowCount = 300

/** Models enough for every index to have several pages. */
function fill(path: string): void {
  const catalog = new DatabaseSync(path)
  catalog.exec('begin')
  const model = catalog.prepare(
    "insert into models (id, name, sha256, fingerprint, description, created_at) values (?, ?, ?, ?, ?, '2026-01-01T00:00:00Z')",
  )
  const file = catalog.prepare('insert into model_files (model_id, location, sha256, bytes) values (?, ?, ?, ?)')
  const label = catalog.prepare('insert into labels (owner_id, key, value) values (?, ?, ?)')
  for (let index = 0; index < rowCount; index += 1) {
    const hex = createHash('sha256').update(String(index)).digest('hex')
    const id = `${hex.slice(0, 8)}-0000-7000-8000-${hex.slice(8, 20)}`
    model.run(
      id,
      `model ${index}`,
      `sha256:${hex}`,
      `sha256:${hex}`,
      JSON.stringify({ bytes: index, externalData: [] }),
    )
    file.run(id, '', `sha256:${hex}`, index)
    label.run(id, 'run', String(index % 7))
  }
  catalog.exec('commit; pragma wal_checkpoint(truncate)')
  catalog.close()
}

function pagesOf(path: string): { index: number[]; table: number[] } {
  const catalog = new DatabaseSync(path)
  const of = (type: string, names: string) =>
    catalog
      .prepare(
        `select pageno from dbstat where name in (select name from sqlite_master where type = ? and name glob ?)`,
      )
      .all(type, names)
      .map(row => Number(row['pageno']))
  try {
    return { index: of('index', '*'), table: of('table', 'models').slice(1, 3) }
  } finally {
    catalog.close()
  }
}
