import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type FileBatches, filesInBatch, leastInThreads } from '../file-batches.ts'
import type { FileState } from '../file-state.ts'
import { flushDirectory } from '../flush-directory.ts'
import { inParallel } from '../in-parallel.ts'
import type { ReceivedFile } from '../received-file.ts'
import type { Room } from '../room.ts'
import type { Quarantine } from './quarantine.ts'

/** Moves files of different content to the paths of their digests, durably. @returns their states by these paths */
export type PublishFiles = (files: readonly ReceivedFile[]) => Promise<Map<string, FileState>>

type Store = {
  /** The directory of the content. */
  content: string
  /** Returns the path of the content with a digest. */
  path(sha256: string): string
  room: Room
  quarantine: Quarantine
  few: FileBatches
  batches: FileBatches
}

export function createPublisher({ content, path, room, quarantine, few, batches }: Store): PublishFiles {
  const flushedShards = new Set<string>()
  const pathOf = ({ sha256 }: ReceivedFile) => path(sha256)

  const moveSome = async (run: FileBatches, files: readonly ReceivedFile[], states: Map<string, FileState>) => {
    const existing = await run.exist(files.map(pathOf))
    for (const [index, { path: from, bytes }] of files.entries()) room.settle(from, existing[index] ? 0 : bytes)
    const moved = await run.move(files.map(file => ({ from: file.path, to: pathOf(file) })))
    for (const [index, state] of moved.states.entries()) {
      const file = files[index]
      if (!file) throw new RangeError('more files were renamed than there are')
      room.keep(file.path)
      states.set(pathOf(file), state)
      await quarantine.drop(file.sha256)
    }
    if (moved.failure) throw Object.assign(new Error(moved.failure.message), { code: moved.failure.code })
  }

  return async files => {
    const shards = new Set(files.map(file => dirname(pathOf(file))))
    await inParallel(shards, shard => mkdir(shard, { recursive: true }))
    // An existing directory may not have been flushed before a crash, so flush it once.
    if ([...shards].some(shard => !flushedShards.has(shard))) await flushDirectory(content)
    for (const shard of shards) flushedShards.add(shard)
    const states = new Map<string, FileState>()
    const [run, size] = files.length < leastInThreads ? ([few, 1] as const) : ([batches, filesInBatch] as const)
    await inParallel(piecesOf(files, size), some => moveSome(run, some, states))
    await inParallel(shards, flushDirectory)
    return states
  }
}

/** Yields the items in lists of `size`; the last one may be shorter. */
function* piecesOf<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}
