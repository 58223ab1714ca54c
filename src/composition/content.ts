import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import type { RemoveUnneeded } from '../storage/content/content-claims.ts'
import { openContentDirectory } from '../storage/content/content-directory.ts'
import { type ContentFiles, openContentFiles } from '../storage/content/content-files.ts'
import type { ContentStore } from '../storage/content/content-store.ts'
import type { Quarantine } from '../storage/content/quarantine.ts'
import { refuseOtherPlace } from '../storage/content-place.ts'
import { countContent } from '../storage/count-content.ts'
import type { Catalog } from '../storage/database.ts'
import { recordedContent } from '../storage/recorded-content.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** Content of a store, and what differs with its place. */
export type OpenContent = {
  content: ContentStore
  contentFiles: ContentFiles
  quarantine: Pick<Quarantine, 'holding' | 'end'>
  /** The local folder of content, or of its copies. */
  folder: string
  /** Returns the number of files of content, and their bytes. */
  count(): Promise<{ files: number; bytes: number }>
  /** Words of the log for content without a record, once a sweep has found it. */
  retired: string
  /** Ends the connections to content outside of the data directory; null if it is there. */
  closeRemote: (() => void) | null
}

/** `removeUnneeded`: undefined if one server has the store alone. */
type Services = {
  threads: ThreadPool
  metrics: Metrics
  clock: () => number
  removeUnneeded: RemoveUnneeded | undefined
}

/** Opens the content of a data directory, or in S3 with copies in the data directory. */
export async function openContent(
  config: Pick<Config, 'content' | 'maximumStoreBytes' | 'retention'>,
  path: string,
  catalog: Catalog,
  { threads: { batches, hash }, metrics, clock, removeUnneeded }: Services,
): Promise<OpenContent> {
  const { content: settings, maximumStoreBytes: maximumBytes, retention } = config
  await refuseOtherPlace(path, settings === null ? 'directory' : 's3')
  if (settings === null) {
    const directory = await openContentDirectory(path, { maximumBytes, batches, hash, clock })
    const { content, quarantine, room } = directory
    const folder = join(path, 'content')
    return {
      content,
      contentFiles: await openContentFiles(path, { room, spare: quarantine }, metrics.received, batches),
      quarantine,
      folder,
      count: () => countContent(folder),
      retired: 'moved from content/ to quarantine/: no record refers to it',
      closeRemote: null,
    }
  }
  // The SDK takes time and memory, which servers without S3 do not spend.
  const { cacheFolder, openS3Content } = await import('../storage/content/s3/open-s3-content.ts')
  const { content, contentFiles, close } = await openS3Content(path, {
    settings,
    maximumBytes,
    storedBytes: async () => (await recordedContent(catalog)).bytes,
    graceMilliseconds: retention.quarantineMilliseconds,
    batches,
    hash,
    onReceived: metrics.received,
    clock,
    removeUnneeded,
  })
  return {
    content,
    contentFiles,
    quarantine: { holding: () => ({ files: 0, bytes: 0 }), end: async () => [] },
    folder: join(path, cacheFolder),
    count: () => recordedContent(catalog),
    retired: 'deleted from the S3 bucket: no record refers to it',
    closeRemote: close,
  }
}
