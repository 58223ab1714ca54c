import { type ContentClaims, localClaims, type SettleClaim } from './content/content-claims.ts'
import type { ContentFiles } from './content/content-files.ts'
import { ContentDamaged, ContentGone, type ContentLease, type ContentStore } from './content/content-store.ts'
import { digestsInQuery, neededDigests } from './content/needed-digests.ts'
import type { Catalog } from './database.ts'
import { inParallel } from './in-parallel.ts'
import { OutcomeUnknown } from './lost-database.ts'
import type { ReceivedFile } from './received-file.ts'
import type { Reserve } from './reserve.ts'
import type { HashFile, Verified } from './sound-files.ts'

/**
 * The files that records of the catalog refer to. The store keeps each file once, as long as at least one record refers to it.
 */
export type Contents = Pick<ContentStore, 'path' | 'read' | 'link'> & {
  /** Leases the content at a path: see {@link ContentStore.lease}. */
  lease(path: string, signal: AbortSignal): Promise<ContentLease>
  /** Returns the damage of the content at a path, in words; null if it matches its digest. It hashes a file that it does not know yet. */
  damage(path: string, signal: AbortSignal): Promise<string | null>
  /** Reads content again with `hash`, even if it is known to be sound. @returns undefined if there is no such content */
  verify(sha256: string, hash: HashFile, signal: AbortSignal): Promise<Verified | undefined>
  /** Returns the ids of models and data sets that refer to a digest, at most `limit` of each kind. */
  holders(sha256: string, limit: number): Promise<string[]>
  /**
   * Publishes received files, then runs `commit`, which inserts their records in one transaction and calls `settle` there. If the disk is
   * full, it deletes quarantined files and runs `commit` again. Afterwards it removes files without a record, such as after a failed
   * `commit`, but none whose record may still appear.
   */
  add<Result>(files: readonly ReceivedFile[], commit: (settle: SettleClaim) => Promise<Result>): Promise<Result>
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

/** Options of {@link createContents}. */
export type ContentsOptions = {
  /** Called when a read finds content damaged or missing. */
  onDamaged?: () => void
  /** The claims of all servers of the store. Without them, this server has it alone. */
  claims?: ContentClaims
  /** True if the catalog needs no check before content is removed. */
  isChecked?: boolean
}

/**
 * Returns the contents of a store.
 * @param reserve makes deletions possible on a full disk
 */
export function createContents(
  catalog: Catalog,
  {
    content,
    contentFiles,
  }: { content: ContentStore; contentFiles: Pick<ContentFiles, 'givingWay' | 'removeLeftovers'> },
  reserve: Reserve,
  { onDamaged = () => undefined, claims = localClaims(), isChecked = false }: ContentsOptions = {},
): Contents {
  const unreferenced = async (digests: readonly string[]) => {
    const kept = await neededDigests(catalog, [...new Set(digests)])
    return new Set(digests).difference(kept)
  }
  /** Digests that may have lost their last record before the catalog passed its check; null afterwards. */
  let postponed: Set<string> | null = isChecked ? null : new Set()
  const discardUnreferenced = async (digests: readonly string[]) => {
    if (postponed) {
      for (const sha256 of digests) postponed.add(sha256)
      return
    }
    await inParallel(await unreferenced(digests), async sha256 => {
      if (!claims.isClaimed(sha256)) await content.remove(sha256)
    })
  }

  const quarantineUnknown = async (digests: readonly string[]) => {
    const taken: string[] = []
    for (const sha256 of await unreferenced(digests))
      if (!claims.isClaimed(sha256) && (await content.retire(sha256))) taken.push(sha256)
    return taken
  }

  /** Counts an error that tells of wrong bytes. Deleted content is gone without damage. @returns the error */
  const noteDamage = (error: unknown) => {
    if (error instanceof ContentDamaged && !(error instanceof ContentGone)) onDamaged()
    return error
  }

  return {
    path: content.path,
    async *read(sha256, range) {
      try {
        yield* content.read(sha256, range)
      } catch (error) {
        throw noteDamage(error)
      }
    },
    link: content.link,
    async lease(path, signal) {
      try {
        return await content.lease(content.digestAt(path), signal)
      } catch (error) {
        throw noteDamage(error)
      }
    },
    async damage(path, signal) {
      const damage = await content.damage(content.digestAt(path), signal)
      if (damage !== null) onDamaged()
      return damage
    },
    async verify(sha256, hash, signal) {
      const verified = await content.verify(sha256, hash, signal)
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
    async add(files, commit) {
      const digests = new Set(files.map(({ sha256 }) => sha256))
      const claim = await claims.claim(files)
      let mayBeKept = false
      try {
        await content.put(files)
        return await claims.inTurn(() => contentFiles.givingWay(commitBytes, () => commit(claim.settle)))
      } catch (error) {
        // The records may appear later, and need their files. The sweep of a start finds files without a record.
        mayBeKept = error instanceof OutcomeUnknown
        throw error
      } finally {
        await claim.end()
        if (!mayBeKept) await claims.inTurn(() => discardUnreferenced([...digests]))
      }
    },
    async sweep(signal) {
      await claims.inTurn(async () => {
        const digests = [...(postponed ?? [])]
        postponed = null
        await discardUnreferenced(digests)
      })
      const swept: Swept = { removed: await contentFiles.removeLeftovers(), quarantined: [] }
      await content.abandonUnfinished()
      for await (const digests of batches(content.list(), digestsInQuery)) {
        if (signal.aborted) break
        swept.quarantined.push(...(await claims.inTurn(() => quarantineUnknown(digests))))
      }
      return swept
    },
    release: commit => claims.inTurn(async () => void (await reserve.lend(commit, discardUnreferenced))),
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
