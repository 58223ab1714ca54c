import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pLimit from 'p-limit'
import { fileState } from '../../file-state.ts'
import type { ReceivedFile } from '../../received-file.ts'
import type { Room } from '../../room.ts'
import { type HashFile, soundFiles } from '../../sound-files.ts'
import type { Removal, RemoveUnneeded } from '../content-claims.ts'
import { ContentDamaged, ContentGone, type ContentRange, type ContentStore } from '../content-store.ts'
import { createDigestTurns } from '../digest-turns.ts'
import type { HeldFiles } from '../held-files.ts'
import { readPieces } from '../read-pieces.ts'
import type { Bucket } from './bucket.ts'
import { createFills } from './fills.ts'
import { createLateRemovals } from './late-removals.ts'
import type { LocalCache } from './local-cache.ts'
import { asking, retrying, statusOf } from './s3-errors.ts'

/** Files that are sent at a time. */
const sentAtOnce = 8

/** Milliseconds after which an unfinished upload into the bucket is given up. No upload of a client takes so long. */
const unfinishedMilliseconds = 86_400_000

/** Parts of {@link createS3Content}. */
export type S3Parts = {
  bucket: Bucket
  /** True if clients download from the bucket themselves. */
  redirects: boolean
  cache: LocalCache
  held: HeldFiles
  /** Room of the store, which counts objects once they are sent. */
  quota: Pick<Room, 'settle' | 'keep' | 'forget' | 'shrink'>
  /** Room of the local disk, which counts copies. */
  disk: Room
  /** Returns a new path for a copy that is not complete. */
  incomingPath(): string
  /** Reads a file to its end, off the event loop. */
  hash: HashFile
  /** Milliseconds that content without a record stays in the bucket. */
  graceMilliseconds: number
  /** Runs removals that respect the other servers of the store; undefined if this server has it alone. */
  removeUnneeded: RemoveUnneeded | undefined
  /** Returns milliseconds since 1970. */
  clock: () => number
}

/**
 * Returns content in S3 with local copies. A put sends the file, and then makes it a copy. A lease fills the cache, and keeps the copy there.
 * The digest of each copy is checked when it arrives, and once more after a start.
 */
