import { randomUUID } from 'node:crypto'
import { rename, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Catalog, openCatalog } from '../storage/database.ts'
import { examineCatalog } from '../storage/examine-catalog.ts'
import { contentDigests, contentPath } from '../storage/file-names.ts'
import { flushDirectory } from '../storage/flush-directory.ts'
import { makeDirectory } from '../storage/make-directory.ts'
import type { Labels } from '../storage/record-labels.ts'
import { readMarker, writeMarker } from '../storage/store-marker.ts'
import { sha256OfFile } from '../threads/hash-file.ts'
import { createThreadPool, type ThreadPool } from '../threads/thread-pool.ts'
import { type ContentFile, type DescribedFile, describeFile } from './described-file.ts'
import { storePaths } from './held-store.ts'
import { salvageRecords } from './salvage-records.ts'
import { usableCatalog } from './usable-catalog.ts'

/**
 * Numbers of files by their fate. `models`, `datasets`: got a new record. `returned`: came back from quarantine to their record. `left`: have
 * no record, and are in quarantine. `damaged`: do not match the digest in their name, and stay in place.
 */
export type Recovery = { models: number; datasets: number; returned: number; left: number; damaged: number }

/**
 * Creates new records for files without one, from `content/` and `quarantine/`, in a store that no server has open. It sets an unusable
 * catalog aside, and starts a new one with all records that it can still read. Data in the damaged part are lost.
 *
 * @param say called with one sentence for each file
 * @throws Error if the catalog is of a newer version, or the directory is not a store
 */
export async function recoverStore(directory: string, say: (line: string) => void): Promise<Recovery> {
  const paths = storePaths(directory)
  const marker = await readMarker(directory)
  const stored = await filesIn(paths.content)
  const quarantined = await filesIn(paths.quarantine)
  if (!marker && stored.length === 0 && (await examineCatalog(paths.catalog)).kind !== 'catalog')
    throw new Error(`${directory} is not a store of Tureen. Nothing was changed.`)
  const usable = await usableCatalog(paths.catalog, say)
  const id = marker?.id ?? usable.id ?? randomUUID()
  const catalog = await openCatalog(paths.catalog, id)
  const nothing = () => undefined
  const threads = createThreadPool(nothing, nothing)
  try {
    if (!marker) await writeMarker(directory, id)
    const files = new Map([...quarantined, ...stored].map(file => [file.sha256, file]))
    const salvaged =
      usable.aside === undefined
        ? undefined
        : await salvageRecords(usable.aside, paths.catalog, catalog, sha256 => files.get(sha256)?.bytes)
    if (salvaged)
      say(
        `Of the damaged catalog ${salvaged.models} models, ${salvaged.datasets} data sets, ${salvaged.exports} exports, ${salvaged.jobs} jobs and ${salvaged.scores} scores could be read, and are as they were.`,
      )
    const labels = salvaged?.labels ?? new Map<string, Labels>()
    const known = await referencedDigests(catalog)
    const lost = stored.filter(({ sha256 }) => !known.has(sha256))
    const here = new Set(stored.map(({ sha256 }) => sha256))
    const found = [...lost, ...quarantined.filter(({ sha256 }) => !here.has(sha256))]
    // Create records in the order of the files' ages, since lists sort records by age.
    found.sort((a, b) => a.writtenAt - b.writtenAt)
    const recovery: Recovery = { models: 0, datasets: 0, returned: 0, left: 0, damaged: 0 }
    for (const file of found)
      recovery[await recoverFile(directory, file, { catalog, threads, known, labels }, say)] += 1
    return recovery
  } finally {
    await threads.close()
    await catalog.destroy()
  }
}

type RecoveredFile = ContentFile & { writtenAt: number }

/** `known`: digests that records refer to; `labels`: labels of new records, by the digest of the model's own file. */
type Recovering = {
  catalog: Catalog
  threads: ThreadPool
  known: ReadonlySet<string>
  labels: ReadonlyMap<string, Labels>
}

async function recoverFile(
  directory: string,
  file: RecoveredFile,
  { catalog, threads, known, labels }: Recovering,
  say: (line: string) => void,
): Promise<keyof Recovery> {
  const { sha256, path } = file
  const content = join(directory, 'content', contentPath(sha256))
  const quarantine = join(directory, 'quarantine', contentPath(sha256))
  const hashed = sha256OfFile(path)
  if ('unreadable' in hashed || hashed.sha256 !== sha256) {
    say(`${path} is damaged: its digest is not its name. It was left where it is.`)
    return 'damaged'
  }
  if (known.has(sha256)) {
    await move(path, content)
    say(`${content} was missing, and came back from quarantine.`)
    return 'returned'
  }
  const described = await describeFile(threads, file, labels.get(sha256) ?? {})
  if (!described) {
    // The time in quarantine counts from the last change of the file, so set it to now.
    const now = new Date()
    await utimes(path, now, now)
    await move(path, quarantine)
    say(`${quarantine} is neither a model nor an .npz data set. It may be a data file of a model.`)
    return 'left'
  }
  await move(path, content)
  const id = await catalog.transaction().execute(transaction => described.insert(transaction))
  say(`${sha256} is the ${described.kind} ${id}.`)
  for (const line of stillMissing(id, described)) say(line)
  return described.kind === 'model' ? 'models' : 'datasets'
}

function stillMissing(id: string, { missing }: DescribedFile): string[] {
  return missing.map(({ location, bytes }) => {
    const size = bytes === undefined ? '' : ` of at least ${bytes} bytes`
    return `  The model ${id} waits for its data file ${location}${size}: PUT /v1/models/${id}/data/${encodeURIComponent(location)}.`
  })
}

async function filesIn(directory: string): Promise<RecoveredFile[]> {
  const files: RecoveredFile[] = []
  for await (const hex of contentDigests(directory)) {
    const path = join(directory, contentPath(hex))
    const { size, mtimeMs } = await stat(path)
    files.push({ sha256: `sha256:${hex}`, path, bytes: size, writtenAt: mtimeMs })
  }
  return files
}

async function referencedDigests(catalog: Catalog): Promise<ReadonlySet<string>> {
  const models = await catalog.selectFrom('model_files').select('sha256').distinct().execute()
  const datasets = await catalog.selectFrom('dataset_files').select('sha256').distinct().execute()
  return new Set([...models, ...datasets].map(({ sha256 }) => sha256))
}

/** Moves a file within the store, durably. */
async function move(from: string, to: string): Promise<void> {
  if (from === to) return
  const [old, shard] = [dirname(from), dirname(to)]
  await makeDirectory(shard)
  await rename(from, to)
  for (const directory of [old, shard, dirname(shard)]) await flushDirectory(directory)
}
