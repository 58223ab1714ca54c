import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { requireOwnCatalog, requireOwnContent } from '../storage/content-place.ts'
import { contentDigests, contentPath } from '../storage/file-names.ts'
import { flushDirectory } from '../storage/flush-directory.ts'
import { inParallel } from '../storage/in-parallel.ts'
import { type LinkNote, noteLinks } from '../storage/link-notes.ts'
import { makeDirectory } from '../storage/make-directory.ts'
import { unlessMissing } from '../storage/missing-file.ts'
import { closeToOthers, makePrivateDirectory } from '../storage/private-files.ts'
import { readMarker } from '../storage/store-marker.ts'
import { integrityFindings, referencedFiles, type StoreFinding } from './catalog-findings.ts'
import { storePaths } from './held-store.ts'
import { linkOrCopy } from './link-or-copy.ts'

/** Result of a backup. `bytes`: bytes of all content; `findings`: defects of the store, and so of the backup. */
export type Backup = { linked: number; copied: number; bytes: number; findings: StoreFinding[] }

/**
 * Most copies of the catalog. Files that are deleted meanwhile make another copy necessary; each pass has less to do than the one before.
 */
const mostPasses = 20

const elsewhere = 'docs/operations/backup-of-a-cluster.md says how to back up PostgreSQL and S3 with their own tools.'

/** More pages than any catalog has. In one step, no writer can make SQLite restart the copy. */
const allPages = 2 ** 30

/**
 * Copies a store to a new directory, also while a server runs on it. It copies the catalog with SQLite's online backup. It hard-links content
 * on the same file system, and otherwise copies it and compares the digest. The directory appears by a rename when all of it is on disk.
 *
 * @throws Error if the directory has no catalog, or the target is neither new nor empty
 */
export async function backUpStore(directory: string, target: string): Promise<Backup> {
  const source = resolve(directory)
  const final = resolve(target)
  const draft = `${final}.partial`
  const names = (await unlessMissing(readdir(source))) ?? []
  if (names.includes('tureen.json') && !names.includes('catalog.sqlite'))
    throw new Error(`${source} has no catalog.sqlite. If its catalog is in PostgreSQL: ${elsewhere}`)
  if (!names.includes('catalog.sqlite'))
    throw new Error(
      `${source} is not a store of Tureen: it has no catalog.sqlite. Set TUREEN_DATA to the data directory.`,
    )
  await requireOwnCatalog(source, elsewhere)
  await requireOwnContent(source, elsewhere)
  if (((await unlessMissing(readdir(final))) ?? []).length > 0)
    throw new Error(`${final} is not empty. Name a directory that does not exist yet, one for each backup.`)
  if (await unlessMissing(readdir(draft)))
    throw new Error(
      `${draft} is there already: another backup is running, or was cut off. Delete it if none is running.`,
    )
  await makeDirectory(draft)
  try {
    const made = await copyStore(source, draft)
    await rename(draft, final)
    await flushDirectory(dirname(final))
    return made
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

async function copyStore(source: string, draft: string): Promise<Backup> {
  const made: Backup = { linked: 0, copied: 0, bytes: 0, findings: [] }
  const copying: Copying = { source, draft, made, here: new Set() }
  let holders = await copyCatalog(source, draft)
  let missing = await copyContent(copying, holders)
  for (let pass = 1; pass < mostPasses && missing.length > 0; pass += 1) {
    const before = new Set(missing)
    holders = await copyCatalog(source, draft)
    missing = await copyContent(copying, holders)
    // Two copies in a row refer to these files, so they were not deleted meanwhile: they are missing.
    if (missing.every(hex => before.has(hex))) break
  }
  for (const hex of missing)
    made.findings.push({
      place: `content/${contentPath(hex)}`,
      message: `is missing; it belongs to ${holders.get(hex)}`,
    })
  const content = storePaths(draft).content
  for await (const hex of contentDigests(content)) {
    const file = join(content, contentPath(hex))
    if (holders.has(hex)) made.bytes += (await stat(file)).size
    else await rm(file)
  }
  made.findings.push(...catalogFindings(draft))
  if (await readMarker(source)) await copyFile(join(source, 'tureen.json'), join(draft, 'tureen.json'))
  for (const shard of (await unlessMissing(readdir(content))) ?? []) await flushDirectory(join(content, shard))
  await flushDirectory(content)
  await flushDirectory(draft)
  return made
}

/** Copies the catalog. @returns the holder of each file that the copy refers to, by the hexadecimal digits of its digest */
async function copyCatalog(source: string, draft: string): Promise<Map<string, string>> {
  const copy = storePaths(draft).catalog
  await rm(copy, { force: true })
  const catalog = new DatabaseSync(storePaths(source).catalog, { readOnly: true, timeout: 30_000 })
  try {
    await (await open(copy, 'a')).close()
    await closeToOthers(copy)
    await backup(catalog, copy, { rate: allPages })
  } finally {
    catalog.close()
  }
  const copied = new DatabaseSync(copy)
  try {
    // Keep the copy in one file without a log. The server creates a log again when it starts.
    copied.exec('pragma journal_mode = delete')
    const files = [...referencedFiles(copied)]
    return new Map(files.map(({ sha256, holder }) => [sha256.replace('sha256:', ''), holder]))
  } finally {
    copied.close()
  }
}

type Copying = { source: string; draft: string; made: Backup; here: Set<string> }

/** Links or copies the remaining files, shard by shard. @returns the digests of files that the store lacks */
async function copyContent(copying: Copying, holders: ReadonlyMap<string, string>): Promise<string[]> {
  const { source, draft, made, here } = copying
  const [from, to] = [storePaths(source).content, storePaths(draft).content]
  await makePrivateDirectory(to)
  const missing: string[] = []
  const shards = Map.groupBy([...holders.keys()].filter(hex => !here.has(hex)).sort(), hex => hex.slice(0, 2))
  for (const [shard, digests] of shards) {
    await mkdir(join(to, shard), { recursive: true })
    const notes: LinkNote[] = []
    await inParallel(digests, async hex => {
      const copied = await linkOrCopy(join(from, contentPath(hex)), join(to, contentPath(hex)))
      if (!copied) return missing.push(hex)
      here.add(hex)
      if ('note' in copied) notes.push(copied.note)
      else if (copied.sha256 !== `sha256:${hex}`)
        made.findings.push({
          place: `content/${contentPath(hex)}`,
          message: `is damaged; it belongs to ${holders.get(hex)}`,
        })
      made['note' in copied ? 'linked' : 'copied'] += 1
      return undefined
    })
    await noteLinks(notes)
  }
  return missing
}

function catalogFindings(draft: string): StoreFinding[] {
  const catalog = new DatabaseSync(storePaths(draft).catalog, { readOnly: true })
  try {
    return [...integrityFindings(catalog)]
  } finally {
    catalog.close()
  }
}
