import { mkdir, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { v7 as uuid } from 'uuid'
import { asTureenError } from '../errors.ts'
import { flushDirectory } from './flush-directory.ts'
import type { FlushQueue } from './flush-queue.ts'
import { inParallel } from './in-parallel.ts'
import { createRoom } from './room.ts'
import { writeStream } from './write-stream.ts'

/** A file that has been received in full and flushed to the disk, or is in a flush queue, but is not content yet. */
export type ReceivedFile = { path: string; sha256: string; bytes: number }

/**
 * Content by digest, in a directory. A file appears under its digest by rename after it was flushed, or not at all; names come
 * from the server alone.
 */
export type Artifacts = {
  /** A new name for a file in the making. Whatever is left of it is swept at the next start. */
  incomingPath(): string
  /** @throws TureenError `TUREEN_STORE_FULL` if so many bytes more would be more than the store may hold */
  requireRoom(bytes: number): void
  /** Counts bytes that are about to be written to a file in the making, until it is discarded or published. @throws as requireRoom */
  claim(incoming: string, bytes: number): void
  /**
   * Writes a stream to an incoming file while hashing it; a failed or ended stream leaves nothing.
   * @param flushes takes the flush of the file; without it the file is flushed when this returns
   * @throws TureenError `TUREEN_STORE_FULL` as soon as it is more than the store may hold
   */
  receive(stream: AsyncIterable<Uint8Array>, flushes?: FlushQueue): Promise<ReceivedFile>
  /**
   * Makes incoming, flushed files the content of their digests, durably, each directory flushed once. A failure may leave some of them
   * published. @throws as requireRoom, of the bytes that are new
   */
  publish(files: readonly ReceivedFile[]): Promise<void>
  /** Where the content of a digest lies. */
  path(sha256: string): string
  /** The digest whose content lies at a path. */
  digestAt(path: string): string
  /** Removes a file, if it is there and can be; else the next sweep does. */
  discard(path: string): Promise<void>
  /**
   * Runs `use` with a new name for a file in the making, and removes it in the end, with those beside it ({@link besideOutput}).
   * @param bytes about as many as will be written. @throws as requireRoom
   */
  withOutput<Result>(bytes: number, use: (output: string) => Promise<Result>): Promise<Result>
  /** Runs what frees space in the end but needs some first, such as a deletion: on a full disk, with a reserve that is kept for it. */
  withReserve<Result>(run: () => Promise<Result>): Promise<Result>
  /** Removes incoming files, and content that is not in `known`: what a killed process left behind. */
  sweep(known: ReadonlySet<string>): Promise<{ removed: number }>
}

/** The name of a further file in the making, beside one; they are numbered from 0 on, without gaps. */
export function besideOutput(output: string, index: number): string {
  return `${output}.${index}`
}

/** Enough for the catalog to write down some deletions. */
const reserveBytes = 1 << 20

/**
 * @param maximumBytes of content and files in the making together; 0: without bounds
 * @param onReceived hears how many bytes each file has that was received in full
 */
export async function openArtifacts(
  directory: string,
  maximumBytes: number,
  onReceived: (bytes: number) => void,
): Promise<Artifacts> {
  const incoming = join(directory, 'incoming')
  const content = join(directory, 'content')
  await mkdir(incoming, { recursive: true })
  await mkdir(content, { recursive: true })

  const hexOf = (sha256: string) => sha256.replace('sha256:', '')
  const shardOf = (sha256: string) => join(content, hexOf(sha256).slice(0, 2))
  const flushedShards = new Set<string>()
  const path = (sha256: string) => join(shardOf(sha256), hexOf(sha256))
  const incomingPath = () => join(incoming, uuid())
  const room = createRoom(maximumBytes, await contentBytes(content))
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
  const reserve = join(directory, 'reserve')
  const keepReserve = () => writeFile(reserve, new Uint8Array(reserveBytes)).catch(() => discard(reserve))
  await keepReserve()

  return {
    incomingPath,
    path,
    digestAt: path => `sha256:${basename(path)}`,
    discard,
    requireRoom: room.require,
    claim: room.claim,
    async withOutput(bytes, use) {
      const output = incomingPath()
      try {
        room.claim(output, bytes)
        return await use(output)
      } finally {
        await remove(output)
        for (let index = 0; await remove(besideOutput(output, index)); ) index += 1
      }
    },
    async withReserve(run) {
      try {
        return await run()
      } catch (error) {
        if (asTureenError(error).code !== 'TUREEN_STORE_FULL') throw error
        await discard(reserve)
        return await run().finally(keepReserve)
      }
    },
    async receive(stream, flushes) {
      const file = incomingPath()
      try {
        const written = await writeStream(stream, file, bytes => room.claim(file, bytes), flushes)
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
      })
      await inParallel(shards, flushDirectory)
      await inParallel(
        files.filter(file => once.get(file.sha256) !== file),
        file => discard(file.path),
      )
    },
    async sweep(known) {
      const isKnown = (name: string) => known.has(`sha256:${name}`)
      const leftovers = (await filesIn(incoming)).map(name => join(incoming, name))
      for (const shard of (await readdir(content, { withFileTypes: true })).filter(entry => entry.isDirectory())) {
        const names = await filesIn(join(content, shard.name))
        leftovers.push(...names.filter(name => !isKnown(name)).map(name => join(content, shard.name, name)))
      }
      let removed = 0
      for (const file of leftovers) if (await remove(file)) removed += 1
      return { removed }
    },
  }
}

/** Names of the files in a directory. What else stands there, such as lost+found, is none of ours. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(({ name }) => name)
}

async function contentBytes(content: string): Promise<number> {
  let bytes = 0
  for (const shard of (await readdir(content, { withFileTypes: true })).filter(entry => entry.isDirectory())) {
    const directory = join(content, shard.name)
    const files = await Promise.all((await filesIn(directory)).map(name => stat(join(directory, name))))
    bytes += files.reduce((sum, { size }) => sum + size, 0)
  }
  return bytes
}

async function unlessMissing<Result>(operation: Promise<Result>): Promise<Result | undefined> {
  try {
    return await operation
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
