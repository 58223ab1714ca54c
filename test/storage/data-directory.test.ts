import { cp, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { holdDataDirectory } from '../../src/storage/data-directory.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { temporaryDirectory } from '../support/server.ts'

const directories: { remove(): Promise<void> }[] = []
let data: string
beforeEach(async () => {
  const directory = await temporaryDirectory()
  directories.push(directory)
  data = directory.path
})
afterAll(async () => {
  for (const directory of directories) await directory.remove()
})

const hex = 'ab'.repeat(32)
const marker = async (): Promise<{ format: number; id: string }> =>
  JSON.parse(await readFile(join(data, 'tureen.json'), 'utf8'))

/** Holds the directory as a start does, opens its catalog, and lets both go. @returns the id of the store */
async function start(): Promise<string> {
  const held = await holdDataDirectory(data)
  try {
    await (await openCatalog(join(data, 'catalog.sqlite'), held.id)).destroy()
    return held.id
  } finally {
    held.release()
  }
}

async function refusal(path = data): Promise<string> {
  const before = await tree(path)
  const begun = performance.now()
  const held = await holdDataDirectory(path).catch((error: unknown) => error)
  if (!(held instanceof Error)) throw new Error('the directory was taken')
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(await tree(path)).toEqual(before)
  return held.message
}

/** Every file below a directory, with its bytes; what a lock leaves does not count. */
async function tree(path: string): Promise<Record<string, string>> {
  const names = await readdir(path, { recursive: true }).catch(() => [])
  const files: Record<string, string> = {}
  for (const name of names) {
    if (name === 'server.lock' || name.endsWith('-shm')) continue
    files[name] = (await stat(join(path, name))).isFile() ? (await readFile(join(path, name))).toString('hex') : ''
  }
  return files
}

async function write(name: string, text = 'of somebody else'): Promise<void> {
  await mkdir(join(data, name, '..'), { recursive: true })
  await writeFile(join(data, name), text)
}

/**
 * The first version's tables, as its migration made them, and its layout.
 * @param whileOpen runs while the catalog's tables are in its write-ahead log alone
 */
async function earlierStore(whileOpen: () => Promise<void> = async () => undefined): Promise<void> {
  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  catalog.exec(`pragma journal_mode = wal;
    create table kysely_migration (name varchar(255) not null primary key, timestamp varchar(255) not null);
    create table kysely_migration_lock (id varchar(255) not null primary key, is_locked integer default 0 not null);
    insert into kysely_migration values ('0001-models-and-jobs', '2026-01-01T00:00:00.000Z');
    insert into kysely_migration_lock values ('migration_lock', 0);
    create table models (id text primary key, name text, sha256 text not null, fingerprint text not null,
      description text not null, recipe text, created_at text not null);
    create table labels (owner_id text not null, key text not null, value text not null, primary key (owner_id, key));
    create table jobs (id text primary key, type text not null, status text not null, request text not null, progress text,
      result text, error text, created_at text not null, started_at text, finished_at text);
    create table job_inputs (job_id text not null references jobs (id), input_id text not null, primary key (job_id, input_id));
    create table job_events (sequence integer primary key autoincrement, job_id text not null references jobs (id),
      type text not null, data text not null);
    insert into models values ('01a20b05-e917-7439-afb1-ac0bca7d4e5a', 'old', 'sha256:${hex}', '',
      '{"bytes": 7, "externalData": []}', null, '2026-01-01T00:00:00.000Z')`)
  await write(`content/ab/${hex}`, 'content')
  await write('server.lock', '')
  await whileOpen()
  catalog.close()
}

describe('a directory', () => {
  test('that is new or empty becomes a store, whose id its catalog has too', async () => {
    data = join(data, 'deep', 'new')
    const id = await start()
    expect(await marker()).toEqual({ format: 1, id })
    const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
    expect(catalog.prepare('select id from store').all()).toEqual([{ id }])
    catalog.close()
    expect(await start()).toBe(id)
  })

  test('of a fresh volume is empty, whatever the file system and desktops keep there', async () => {
    await mkdir(join(data, 'lost+found'))
    await mkdir(join(data, '.snapshot'))
    await write('.DS_Store')
    await start()
    expect(await readFile(join(data, '.DS_Store'), 'utf8')).toBe('of somebody else')
  })

  test('in which a start was cut off before the marker is new', async () => {
    await write('server.lock', '')
    await start()
    expect((await marker()).format).toBe(1)
  })

  test.each([
    [['index.html', 'content/page.md', 'incoming/mail.txt']],
    [['content/ab/photo.jpg']],
    [['incoming/01a20b05-e917-7439-afb1-ac0bca7d4e5a']],
    [['quarantine/notes']],
    [['server.json']],
    [['reserve']],
    [['catalog.sqlite']],
  ])('that holds %j of something else is refused, and nothing in it is touched', async names => {
    for (const name of names) await write(name)
    const message = await refusal()
    expect(message).toContain(data)
    expect(message).toContain(names[0]?.split('/')[0])
    expect(message).toMatch(/not a store of Tureen/)
    expect(message).toMatch(/Set TUREEN_DATA to an empty or a new directory/)
    expect(await readdir(data)).not.toContain('server.lock')
  })

  test('with a catalog of another program is refused, and no file is made beside that', async () => {
    const other = new DatabaseSync(join(data, 'catalog.sqlite'))
    other.exec('pragma journal_mode = wal; create table photos (id text)')
    other.close()
    const before = await readdir(data)
    expect(await refusal()).toMatch(/not a store of Tureen/)
    expect(await readdir(data)).toEqual(before)
  })

  test('of a newer format is refused with that reason', async () => {
    await write('tureen.json', '{"format": 3, "id": "x"}')
    expect(await refusal()).toMatch(/newer version of Tureen: its format is 3, and this version knows 2/)
  })
})

describe('a store of an earlier version', () => {
  test('is adopted and marked, and keeps its records and content', async () => {
    await earlierStore()
    const id = await start()
    expect(await marker()).toEqual({ format: 1, id })
    const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
    expect(catalog.prepare('select name from models').all()).toEqual([{ name: 'old' }])
    catalog.close()
    expect(await readFile(join(data, 'content', 'ab', hex), 'utf8')).toBe('content')
  })

  test('is adopted also where all of it is in the write-ahead log, as after a kill', async () => {
    const killed = join(data, '..', `${basename(data)}-killed`)
    directories.push({ remove: () => rm(killed, { recursive: true }) })
    await earlierStore(() => cp(data, killed, { recursive: true }))
    data = killed
    expect((await stat(join(data, 'catalog.sqlite'))).size).toBe(4096)
    const id = await start()
    expect(await marker()).toEqual({ format: 1, id })
  })

  test('whose marker was lost gets it back with the same id', async () => {
    const id = await start()
    await rm(join(data, 'tureen.json'))
    expect(await start()).toBe(id)
    expect(await marker()).toEqual({ format: 1, id })
  })
})

describe('content without its catalog is refused, with the way out,', () => {
  const ways = /Restore catalog\.sqlite from a backup.*check-store -- .* --recover.*empty directory/
  beforeEach(async () => {
    await start()
    await write(`content/ab/${hex}`, 'content')
  })

  test('where the catalog is missing', async () => {
    await rm(join(data, 'catalog.sqlite'))
    const message = await refusal()
    expect(message).toContain(`holds content, such as content/ab/${hex}, but its catalog.sqlite is missing`)
    expect(message).toMatch(ways)
  })

  test('where the marker is missing too', async () => {
    await rm(join(data, 'catalog.sqlite'))
    await rm(join(data, 'tureen.json'))
    expect(await refusal()).toMatch(/its catalog.sqlite is missing/)
  })

  test('where the catalog is empty, or has lost its tables with its log', async () => {
    await truncate(join(data, 'catalog.sqlite'), 0)
    expect(await refusal()).toMatch(/its catalog.sqlite is empty/)
    await rm(join(data, 'catalog.sqlite'))
    const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
    catalog.exec('pragma journal_mode = wal')
    catalog.close()
    const message = await refusal()
    expect(message).toMatch(/its catalog.sqlite has no tables/)
    expect(message).toMatch(ways)
  })

  test('where the catalog was cut short', async () => {
    await truncate(join(data, 'catalog.sqlite'), 40_960)
    const message = await refusal()
    expect(message).toMatch(/catalog.sqlite was cut short: it has 40,960 bytes of [\d,]+ bytes/)
    expect(message).toMatch(ways)
  })

  test('where the catalog is no database, or one of another program', async () => {
    await writeFile(join(data, 'catalog.sqlite'), 'version https://git-lfs.github.com/spec/v1')
    expect(await refusal()).toMatch(/catalog.sqlite is not an SQLite database: it begins with the bytes 76657273/)
    await rm(join(data, 'catalog.sqlite'))
    const other = new DatabaseSync(join(data, 'catalog.sqlite'))
    other.exec('create table photos (id text)')
    other.close()
    expect(await refusal()).toMatch(/not of Tureen: its tables are photos/)
  })

  test('where the first page of the catalog is overwritten', async () => {
    const path = join(data, 'catalog.sqlite')
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0xff, 100, 4096))
    const message = await refusal()
    expect(message).toMatch(/catalog.sqlite is damaged: SQLite says "/)
    expect(message).toMatch(ways)
  })

  test('where the catalog is of another store', async () => {
    const id = await start()
    const other = await temporaryDirectory()
    directories.push(other)
    const mine = data
    data = other.path
    const foreign = await start()
    data = mine
    await cp(join(other.path, 'catalog.sqlite'), join(data, 'catalog.sqlite'))
    const message = await refusal()
    expect(message).toContain(`tureen.json is of the store ${id} and catalog.sqlite of the store ${foreign}`)
    expect(message).toMatch(/from the same backup/)
  })

  test('where the catalog is newer than the program', async () => {
    const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
    catalog.exec("insert into kysely_migration values ('9999-of-tomorrow', '2030-01-01')")
    catalog.close()
    const message = await refusal()
    expect(message).toMatch(/newer version of Tureen: this version does not know its migrations 9999-of-tomorrow/)
    expect(message).toMatch(/Start the newer version, or restore the backup/)
  })

  test('where the marker is damaged', async () => {
    await writeFile(join(data, 'tureen.json'), '{"format":')
    expect(await refusal()).toMatch(/tureen.json is damaged.*delete tureen.json and start again/)
    await rm(join(data, 'tureen.json'))
    await start()
  })
})

describe('a directory that cannot be made or written is refused with the reason,', () => {
  test('below /proc', async () => {
    expect(await refusal('/proc/tureen/data')).toMatch(/\/proc\/tureen\/data .*cannot be used: .*ENOENT/)
  })

  test('below a file, and where it is one', async () => {
    await write('file')
    expect(await refusal(join(data, 'file', 'data'))).toMatch(/a part of the path is a file, not a directory/)
    expect(await refusal(join(data, 'file'))).toMatch(/a part of the path is a file, not a directory/)
  })

  test('in a circle of links', async () => {
    await symlink('circle', join(data, 'circle'))
    expect(await refusal(join(data, 'circle', 'data'))).toMatch(/cannot be used: .*(ELOOP|EEXIST)/)
  })

  test('on a file system that takes no writes', async () => {
    expect(await refusal('/sys/tureen')).toMatch(/\/sys\/tureen .*cannot be used: .*(EACCES|EPERM|EROFS|ENOENT)/)
  })
})
