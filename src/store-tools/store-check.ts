import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { examineCatalog } from '../storage/examine-catalog.ts'
import { contentDigests, contentPath } from '../storage/file-names.ts'
import { unlessMissing } from '../storage/missing-file.ts'
import { readMarker } from '../storage/store-marker.ts'
import { sha256OfFile } from '../threads/hash-file.ts'
import { integrityFindings, recordFindings, referencedFiles, type StoreFinding } from './catalog-findings.ts'
import { storePaths } from './held-store.ts'

/** Result of a check: numbers of records, content files, their bytes, files in quarantine, and findings. */
export type StoreCheck = { records: number; files: number; bytes: number; quarantined: number; findings: number }

export type CheckOptions = {
  /** True to read every content file to its end and compare its digest with its name. */
  deep: boolean
  onFinding(finding: StoreFinding): void
}

/**
 * Checks a store that no server has open, without changing it: the catalog, the content of every record, and the record of every file.
 * @throws Error if the directory is not a store
 */
export async function checkStore(directory: string, { deep, onFinding }: CheckOptions): Promise<StoreCheck> {
  const paths = storePaths(directory)
  const check: StoreCheck = { records: 0, files: 0, bytes: 0, quarantined: 0, findings: 0 }
  const find = (place: string, message: string) => {
    check.findings += 1
    onFinding({ place, message })
  }
  const { marker, damage } = await markerOf(directory)
  if (damage) find('tureen.json', damage)
  const catalog = await examineCatalog(paths.catalog)
  const digests: string[] = []
  for await (const hex of contentDigests(paths.content)) digests.push(hex)
  if (!marker && !damage && catalog.kind !== 'catalog' && digests.length === 0)
    throw new Error(
      `${directory} is not a store of Tureen: it has no tureen.json, and its catalog.sqlite ${catalog.reason}.`,
    )

  let referenced: Map<string, Reference> | undefined
  if (catalog.kind !== 'catalog') find('catalog.sqlite', catalog.reason)
  else if (!catalog.isCurrent)
    find('catalog.sqlite', 'was written by an earlier version: start this version once, which brings it up to date')
  else {
    if (marker && catalog.id !== null && catalog.id !== marker.id)
      find('tureen.json', `is of the store ${marker.id}, and catalog.sqlite of the store ${catalog.id}`)
    try {
      referenced = checkCatalog(paths.catalog, check, find)
    } catch (error) {
      find('catalog.sqlite', `is damaged: SQLite says "${error instanceof Error ? error.message : error}"`)
    }
  }
  for (const [hex, { bytes, holder }] of referenced ?? []) {
    const found = await sizeOf(join(paths.content, contentPath(hex)))
    if (found === undefined) find(`content/${contentPath(hex)}`, `is missing; it belongs to ${holder}`)
    else if (found !== bytes)
      find(`content/${contentPath(hex)}`, `has ${found} bytes and should have ${bytes}; it belongs to ${holder}`)
  }
  for (const hex of digests) {
    const place = `content/${contentPath(hex)}`
    const path = join(directory, place)
    check.files += 1
    check.bytes += (await sizeOf(path)) ?? 0
    if (referenced && !referenced.has(hex)) find(place, 'has no record')
    if (!deep) continue
    const hashed = sha256OfFile(path)
    if ('unreadable' in hashed) find(place, `cannot be read (${hashed.unreadable})`)
    else if (hashed.sha256 !== `sha256:${hex}`) find(place, `is damaged: its digest is ${hashed.sha256}`)
  }
  for await (const _ of contentDigests(paths.quarantine)) check.quarantined += 1
  return check
}

type Reference = { bytes: number; holder: string }

/** Checks the catalog. @returns the files that records refer to, by the hexadecimal digits of their digests */
function checkCatalog(
  path: string,
  check: StoreCheck,
  find: (place: string, message: string) => void,
): Map<string, Reference> {
  const catalog = openUnchanged(path)
  try {
    for (const { place, message } of integrityFindings(catalog)) find(place, message)
    for (const { place, message } of recordFindings(catalog)) find(place, message)
    const row = catalog
      .prepare('select (select count(*) from models) + (select count(*) from datasets) as records')
      .get()
    check.records = Number(row?.['records'])
    const referenced = new Map<string, Reference>()
    for (const { sha256, bytes, holder } of referencedFiles(catalog)) {
      const hex = /^sha256:([0-9a-f]{64})$/.exec(sha256)?.[1]
      if (hex === undefined) find(holder, `refers to a file by ${sha256}, which is not a digest`)
      else referenced.set(hex, { bytes, holder })
    }
    return referenced
  } finally {
    catalog.close()
  }
}

/** Opens a catalog for reading. If it has no log, SQLite creates no further file, so the catalog may be on a read-only file system. */
function openUnchanged(path: string): DatabaseSync {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return new DatabaseSync(log?.size ? path : `${pathToFileURL(path)}?immutable=1`, { readOnly: true })
}

async function markerOf(directory: string) {
  try {
    return { marker: await readMarker(directory) }
  } catch (error) {
    return { damage: `cannot be used: ${error instanceof Error ? error.message : error}` }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await unlessMissing(stat(path))
  return found?.isFile() ? found.size : undefined
}