export function createS3Content(parts: S3Parts): ContentStore {
  const { bucket, redirects, cache, held, quota, disk, incomingPath, hash, graceMilliseconds, removeUnneeded, clock } =
    parts
  const sound = soundFiles(hash)
  const inTurn = createDigestTurns()
  const sending = pLimit(sentAtOnce)
  /** Digests of objects that were read and held other bytes. The next put replaces them. */
  const wrong = new Set<string>()
  /** Digests of objects that could not be removed. They still count in the quota. */
  const left = new Set<string>()
  const late = createLateRemovals()
  const wrongBytes = (sha256: string) => {
    wrong.add(sha256)
    return new ContentDamaged(sha256, 'holds other bytes in the S3 bucket')
  }

  /** Makes a local file the copy of its content. */
  const keepCopy = async (file: ReceivedFile) => {
    disk.settle(file.path, file.bytes)
    await cache.adopt(file)
    disk.keep(file.path)
    const path = cache.path(file.sha256)
    sound.trust(path, await fileState(path))
  }
  const download = async (sha256: string, path: string, signal: AbortSignal) => {
    const { bytes, body } = await bucket.open(sha256, null, signal)
    disk.claim(path, bytes)
    const found = createHash('sha256')
    const hashing = async function* (source: AsyncIterable<Uint8Array>) {
      for await (const chunk of source) {
        found.update(chunk)
        yield chunk
      }
    }
    await pipeline(body, hashing, createWriteStream(path, { flags: 'wx' }), { signal })
    if (`sha256:${found.digest('hex')}` === sha256) return { path, sha256, bytes }
    throw wrongBytes(sha256)
  }
  /** Yields a part of an object. Of a whole object it compares the digest, before it yields the last piece. */
  const readObject = async function* (sha256: string, range: ContentRange, signal: AbortSignal) {
    const open = () =>
      bucket.open(sha256, range, signal).catch((error: unknown) => {
        throw statusOf(error) === 416 ? wrongBytes(sha256) : error
      })
    const { bytes, total, body } = await asking(open)
    if (bytes !== range.length) throw wrongBytes(sha256)
    const found = createHash('sha256')
    const pieces = body[Symbol.asyncIterator]()
    let last: Uint8Array | undefined
    for (;;) {
      const piece = await asking(() => pieces.next())
      if (piece.done) break
      found.update(piece.value)
      if (last) yield last
      last = piece.value
    }
    if (bytes === total && `sha256:${found.digest('hex')}` !== sha256) throw wrongBytes(sha256)
    if (last) yield last
  }
  const fill = async (sha256: string, signal: AbortSignal) => {
    const path = incomingPath()
    try {
      await keepCopy(await download(sha256, path, signal))
    } catch (error) {
      await unlink(path).catch(() => undefined)
      disk.forget(path)
      throw error
    }
  }
  const fills = createFills((sha256, signal) => asking(() => retrying(() => fill(sha256, signal)), signal))
  const drop = (sha256: string) => {
    sound.forget(cache.path(sha256))
    cache.drop(sha256)
  }
  /** True if there is a copy that holds the right bytes. It deletes a damaged one, which the bucket replaces. */
  const hasCopy = async (sha256: string, signal: AbortSignal) => {
    if (!cache.has(sha256)) return false
    if ((await sound.check(cache.path(sha256), sha256, signal)) === null) return true
    drop(sha256)
    return false
  }
  const send = (file: ReceivedFile) =>
    sending(async () => {
      await late.wait(file.sha256)
      const isNew = await bucket.send(file, wrong.has(file.sha256))
      for (const digests of [wrong, left]) digests.delete(file.sha256)
      quota.settle(file.path, isNew ? file.bytes : 0)
      await keepCopy(file)
      quota.keep(file.path)
    })
  /** Removes an object and its copy. It never throws: a later sweep finds what is left. @returns true if the object is gone */
  const removeObject = async (sha256: string, removal: Removal) => {
    try {
      const object = await bucket.find(sha256)
      if (!object) return false
      if (!(await bucket.remove(sha256, removal))) return false
      quota.shrink(object.bytes)
      return true
    } catch {
      left.add(sha256)
      return false
    }
  }
  /** Removes an object that has had no record for long enough, or notes since when it has none. */
  const retireObject = async (sha256: string, removal: Removal) => {
    try {
      const object = await bucket.find(sha256)
      if (!object) return false
      const since = graceMilliseconds === 0 ? 0 : await bucket.unusedSince(sha256)
      if (since === undefined) await bucket.markUnused(sha256)
      if (since === undefined || since > clock() - graceMilliseconds) return false
      if (!(await bucket.remove(sha256, removal))) return false
      // Objects that an earlier process left are not counted.
      if (left.delete(sha256)) quota.shrink(object.bytes)
      return true
    } catch {
      return false
    }
  }

  return {
    path: cache.path,
    digestAt: path => `sha256:${basename(path)}`,
    async put(files) {
      const once = new Map(files.map(file => [file.sha256, file]))
      for (const sha256 of once.keys()) held.keep(sha256)
      const sent = await Promise.allSettled(once.values().map(file => inTurn([file.sha256], () => send(file))))
      const failed = sent.find(each => each.status === 'rejected')
      if (failed) throw failed.reason
      for (const { path } of files) {
        await unlink(path).catch(() => undefined)
        disk.forget(path)
        quota.forget(path)
      }
    },
    async lease(sha256, signal) {
      const release = held.hold(sha256)
      try {
        if (!(await hasCopy(sha256, signal))) await fills.wait(sha256, signal)
        return { path: cache.path(sha256), release }
      } catch (error) {
        release()
        throw error
      }
    },
    async damage(sha256, signal) {
      if (held.isHeld(sha256) && cache.has(sha256)) return sound.check(cache.path(sha256), sha256, signal)
      await hasCopy(sha256, signal)
      return null
    },
    // The S3 server looks after its own disks.
    verify: async () => undefined,
    async *read(sha256, range) {
      const over = new AbortController()
      const release = held.hold(sha256)
      try {
        if (await hasCopy(sha256, over.signal)) yield* readPieces(cache.path(sha256), range)
        else if (range.length > 0) yield* readObject(sha256, range, over.signal)
        else if (!(await bucket.find(sha256))) throw new ContentGone(sha256)
      } finally {
        over.abort()
        release()
      }
    },
    async link(sha256, disposition) {
      if (!redirects) return null
      if (await bucket.find(sha256)) return bucket.link(sha256, disposition)
      throw new ContentGone(sha256)
    },
    list: bucket.list,
    remove: removeUnneeded
      ? sha256 =>
          inTurn([sha256], async () => {
            const isRemoved = await removeUnneeded(sha256, removal => removeObject(sha256, removal)).catch(() => false)
            // A leased copy stays until the cache needs its place: another server may add the content again at any time.
            if (isRemoved && !held.isHeld(sha256)) drop(sha256)
          })
      : sha256 =>
          held.whenFree(sha256, () =>
            inTurn([sha256], async () => {
              await removeObject(sha256, late.begin(sha256))
              drop(sha256)
            }),
          ),
    retire: sha256 =>
      inTurn([sha256], async () => {
        if (held.isHeld(sha256)) return false
        const retire = (removal: Removal) => retireObject(sha256, removal)
        const isRemoved =
          (await (removeUnneeded ? removeUnneeded(sha256, retire) : retire(late.begin(sha256)))) ?? false
        if (isRemoved) drop(sha256)
        return isRemoved
      }),
    abandonUnfinished: () => bucket.abortUnfinished(clock() - unfinishedMilliseconds),
    leases: held.count,
  }
}
