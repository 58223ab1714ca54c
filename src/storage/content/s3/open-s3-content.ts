import { join } from 'node:path'
import type { FileBatches } from '../../file-batches.ts'
import { createRoom } from '../../room.ts'
import type { HashFile } from '../../sound-files.ts'
import type { RemoveUnneeded } from '../content-claims.ts'
import { type ContentFiles, openContentFiles } from '../content-files.ts'
import type { ContentStore } from '../content-store.ts'
import { createHeldFiles } from '../held-files.ts'
import { openBucket, type S3Location } from './bucket.ts'
import { jointRoom } from './joint-room.ts'
import { openLocalCache } from './local-cache.ts'
import { createS3Content } from './s3-content.ts'
import type { S3Patience } from './s3-patience.ts'

/**
 * Settings of content in S3. `pathStyle`: true if the bucket is a part of the path; `redirects`: true if clients download from the bucket
 * themselves; `cacheBytes`: most bytes of local files.
 */
export type S3Settings = S3Location & { pathStyle: boolean; redirects: boolean; cacheBytes: number }

/** Settings and helpers of {@link openS3Content}. */
export type S3Services = {
  settings: S3Settings
  /** Most bytes of content and unfinished files together; 0: no limit. */
  maximumBytes: number
  /** Returns the bytes of the content of all records. */
  storedBytes(): Promise<number>
  /** Milliseconds that content without a record stays in the bucket. */
  graceMilliseconds: number
  batches: FileBatches
  hash: HashFile
  onReceived(bytes: number): void
  clock: () => number
  /** Runs removals that respect the other servers of the store; undefined if this server has it alone. */
  removeUnneeded?: RemoveUnneeded | undefined
  patience?: S3Patience
}

/** Content in S3, and its unfinished files. */
export type OpenS3Content = {
  content: ContentStore
  contentFiles: ContentFiles
  close(): void
}

/** Milliseconds between two looks at the bytes of all records. */
const learningMilliseconds = 1000

/** Folder of the local copies in the data directory. */
export const cacheFolder = 'cache'

/** Opens content in S3, with copies in the folder `cache` of the data directory. It asks the S3 server nothing. */
export async function openS3Content(
  directory: string,
  {
    settings,
    maximumBytes,
    storedBytes,
    graceMilliseconds,
    batches,
    hash,
    onReceived,
    clock,
    removeUnneeded,
    patience,
  }: S3Services,
): Promise<OpenS3Content> {
  const held = createHeldFiles()
  const cache = await openLocalCache(join(directory, cacheFolder), held.isHeld, bytes => disk.shrink(bytes))
  const disk = createRoom(settings.cacheBytes, cache.holding().bytes, cache, 'TUREEN_CACHE_BYTES')
  const quota = createRoom(maximumBytes, await storedBytes(), { holding: () => ({ bytes: 0 }), makeRoom: () => 0 })
  let learntAt = performance.now()
  const learnRoom = async () => {
    if (!removeUnneeded || maximumBytes === 0 || performance.now() - learntAt < learningMilliseconds) return
    learntAt = performance.now()
    quota.correct(await storedBytes())
  }
  const files = { room: jointRoom(quota, disk), spare: cache, learnRoom }
  const contentFiles = await openContentFiles(directory, files, onReceived, batches)
  const bucket = openBucket(settings, settings.pathStyle, patience)
  const { incomingPath } = contentFiles
  const { redirects } = settings
  const content = createS3Content({
    bucket,
    redirects,
    cache,
    held,
    quota,
    disk,
    incomingPath,
    hash,
    graceMilliseconds,
    removeUnneeded,
    clock,
  })
  return { content, contentFiles, close: bucket.close }
}
