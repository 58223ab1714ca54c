import { statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { v7 as uuid } from 'uuid'
import { asTureenError } from '../../errors.ts'
import { fewFiles } from '../few-files.ts'
import { type FileBatches, leastInThreads, type NewFile } from '../file-batches.ts'
import { besideOutput, incomingNames } from '../file-names.ts'
import { createFlushQueue, type FlushQueue } from '../flush-queue.ts'
import { makePrivateDirectory } from '../private-files.ts'
import type { ReceivedFile } from '../received-file.ts'
import { type Reservation, type Room, type Spare, StoreLimitReached } from '../room.ts'
import { writeStream } from '../write-stream.ts'

/** Local files that are not content yet: uploads that arrive, and results of merges. All names come from the server. */
export type ContentFiles = {
  /** Returns a new path for an unfinished file. The next start removes unfinished files. */
  incomingPath(): string
  /** Learns how much room other servers of the store have left. It does nothing if this server has the store alone. */
  learnRoom(): Promise<void>
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
  /** Removes a file if it can. Otherwise the next start removes it. */
  discard(path: string): Promise<void>
  /**
   * Runs `make` with a new path for an unfinished file. If `make` fails, it removes the file and its numbered neighbours
   * ({@link besideOutput}). If the disk was full, it deletes spare files and runs `make` again with another path.
   * @param bytes estimate of the bytes to write. @throws as reserveRoom
   */
  makeOutput<Result>(bytes: number, make: (output: string) => Promise<Result>): Promise<Result>
  /** Does the same as {@link ContentFiles.makeOutput}, and removes the files at the end. */
  withOutput<Result>(bytes: number, use: (output: string) => Promise<Result>): Promise<Result>
  /**
   * Runs `run`. While it fails on a full disk, it deletes spare files and runs it again.
   * @param bytes estimate of the bytes to write
   * @param run leaves nothing behind if it fails
   */
  givingWay<Result>(bytes: number, run: () => Promise<Result>): Promise<Result>
  /** Removes the unfinished files of an earlier process. @returns their names */
  removeLeftovers(): Promise<string[]>
}

/**
 * Opens the unfinished files of a data directory.
 * @param room counts the files until they are content
 * @param spare files to delete when the disk is full
 * @param onReceived called with the bytes of each completely received file
 * @param batches creates many small files at a time
 */
export async function openContentFiles(
  directory: string,
  {
    room,
    spare,
    learnRoom = async () => undefined,
  }: { room: Omit<Room, 'shrink' | 'correct'>; spare: Spare; learnRoom?: () => Promise<void> },
  onReceived: (bytes: number) => void,
  batches: FileBatches,
): Promise<ContentFiles> {
  const incoming = join(directory, 'incoming')
  await makePrivateDirectory(incoming)

  // List them now, before this process makes files of its own.
  const leftovers = await incomingNames(incoming)
  const incomingPath = () => join(incoming, uuid())
  /**
   * Removes a file. It never throws: the next start tries again, and no finished request should fail for it.
   * @returns true if it removed the file
   */
  const remove = async (file: string) => {
    const removed = await unlink(file).then(
      () => true,
      () => false,
    )
    room.forget(file)
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
   * Deletes spare files, but none if all of them would not be enough.
   * @param least bytes to free in any case.
   * @returns true if it deleted some
   */
  const makeRoomOnDisk = async (bytes: number, least: number) => {
    const missing = Math.max(least, bytes - (await freeBytes()))
    return missing <= spare.holding().bytes && spare.makeRoom(missing) > 0
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
      await learnRoom()
      try {
        room.claim(output, bytes)
        await makeRoomOnDisk(bytes, 0)
        return await make(output)
      } catch (error) {
        await removeOutput(output)
        throw error
      }
    })

  const few = fewFiles(spare.makeRoom)
  const createFiles = async (files: readonly NewFile[]) => {
    if (files.length < leastInThreads) return few.create(files)
    try {
      await batches.create(files)
    } catch (error) {
      // Spare files can make room for one file after the other.
      if (asTureenError(error).code !== 'TUREEN_STORE_FULL') throw error
      await few.create(files)
    }
  }
  const openQueue = () => createFlushQueue(createFiles)

  return {
    incomingPath,
    openQueue,
    discard,
    learnRoom,
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
        const { sha256, bytes, created } = await writeStream(stream, file, claim, spare.makeRoom, queue, isWritten)
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
    async removeLeftovers() {
      const removed: string[] = []
      for (const name of leftovers.splice(0)) if (await remove(join(incoming, name))) removed.push(name)
      return removed
    },
  }
}
