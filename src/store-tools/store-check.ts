import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { examineCatalog } from '../storage/examine-catalog.ts'
import { contentDigests, contentPath } from '../storage/file-names.ts'
import { unlessMissing } from '../storage/missing-file.ts'
import { readMarker } from '../storage/store-marker.ts'
import { sha256OfFile } from '../threads/hash-file.ts'
import { integrityFindings, recordFindings, referencedFiles, type StoreFinding } from './catalog-findings.ts'
import { storePaths } from './held-store.ts'
import { type RecordedFile, recordedFiles } from './recorded-files.ts'
import { openUnchanged } from './unchanged-catalog.ts'

/**
 * Result of a check: numbers of records, content files, their bytes, files in quarantine, and findings. `unrecorded`: objects of a bucket
 * without a record, which may be uploads that have not ended.
 */
export type StoreCheck = {
  records: number
  files: number
  bytes: number
  quarantined: number
  unrecorded: number
  findings: number
}

export type CheckOptions = {
  /** True to read every content file to its end and compare its digest with its name. */
  deep: boolean
  onFinding(finding: StoreFinding): void
}

/** A check that has begun. `check`: the numbers so far; `find`: counts and tells a finding. */
export type RunningCheck = { check: StoreCheck; deep: boolean; find(place: string, message: string): void }

/** Files of all records by their digests; undefined if the catalog cannot be read. */
export type CheckedFiles = ReadonlyMap<string, RecordedFile> | undefined

export function beginCheck({ deep, onFinding }: CheckOptions): RunningCheck {
  const check: StoreCheck = { records: 0, files: 0, bytes: 0, quarantined: 0, unrecorded: 0, findings: 0 }
  const find = (place: string, message: string) => {
    check.findings += 1
    onFinding({ place, message })
  }
  return { check, deep, find }
}

/**
 * Checks a store that no server has open, without changing it: the catalog, the content of every record, and the record of every file.
 * @throws Error if the directory is not a store
 */
export async function checkStore(directory: string, options: CheckOptions): Promise<StoreCheck> {
  const running = beginCheck(options)
  const { done: isEmpty } = await contentDigests(storePaths(directory).content).next()
  const files = await checkCatalogFile(directory, !isEmpty, running)
  await checkFolder(directory, files, running)
  return running.check
}

/**
 * Checks the marker and the catalog of SQLite in a data directory. @returns the files of all records
 * @param hasContent true if the directory holds content
 * @throws Error if the directory is not a store
 */
export async function checkCatalogFile(
  directory: string,
  hasContent: boolean,
  running: RunningCheck,
): Promise<CheckedFiles> {
  const { find } = running
  const path = storePaths(directory).catalog
  const { marker, damage } = await markerOf(directory)
  if (damage) find('tureen.json', damage)
  const catalog = await examineCatalog(path)
  if (!marker && !damage && catalog.kind !== 'catalog' && !hasContent)
    throw new Error(
      `${directory} is not a store of Tureen: it has no tureen.json, and its catalog.sqlite ${catalog.reason}.`,
    )
  if (catalog.kind === 'missing' && marker)
    find('catalog.sqlite', `${catalog.reason}; if the catalog is in PostgreSQL, add --catalog postgres`)
  else if (catalog.kind !== 'catalog') find('catalog.sqlite', catalog.reason)
  else if (!catalog.isCurrent)
    find('catalog.sqlite', 'was written by an earlier version: start this version once, which brings it up to date')
  else {
    if (marker && catalog.id !== null && catalog.id !== marker.id)
      find('tureen.json', `is of the store ${marker.id}, and catalog.sqlite of the store ${catalog.id}`)
    try {
      return await checkRows(path, running)
    } catch (error) {
      find('catalog.sqlite', `is damaged: SQLite says "${error instanceof Error ? error.message : error}"`)
    }
  }
  return undefined
}

/** Checks the content in a data directory against the files of all records. */
export async function checkFolder(
  directory: string,
  files: CheckedFiles,
  { check, deep, find }: RunningCheck,
): Promise<void> {
  const paths = storePaths(directory)
  for (const [sha256, { bytes, holder }] of files ?? []) {
    const found = await sizeOf(join(paths.content, contentPath(sha256)))
    if (found === undefined) find(`content/${contentPath(sha256)}`, `is missing; it belongs to ${holder}`)
    else if (found !== bytes)
      find(`content/${contentPath(sha256)}`, `has ${found} bytes and should have ${bytes}; it belongs to ${holder}`)
  }
  for await (const hex of contentDigests(paths.content)) {
    const place = `content/${contentPath(hex)}`
    const path = join(directory, place)
    check.files += 1
    check.bytes += (await sizeOf(path)) ?? 0
    if (files && !files.has(`sha256:${hex}`)) find(place, 'has no record')
    if (!deep) continue
    const hashed = sha256OfFile(path)
    if ('unreadable' in hashed) find(place, `cannot be read (${hashed.unreadable})`)
    else if (hashed.sha256 !== `sha256:${hex}`) find(place, `is damaged: its digest is ${hashed.sha256}`)
  }
  for await (const _ of contentDigests(paths.quarantine)) check.quarantined += 1
}

/** Checks the rows of a catalog. @returns the files that records refer to, by their digests */
async function checkRows(path: string, { check, find }: RunningCheck): Promise<Map<string, RecordedFile>> {
  const catalog = openUnchanged(path)
  try {
    for (const { place, message } of integrityFindings(catalog)) find(place, message)
    for (const { place, message } of recordFindings(catalog)) find(place, message)
    const row = catalog
      .prepare('select (select count(*) from models) + (select count(*) from datasets) as records')
      .get()
    check.records = Number(row?.['records'])
    return await recordedFiles(referencedFiles(catalog), ({ place, message }) => find(place, message))
  } finally {
    catalog.close()
  }
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
