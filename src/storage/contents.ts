import pLimit from 'p-limit'
import type { ContentFiles } from './content-files.ts'
import type { Catalog } from './database.ts'
import { inParallel } from './in-parallel.ts'
import type { ReceivedFile } from './received-file.ts'
import type { Reserve } from './reserve.ts'
import { type HashFile, soundFiles, type Verified } from './sound-files.ts'

/**
 * The files that records of the catalog refer to. The store keeps each file once, as long as at least one record refers to it.
 */
export type Contents = {
  path(sha256: string): string
  /** Returns the damage of the content at a path, in words; null if it matches its digest. It hashes a file that it does not know yet. */
  damage(path: string, signal: AbortSignal): Promise<string | null>
  /** Reads content again with `hash`, even if it is known to be sound. @returns undefined if there is no such content */
  verify(sha256: string, hash: HashFile, signal: AbortSignal): Promise<Verified | undefined>
  /** Returns the ids of models and data sets that refer to a digest, at most `limit` of each kind. */
  holders(sha256: string, limit: number): Promise<string[]>
  /**
   * Publishes received files, then runs `commit`, which inserts their records in one transaction. If the disk is full, it deletes
   * quarantined files and runs `commit` again. Afterwards it removes files without a record, such as after a failed `commit`.
   */
  add<Result>(files: readonly ReceivedFile[], commit: () => Promise<Result>): Promise<Result>
  /** Runs `commit`, which deletes records and returns the digests of their files. Then it removes files without a record. */
  release(commit: () => Promise<readonly string[]>): Promise<void>
  /**
   * Removes unfinished files of an earlier process, and moves content without a record into the quarantine. Call it after the catalog has
   * passed its check: damaged indexes hide records, so nothing is removed before.
   * @param signal stops the sweep between two files
   */
  sweep(signal: AbortSignal): Promise<Swept>
}

/** Result of a sweep: names of removed files, and digests of content that is in the quarantine now. */
export type Swept = { removed: string[]; quarantined: string[] }

/** Estimate of the disk space, in bytes, of a transaction that adds records. */
const commitBytes = 1 << 20

/** Most digests in one statement. SQLite takes 32,766 parameters, but statements with many take long to prepare. */
const digestsInQuery = 500

/**
 * Returns the contents of a store.
 * @param reserve makes deletions possible on a full disk
 * @param hash reads a file to its end, off the event loop
 * @param onDamaged called when a read finds content damaged or missing
 */
export function createContents(
  catalog: Catalog,
  contentFiles: ContentFiles,
  reserve: Reserve,
  hash: HashFile,
  onDamaged: () => void = () => undefined,
): Contents {
  const sound = soundFiles(hash)
  // Files and their records must appear and vanish together, so run one addition or removal at a time.
  const exclusive = pLimit(1)

  const referenced = async (digests: readonly string[]) => {
    const found = new Set<string>()
    for (let from = 0; from < digests.length; from += digestsInQuery) {
      const some = digests.slice(from, from + digestsInQuery)
      const rowsOf = (table: 'model_files' | 'dataset_files' | 'models' | 'datasets') =>
        catalog.selectFrom(table).select('sha256').where('sha256', 'in', some)
      // A record of one file names its digest in two tables. If one row is damaged, the other still protects the file.
      const rows = rowsOf('model_files')
        .union(rowsOf('dataset_files'))
        .union(rowsOf('models'))
        .union(rowsOf('datasets'))
      for (const { sha256 } of await rows.execute()) found.add(sha256)
    }
    return found
  }
  /** Digests that may have lost their last record before the catalog passed its check; null afterwards. */
  let postponed: Set<string> | null = new Set()
  const discardUnreferenced = async (digests: readonly string[]) => {
    if (postponed) {
      for (const sha256 of digests) postponed.add(sha256)
      return
    }
    const kept = await referenced([...new Set(digests)])
    await inParallel(new Set(digests).difference(kept), async sha256 => {
      sound.forget(contentFiles.path(sha256))
      await contentFiles.discard(contentFiles.path(sha256))
    })
  }

  const quarantineUnknown = async (digests: readonly string[]) => {
    const unknown = new Set(digests).difference(await referenced(digests))
    const taken: string[] = []
    for (const sha256 of unknown) {
      sound.forget(contentFiles.path(sha256))
      if (await contentFiles.quarantine(sha256)) taken.push(sha256)
    }
    return taken
  }

  return {
    path: contentFiles.path,
    async damage(path, signal) {
      const damage = await sound.check(path, contentFiles.digestAt(path), signal)
      if (damage !== null) onDamaged()
      return damage
    },
    async verify(sha256, hash, signal) {
      const verified = await sound.verify(contentFiles.path(sha256), sha256, hash, signal)
      if (verified && verified.damage !== null) onDamaged()
      return verified
    },
    async holders(sha256, limit) {
      const models = catalog.selectFrom('model_files').select('model_id as id')
      const datasets = catalog.selectFrom('dataset_files').select('dataset_id as id')
      const found = [
        ...(await models.distinct().where('sha256', '=', sha256).limit(limit).execute()),
        ...(await datasets.distinct().where('sha256', '=', sha256).limit(limit).execute()),
      ]
      return found.map(({ id }) => id)
    },
    add: (files, commit) =>
      exclusive(async () => {
        try {
          for (const [path, state] of await contentFiles.publish(files)) sound.trust(path, state)
          return await contentFiles.givingWay(commitBytes, commit)
        } finally {
          await discardUnreferenced(files.map(({ sha256 }) => sha256))
        }
      }),
    async sweep(signal) {
      await exclusive(async () => {
        const digests = [...(postponed ?? [])]
        postponed = null
        await discardUnreferenced(digests)
      })
      const swept: Swept = { removed: await contentFiles.removeLeftovers(), quarantined: [] }
      for await (const digests of batches(contentFiles.digests(), digestsInQuery)) {
        if (signal.aborted) break
        swept.quarantined.push(...(await exclusive(() => quarantineUnknown(digests))))
      }
      return swept
    },
    release: commit => exclusive(async () => void (await reserve.lend(commit, discardUnreferenced))),
  }
}

/** Yields the items in lists of `size`; the last one may be shorter. */
async function* batches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
