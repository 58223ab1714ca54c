import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { firstOf } from '../first-of.ts'
import { unlessMissing } from './missing-file.ts'

/** Result of an examination of a catalog file, which does not change it. `reason` completes "catalog.sqlite ...". */
export type CatalogExamination =
  | { kind: 'missing'; reason: string }
  /** A file of SQLite without tables. Its tables, if it had any, were in the write-ahead log. */
  | { kind: 'empty'; reason: string }
  /** A database of another program. */
  | { kind: 'foreign'; reason: string }
  | { kind: 'damaged'; reason: string }
  | { kind: 'newer'; reason: string }
  /** `id`: the id of its store; null in catalogs of versions without ids. `isCurrent`: true if it needs no migration. */
  | { kind: 'catalog'; id: string | null; bytes: number; isCurrent: boolean }

/** Tables that every version of the catalog has. */
const ourTables = ['kysely_migration', 'models', 'labels', 'jobs', 'job_events']

/** Most tables and migrations that a reason names. */
const mostNamed = 5

const magic = 'SQLite format 3\0'
const headerBytes = 100

/** Examines a catalog that no process has open. It does not change the file, and makes no other file than SQLite's `-shm`. */
export async function examineCatalog(path: string): Promise<CatalogExamination> {
  const log = await sizeOf(`${path}-wal`)
  const bytes = await sizeOf(path)
  const unread = log ? `, although ${basename(path)}-wal holds ${bytesText(log)}` : ''
  if (bytes === undefined) return { kind: log ? 'damaged' : 'missing', reason: `is missing${unread}` }
  if (bytes === 0) return { kind: log ? 'damaged' : 'empty', reason: `is empty${unread}` }
  const header = await headerOf(path)
  if (header.toString('latin1', 0, magic.length) !== magic)
    return {
      kind: 'damaged',
      reason: `is not an SQLite database: it begins with the bytes ${header.toString('hex', 0, 8)}`,
    }
  const expected = bytesExpected(header)
  if (!log && expected !== undefined && bytes < expected)
    return { kind: 'damaged', reason: `was cut short: it has ${bytesText(bytes)} of ${bytesText(expected)}` }
  try {
    // Import the migrations only when needed: directories without a catalog are refused faster without them.
    const { migrations } = await import('./migrations/migrations.ts')
    const read = readCatalog(path, log ? path : `${pathToFileURL(path)}?immutable=1`, new Set(Object.keys(migrations)))
    return read.kind === 'catalog' ? { ...read, bytes } : read
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    if (isOfMachine(error))
      throw new Error(`The catalog ${path} cannot be read: SQLite says "${said}".`, { cause: error })
    return { kind: 'damaged', reason: `is damaged: SQLite says "${said}"` }
  }
}

/** Error codes of SQLite that say nothing about the file (https://www.sqlite.org/rescode.html). */
const machineCodes = new Set([
  3, // SQLITE_PERM
  5, // SQLITE_BUSY
  7, // SQLITE_NOMEM
  8, // SQLITE_READONLY
  10, // SQLITE_IOERR
  13, // SQLITE_FULL
  14, // SQLITE_CANTOPEN
])
/** SQLITE_IOERR_SHORT_READ: the file is too short. */
const shortRead = 522

function isOfMachine(error: unknown): boolean {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return false
  return error.errcode !== shortRead && machineCodes.has(error.errcode & 0xff)
}

/** Reads tables, migrations and id of a catalog. @param known names of the migrations of this version */
function readCatalog(path: string, location: string, known: ReadonlySet<string>) {
  const database = new DatabaseSync(location, { readOnly: true })
  try {
    const texts = (sql: string) =>
      database
        .prepare(sql)
        .all()
        .map(row => String(Object.values(row)[0]))
    const tables = texts("select name from sqlite_master where type = 'table' order by name")
    if (tables.length === 0) {
      const reason = `has no tables: if it had any, they were in ${basename(path)}-wal, which is missing or damaged`
      return { kind: 'empty', reason } as const
    }
    if (!ourTables.every(name => tables.includes(name))) {
      const reason = `is an SQLite database, but not of Tureen: its tables are ${firstOf(tables, mostNamed)}`
      return { kind: 'foreign', reason } as const
    }
    const applied = texts('select name from kysely_migration order by name')
    const unknown = applied.filter(name => !known.has(name))
    if (unknown.length > 0) {
      const reason = `was written by a newer version of Tureen: this version does not know its migrations ${firstOf(unknown, mostNamed)}`
      return { kind: 'newer', reason } as const
    }
    const id = tables.includes('store') ? (texts('select id from store')[0] ?? null) : null
    return { kind: 'catalog', id, isCurrent: applied.length === known.size } as const
  } finally {
    database.close()
  }
}

/**
 * Returns the bytes of the file by its header (https://www.sqlite.org/fileformat2.html#in_header_database_size); undefined if the header
 * has no valid size.
 */
function bytesExpected(header: Buffer): number | undefined {
  const isValid = header.readUInt32BE(24) === header.readUInt32BE(92)
  const pageBytes = header.readUInt16BE(16)
  return isValid ? header.readUInt32BE(28) * (pageBytes === 1 ? 65_536 : pageBytes) : undefined
}

async function headerOf(path: string): Promise<Buffer> {
  const header = Buffer.alloc(headerBytes)
  const handle = await open(path)
  try {
    await handle.read(header, 0, headerBytes, 0)
  } finally {
    await handle.close()
  }
  return header
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await unlessMissing(stat(path)))?.size
}

function bytesText(bytes: number): string {
  return `${bytes.toLocaleString('en')} bytes`
}
