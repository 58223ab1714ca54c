import { mkdir, rename, stat, statfs, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { v7 as uuid } from 'uuid'
import { asTureenError } from '../errors.ts'
import { countContent } from './count-content.ts'
import { contentDigests, contentPath, incomingNames } from './file-names.ts'
import { flushDirectory } from './flush-directory.ts'
import type { FlushQueue } from './flush-queue.ts'
import { inParallel } from './in-parallel.ts'
import { openQuarantine } from './quarantine.ts'
import { createRoom, type Reservation, StoreLimitReached } from './room.ts'
import { writeStream } from './write-stream.ts'

/** A file that has been received in full and flushed to the disk, or is in a flush queue, but is not content yet. */
export type ReceivedFile = { path: string; sha256: string; bytes: number }

/**
 * Content by digest, in a directory. A file appears under its digest by rename after it was flushed, or not at all; names come
 * from the server alone.
 */
export type ContentFiles = {
  /** A new name for a file in the making. Whatever is left of it is removed at the next start. */
  incomingPath(): string
  /** Keeps room for so many bytes of an upload. @throws TureenError `TUREEN_STORE_FULL` if the store may not hold so many more */
  reserveRoom(bytes: number): Reservation
  /**
   * Writes a stream to an incoming file while hashing it; a failed or ended stream leaves nothing.
   * @param reservation room of the upload, which the file takes before any other
   * @param flushes takes the flush of the file; without it the file is flushed when this returns
   * @throws TureenError `TUREEN_STORE_FULL` as soon as it is more than the store may hold
   */
  receive(stream: AsyncIterable<Uint8Array>, reservation?: Reservation, flushes?: FlushQueue): Promise<ReceivedFile>
  /**
   * Makes incoming, flushed files the content of their digests, durably, each directory flushed once. A failure may leave some of them
   * published. @throws as reserveRoom, of the bytes that are new
   */
  publish(files: readonly ReceivedFile[]): Promise<void>
  /** Where the content of a digest lies. */
  path(sha256: string): string
  /** The digest whose content lies at a path. */
  digestAt(path: string): string
  /** Removes a file, if it is there and can be; else the next start does. */
  discard(path: string): Promise<void>
  /**
   * Runs `make` with a new name for a file in the making. If it fails, the file is removed, with those beside it ({@link besideOutput}); if
   * the disk was full, the quarantine gives way, and `make` runs again with another name.
   * @param bytes about as many as will be written. @throws as reserveRoom
   */
  makeOutput<Result>(bytes: number, make: (output: string) => Promise<Result>): Promise<Result>
  /** As {@link ContentFiles.makeOutput}, and removes the files in the end. */
  withOutput<Result>(bytes: number, use: (output: string) => Promise<Result>): Promise<Result>
  /**
   * Runs what needs about so many bytes of disk, and again for as long as the disk is full and the quarantine gives way.
   * @param run must have left nothing if it fails
   */
  givingWay<Result>(bytes: number, run: () => Promise<Result>): Promise<Result>
  /** Removes the files in the making that an earlier process left behind. @returns their names */
  removeLeftovers(): Promise<string[]>
  /** Digests of the files that lie in the store, found as they are asked for. */
  digests(): AsyncGenerator<string>
  /** Moves the content of a digest, which no record refers to, into the quarantine, if it can be. @returns whether it is there now */
  quarantine(sha256: string): Promise<boolean>
  /** Files in the quarantine, and their bytes. */
  quarantined(): { files: number; bytes: number }
  /** Removes what has been in the quarantine since before a time, in milliseconds since 1970. @returns digests */
  endQuarantine(before: number): Promise<string[]>
}

/** The name of a further file in the making, beside one; they are numbered from 0 on, without gaps. */
export function besideOutput(output: string, index: number): string {
  return `${output}.${index}`
}

/**
 * @param maximumBytes of content and files in the making together; 0: without bounds
 * @param onReceived hears how many bytes each file has that was received in full
 * @param clock milliseconds since 1970, by which the quarantine ends
 */
export async function openContentFiles(
  directory: string,
  maximumBytes: number,
  onReceived: (bytes: number) => void,
  clock: () => number = Date.now,
): Promise<ContentFiles> {
  const incoming = join(directory, 'incoming')
  const content = join(directory, 'content')
  await mkdir(incoming, { recursive: true })
  await mkdir(content, { recursive: true })

  // Files that this process makes are none of them.
  const leftovers = await incomingNames(incoming)
  const path = (sha256: string) => join(content, contentPath(sha256))
  const shardOf = (sha256: string) => dirname(path(sha256))
  const flushedShards = new Set<string>()
  const incomingPath = () => join(incoming, uuid())
  const quarantine = await openQuarantine(join(directory, 'quarantine'), clock, bytes => room.shrink(bytes))
  const room = createRoom(maximumBytes, (await countContent(content)).bytes + quarantine.holding().bytes, quarantine)
  // What cannot be removed is nobody's, and the next start tries again: no request fails for it whose work is done.
  /** @returns whether it was there and is gone */
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
  /** @returns whether the quarantine has given way: never in vain, where all of it would not do. @param least bytes to give in any case */
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
        // What is free now may have been another writer's when this one found nothing.
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

  return {
    incomingPath,
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
    async receive(stream, reservation, flushes) {
      const file = incomingPath()
      const claim = (bytes: number) => room.claim(file, bytes, reservation)
      try {
        const written = await writeStream(stream, file, claim, quarantine.makeRoom, flushes)
        onReceived(written.bytes)
        return { path: file, ...written }
      } catch (error) {
        await discard(file)
        throw error
      }
    },
    async publish(files) {
      const once = new Map(files.map(file => [file.sha256, file]))
      const shards = new Set([...once.keys()].map(shardOf))
      await inParallel(shards, shard => mkdir(shard, { recursive: true }))
      // A directory that is there may never have been flushed, by this process or one that crashed.
      if ([...shards].some(shard => !flushedShards.has(shard))) await flushDirectory(content)
      for (const shard of shards) flushedShards.add(shard)
      await inParallel(once.values(), async ({ path: file, sha256, bytes }) => {
        const isNew = (await unlessMissing(stat(path(sha256)))) === undefined
        room.settle(file, isNew ? bytes : 0)
        await rename(file, path(sha256))
        room.keep(file)
        await quarantine.drop(sha256)
      })
      await inParallel(shards, flushDirectory)
      await inParallel(
        files.filter(file => once.get(file.sha256) !== file),
        file => discard(file.path),
      )
    },
    async removeLeftovers() {
      const removed: string[] = []
      for (const name of leftovers.splice(0)) if (await remove(join(incoming, name))) removed.push(name)
      return removed
    },
    async *digests() {
      for await (const hex of contentDigests(content)) yield `sha256:${hex}`
    },
    // What cannot be moved stays, and the next start tries again.
    quarantine: sha256 =>
      quarantine.take(path(sha256), sha256).then(
        () => true,
        () => false,
      ),
    quarantined: quarantine.holding,
    endQuarantine: quarantine.end,
  }
}

async function unlessMissing<Result>(operation: Promise<Result>): Promise<Result | undefined> {
  try {
    return await operation
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
