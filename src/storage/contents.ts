import pLimit from 'p-limit'
import type { ContentFiles, ReceivedFile } from './content-files.ts'
import type { Catalog } from './database.ts'
import { inParallel } from './in-parallel.ts'
import type { Reserve } from './reserve.ts'
import { type HashFile, soundFiles, type Verified } from './sound-files.ts'

/**
 * Files that records of the catalog refer to, each stored once however many do. A file is there as long as a record is, and
 * goes with the last one.
 */
export type Contents = {
  path(sha256: string): string
  /** What is wrong with the content at a path of this store: null if it has its digest. Hashes what it has not seen before. */
  damage(path: string, signal: AbortSignal): Promise<string | null>
  /** Reads the content of a digest again, although it may be known, with `hash`. @returns undefined if there is no such content (any more) */
  verify(sha256: string, hash: HashFile, signal: AbortSignal): Promise<Verified | undefined>
  /** Ids of models and data sets that refer to a digest, at most `limit` of each kind. */
  holders(sha256: string, limit: number): Promise<string[]>
  /**
   * Publishes received files, then runs `commit`, which inserts the records that refer to them in one transaction; it runs again if the
   * disk was full and the quarantine gives way. Files that no record refers to in the end, because `commit` failed or had no need of
   * them, are removed again.
   */
  add<Result>(files: readonly ReceivedFile[], commit: () => Promise<Result>): Promise<Result>
  /** Runs `commit`, which deletes records and returns the digests they referred to, and removes what nothing refers to any more. */
  release(commit: () => Promise<readonly string[]>): Promise<void>
  /**
   * Removes files in the making that an earlier process left behind, and moves content that no record refers to into the quarantine.
   * Call it once the catalog has passed its check: until then nothing is removed, since damaged indexes hide records.
   * @param signal stops it between two files
   */
  sweep(signal: AbortSignal): Promise<Swept>
}

/** Names of files that were removed, and digests of content that is in the quarantine now. */
export type Swept = { removed: string[]; quarantined: string[] }

/** What the catalog may need on the disk for a transaction that adds records. */
const commitBytes = 1 << 20

/** SQLite takes 32,766 parameters in a statement; a statement of 500 is not prepared for long. */
const digestsInQuery = 500

/**
 * @param reserve lets records be deleted on a full disk
 * @param hash reads a file to its end, off the event loop
 * @param onDamaged hears of every read that found content damaged or gone
 */
export function createContents(
  catalog: Catalog,
  contentFiles: ContentFiles,
  reserve: Reserve,
  hash: HashFile,
  onDamaged: () => void = () => undefined,
): Contents {
  const sound = soundFiles(hash)
  // A file and the records that refer to it appear and vanish together: one addition or removal at a time.
  const exclusive = pLimit(1)

  const referenced = async (digests: readonly string[]) => {
    const found = new Set<string>()
    for (let from = 0; from < digests.length; from += digestsInQuery) {
      const some = digests.slice(from, from + digestsInQuery)
      // A record of one file names it twice: damage of the one leaves the other.
      for (const table of ['model_files', 'dataset_files', 'models', 'datasets'] as const) {
        const rows = await catalog.selectFrom(table).select('sha256').distinct().where('sha256', 'in', some).execute()
        for (const { sha256 } of rows) found.add(sha256)
      }
    }
    return found
  }
  /** Digests that may have lost their last record before the catalog had passed its check; null since then. */
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
          await contentFiles.publish(files)
          await inParallel(new Set(files.map(({ sha256 }) => contentFiles.path(sha256))), sound.trust)
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

/** Items in lists of so many, the last one shorter. */
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
