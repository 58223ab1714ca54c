import { stat, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { countContent } from '../count-content.ts'
import { fewFiles } from '../few-files.ts'
import type { FileBatches } from '../file-batches.ts'
import { contentDigests, contentPath } from '../file-names.ts'
import { inParallel } from '../in-parallel.ts'
import { unlessMissing } from '../missing-file.ts'
import { makePrivateDirectory } from '../private-files.ts'
import { createRoom, type Room } from '../room.ts'
import { type HashFile, soundFiles } from '../sound-files.ts'
import { ContentGone, type ContentStore } from './content-store.ts'
import { createDigestTurns } from './digest-turns.ts'
import { createHeldFiles } from './held-files.ts'
import { createPublisher } from './publish-files.ts'
import { openQuarantine, type Quarantine } from './quarantine.ts'
import { readPieces } from './read-pieces.ts'

/** Content in a directory, with its quarantine and the room that both share with unfinished files. */
export type ContentDirectory = { content: ContentStore; quarantine: Quarantine; room: Room }

/** Settings and helpers of {@link openContentDirectory}. */
export type DirectoryServices = {
  /** Most bytes of content and unfinished files together; 0: no limit. */
  maximumBytes: number
  /** Renames many small files at a time. */
  batches: FileBatches
  /** Reads a file to its end, off the event loop. */
  hash: HashFile
  /** Returns milliseconds since 1970; the quarantine uses it. */
  clock?: () => number
}

/**
 * Opens the content of a data directory: `content/ab/abcd...`. A file appears under its digest by a rename after its flush, or not at all.
 * A lease is a path into the directory: nothing is copied.
 */
export async function openContentDirectory(
  directory: string,
  { maximumBytes, batches, hash, clock = Date.now }: DirectoryServices,
): Promise<ContentDirectory> {
  const folder = join(directory, 'content')
  await makePrivateDirectory(folder)
  const path = (sha256: string) => join(folder, contentPath(sha256))
  const quarantine = await openQuarantine(join(directory, 'quarantine'), clock, bytes => room.shrink(bytes))
  const room = createRoom(maximumBytes, (await countContent(folder)).bytes + quarantine.holding().bytes, quarantine)
  const publish = createPublisher({
    content: folder,
    path,
    room,
    quarantine,
    few: fewFiles(quarantine.makeRoom),
    batches,
  })
  const sound = soundFiles(hash)
  const held = createHeldFiles()
  const inTurn = createDigestTurns()

  /** Removes a file. It never throws: the next start tries again, and no finished request should fail for it. */
  const removeFile = async (sha256: string) => {
    const file = path(sha256)
    sound.forget(file)
    const { size } = (await unlessMissing(stat(file)).catch(() => undefined)) ?? { size: 0 }
    await unlink(file).then(
      () => room.shrink(size),
      () => undefined,
    )
  }
  const lease: ContentStore['lease'] = async sha256 => {
    const release = held.hold(sha256)
    const file = path(sha256)
    try {
      if (!(await unlessMissing(stat(file)))) throw new ContentGone(sha256)
      return { path: file, release }
    } catch (error) {
      release()
      throw error
    }
  }

  const content: ContentStore = {
    path,
    digestAt: file => `sha256:${basename(file)}`,
    put(files) {
      const once = new Map(files.map(file => [file.sha256, file]))
      for (const sha256 of once.keys()) held.keep(sha256)
      return inTurn([...once.keys()], async () => {
        for (const [file, state] of await publish([...once.values()])) sound.trust(file, state)
        const published = new Set(once.values().map(file => file.path))
        await inParallel(new Set(files.map(file => file.path)).difference(published), async file => {
          await unlink(file).catch(() => undefined)
          room.forget(file)
        })
      })
    },
    lease,
    damage: (sha256, signal) => sound.check(path(sha256), sha256, signal),
    verify: (sha256, hash, signal) => sound.verify(path(sha256), sha256, hash, signal),
    async *read(sha256, range) {
      const { path: file, release } = await lease(sha256, new AbortController().signal)
      try {
        yield* readPieces(file, range)
      } finally {
        release()
      }
    },
    link: async () => null,
    async *list() {
      for await (const hex of contentDigests(folder)) yield `sha256:${hex}`
    },
    remove: sha256 => held.whenFree(sha256, () => inTurn([sha256], () => removeFile(sha256))),
    retire: sha256 =>
      inTurn([sha256], async () => {
        // If the file is in use or cannot be moved, the next start tries again.
        if (held.isHeld(sha256)) return false
        sound.forget(path(sha256))
        return quarantine.take(path(sha256), sha256).then(
          () => true,
          () => false,
        )
      }),
    // Unfinished files are in `incoming/`.
    abandonUnfinished: async () => undefined,
    leases: held.count,
  }
  return { content, quarantine, room }
}
