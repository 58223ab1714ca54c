import { stat, statfs, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { v7 as uuid } from 'uuid'
import { asTureenError } from '../errors.ts'
import { countContent } from './count-content.ts'
import { fewFiles } from './few-files.ts'
import { type FileBatches, leastInThreads, type NewFile } from './file-batches.ts'
import { besideOutput, contentDigests, contentPath, incomingNames } from './file-names.ts'
import type { FileState } from './file-state.ts'
import { createFlushQueue, type FlushQueue } from './flush-queue.ts'
import { inParallel } from './in-parallel.ts'
import { makePrivateDirectory } from './private-files.ts'
import { createPublisher } from './publish-files.ts'
import { openQuarantine } from './quarantine.ts'
import type { ReceivedFile } from './received-file.ts'
import { createRoom, type Reservation, StoreLimitReached } from './room.ts'
import { writeStream } from './write-stream.ts'

/**
 * The content of a store, by digest. A file appears under its digest by a rename after its flush, or not at all. All names come from the
 * server.
 */
export type ContentFiles = {
  /** Returns a new path for an unfinished file. The next start removes unfinished files. */
  incomingPath(): string
  /** Keeps room for so many bytes of an upload. @throws TureenError `TUREEN_STORE_FULL` if the store may not hold so many more */
  reserveRoom(bytes: number): Reservation
  /** Returns a queue for the files of one upload. */
  openQueue(): FlushQueue
  /**
   * Writes a stream to an incoming file and hashes it. A failed or aborted stream leaves nothing.
   * @param reservation room of the upload, which the file takes before any other
   * @param flushes takes the flush of the file; without it the file is flushed when this returns
   * @param before earlier files of the upload by digest; a small file with the content of one of them shares its path
   * @throws TureenError `TUREEN_STORE_FULL` as soon as it is more than the store may hold
   */
  receive(
    stream: AsyncIterable<Uint8Array>,
    reservation?: Reservation,
    flushes?: FlushQueue,
    before?: ReadonlyMap<string, ReceivedFile>,
  ): Promise<ReceivedFile>
  /**
   * Moves incoming, flushed files to the paths of their digests, durably. It flushes each directory once. A failure may leave some of them
   * published. @returns the state of each file, by its path. @throws as reserveRoom, for the bytes of new content
   */
  publish(files: readonly ReceivedFile[]): Promise<ReadonlyMap<string, FileState>>
  /** Returns the path of the content with a digest. */
  path(sha256: string): string
  /** Returns the digest of the content at a path. */
  digestAt(path: string): string
  /** Removes a file if it can. Otherwise the next start removes it. */
  discard(path: string): Promise<void>
  /**
   * Runs `make` with a new path for an unfinished file. If `make` fails, it removes the file and its numbered neighbours
   * ({@link besideOutput}). If the disk was full, it deletes quarantined files and runs `make` again with another path.
   * @param bytes estimate of the bytes to write. @throws as reserveRoom
   */
  makeOutput<Result>(bytes: number, make: (output: string) => Promise<Result>): Promise<Result>
  /** Does the same as {@link ContentFiles.makeOutput}, and removes the files at the end. */
  withOutput<Result>(bytes: number, use: (output: string) => Promise<Result>): Promise<Result>
  /**
   * Runs `run`. While it fails on a full disk, it deletes quarantined files and runs it again.
   * @param bytes estimate of the bytes to write
   * @param run leaves nothing behind if it fails
   */
  givingWay<Result>(bytes: number, run: () => Promise<Result>): Promise<Result>
  /** Removes the unfinished files of an earlier process. @returns their names */
  removeLeftovers(): Promise<string[]>
  /** Yields the digests of all files in the store. */
  digests(): AsyncGenerator<string>
  /** Moves content without a record into the quarantine, if it can. @returns true if the content is there now */
  quarantine(sha256: string): Promise<boolean>
  /** Returns the number of files in the quarantine, and their bytes. */
  quarantined(): { files: number; bytes: number }
  /** Removes files that came into the quarantine before a time. @param before milliseconds since 1970. @returns their digests */
  endQuarantine(before: number): Promise<string[]>
}

/**
 * Opens the content of a data directory.
 * @param maximumBytes most bytes of content and unfinished files together; 0: no limit
 * @param onReceived called with the bytes of each completely received file
 * @param batches creates and renames many small files at a time
 * @param clock returns milliseconds since 1970; the quarantine uses it
 */
export async function openContentFiles(
  directory: string,
  maximumBytes: number,
  onReceived: (bytes: number) => void,
  batches: FileBatches,
  clock: () => number = Date.now,
): Promise<ContentFiles> {
  const incoming = join(directory, 'incoming')
  const content = join(directory, 'content')
  await makePrivateDirectory(incoming)
  await makePrivateDirectory(content)

  // List them now, before this process makes files of its own.
  const leftovers = await incomingNames(incoming)
  const path = (sha256: string) => join(content, contentPath(sha256))
  const incomingPath = () => join(incoming, uuid())
  const quarantine = await openQuarantine(join(directory, 'quarantine'), clock, bytes => room.shrink(bytes))
  const room = createRoom(maximumBytes, (await countContent(content)).bytes + quarantine.holding().bytes, quarantine)
  /**
   * Removes a file. It never throws: the next start tries again, and no finished request should fail for it.
   * @returns true if it removed the file
   */
  const remove = async (file: string) => {
    const bytes = file.startsWith(content) ? ((await stat(file).catch(() => null))?.size ?? 0) : 0
    const removed = await unlink(file).then(
      () => true,
      () => false,
    )
    room.forget(file)
    if (removed) room.shrink(bytes)
    return removed
  }
  const discard = async (file: string) => void (await remove(file))
  const removeOutput = async (output: string) => {
    await remove(output)
    for (let index = 0; await remove(besideOutput(output, index)); ) index += 1
  }
  const freeBytes = async () => {
    const volume = await statfs(directory).catch(() => null)
    return volume ? volume.bavail * volume.bsize : Number.POSITIVE_INFINITY
  }
  /**
   * Deletes quarantined files, but none if all of them would not be enough.
   * @param least bytes to free in any case.
   * @returns true if it deleted some
   */
  const makeRoomOnDisk = async (bytes: number, least: number) => {
    const missing = Math.max(least, bytes - (await freeBytes()))
    return missing <= quarantine.holding().bytes && quarantine.makeRoom(missing) > 0
  }
  const givingWay: ContentFiles['givingWay'] = async (bytes, run) => {
    for (;;) {
      try {
        return await run()
      } catch (error) {
        if (error instanceof StoreLimitReached || asTureenError(error).code !== 'TUREEN_STORE_FULL') throw error
        // Free at least 1 byte: another writer may have freed space after this one failed.
        if (!(await makeRoomOnDisk(bytes, 1))) throw error
      }
    }
  }
  const makeOutput: ContentFiles['makeOutput'] = (bytes, make) =>
    givingWay(bytes, async () => {
      const output = incomingPath()
      try {
        room.claim(output, bytes)
        await makeRoomOnDisk(bytes, 0)
        return await make(output)
      } catch (error) {
        await removeOutput(output)
        throw error
      }
    })

  const few = fewFiles(quarantine.makeRoom)
  const createFiles = async (files: readonly NewFile[]) => {
    if (files.length < leastInThreads) return few.create(files)
    try {
      await batches.create(files)
    } catch (error) {
      // Quarantined files can make room for one file after the other.
      if (asTureenError(error).code !== 'TUREEN_STORE_FULL') throw error
      await few.create(files)
    }
  }
  const openQueue = () => createFlushQueue(createFiles)
  const publish = createPublisher({ content, path, room, quarantine, few, batches })

  return {
    incomingPath,
    openQueue,
    path,
    digestAt: path => `sha256:${basename(path)}`,
    discard,
    reserveRoom: room.reserve,
    makeOutput,
    withOutput: (bytes, use) =>
      makeOutput(bytes, async output => {
        const result = await use(output)
        await removeOutput(output)
        return result
      }),
    givingWay,
    async receive(stream, reservation, flushes, before) {
      const file = incomingPath()
      const queue = flushes ?? openQueue()
      const claim = (bytes: number) => room.claim(file, bytes, reservation)
      try {
        const isWritten = (sha256: string) => before?.has(sha256) ?? false
        const { sha256, bytes, created } = await writeStream(stream, file, claim, quarantine.makeRoom, queue, isWritten)
        if (!flushes) await queue.end()
        onReceived(bytes)
        const same = created ? undefined : before?.get(sha256)
        if (same) room.forget(file)
        return { path: same?.path ?? file, sha256, bytes }
      } catch (error) {
        await discard(file)
        throw error
      }
    },
    async publish(files) {
      const once = new Map(files.map(file => [file.sha256, file]))
      const states = await publish([...once.values()])
      const published = new Set([...once.values()].map(file => file.path))
      await inParallel(new Set(files.map(file => file.path)).difference(published), discard)
      return states
    },
    async removeLeftovers() {
      const removed: string[] = []
      for (const name of leftovers.splice(0)) if (await remove(join(incoming, name))) removed.push(name)
      return removed
    },
    async *digests() {
      for await (const hex of contentDigests(content)) yield `sha256:${hex}`
    },
    // If the file cannot be moved, the next start tries again.
    quarantine: sha256 =>
      quarantine.take(path(sha256), sha256).then(
        () => true,
        () => false,
      ),
    quarantined: quarantine.holding,
    endQuarantine: quarantine.end,
  }
}
