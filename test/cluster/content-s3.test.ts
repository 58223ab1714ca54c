import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteInTime } from '../../src/storage/content/s3/delete-in-time.ts'
import { openS3Content } from '../../src/storage/content/s3/open-s3-content.ts'
import { usualPatience } from '../../src/storage/content/s3/s3-patience.ts'
import { sha256OfFile } from '../../src/threads/hash-file.ts'
import { batchesHere } from '../support/batches-here.ts'
import { describeContentStore } from '../support/content-store-suite.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let s3: S3Server
beforeAll(async () => {
  s3 = await startS3()
  Object.assign(process.env, s3.variables)
}, 240_000)
afterAll(async () => {
  for (const name of Object.keys(s3.variables)) delete process.env[name]
  await s3.remove()
})

const never = AbortSignal.any([])
const unavailable = { code: 'TUREEN_CONTENT_UNAVAILABLE' }

/** Opens content in a bucket, with copies in a directory. Nothing was in a cache of a new directory. */
async function openIn(
  bucket: string,
  directory: string,
  cacheBytes = 1 << 30,
  clock = Date.now,
  { graceMilliseconds = 0, maximumBytes = 0, storedBytes = 0 } = {},
) {
  const settings = { bucket, prefix: 'some/prefix', pathStyle: true, redirects: false, cacheBytes }
  const limits = { maximumBytes, storedBytes: async () => storedBytes, graceMilliseconds }
  const hash = async (path: string) => sha256OfFile(path)
  return openS3Content(directory, {
    settings,
    ...limits,
    batches: batchesHere,
    hash,
    onReceived: () => undefined,
    // Writes are in full seconds there.
    clock: () => clock() + 2000,
  })
}

describeContentStore('a bucket of S3', async () => {
  const directory = await temporaryDirectory()
  const store = await openIn(await s3.createBucket(), directory.path)
  return {
    ...store,
    async close() {
      store.close()
      await directory.remove()
    },
  }
})

describe('copies of content in S3', () => {
  let bucket: string
  let directories: Awaited<ReturnType<typeof temporaryDirectory>>[]
  let stores: Awaited<ReturnType<typeof openIn>>[]
  beforeEach(async () => {
    bucket = await s3.createBucket()
    directories = []
    stores = []
  })
  afterEach(async () => {
    for (const store of stores) {
      expect(store.content.leases()).toBe(0)
      store.close()
    }
    for (const directory of directories) await directory.remove()
  })

  /** Opens a server's part of the store, on a disk of its own. */
  async function open(cacheBytes?: number, clock?: () => number, limits?: Parameters<typeof openIn>[4]) {
    const directory = await temporaryDirectory()
    directories.push(directory)
    const store = await openIn(bucket, directory.path, cacheBytes, clock, limits)
    stores.push(store)
    return store
  }
  type Store = Awaited<ReturnType<typeof open>>
  const put = async ({ content, contentFiles }: Store, bytes: Uint8Array) => {
    const file = await contentFiles.receive(ReadableStream.from([Uint8Array.from(bytes)]))
    await content.put([file])
    return file.sha256
  }
  const key = (sha256: string) => {
    const hex = sha256.replace('sha256:', '')
    return `some/prefix/content/sha256/${hex.slice(0, 2)}/${hex}`
  }
  const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

  test('another server finds the content under its key, and brings it to its own disk', async () => {
    const [one, other] = [await open(), await open()]
    const bytes = randomBytes(300_000)
    const sha256 = await put(one, bytes)
    const object = await s3.client.send(new HeadObjectCommand({ Bucket: bucket, Key: key(sha256) }))
    expect(object.ContentLength).toBe(bytes.length)
    const lease = await other.content.lease(sha256, never)
    expect(await readFile(lease.path)).toEqual(bytes)
    lease.release()
  })

  test('the S3 server refuses a deletion whose time is over', async () => {
    const store = await open()
    const sha256 = await put(store, randomBytes(100))
    const place = { Bucket: bucket, Key: key(sha256) }
    const removal = { mayArriveLate: () => undefined }
    const deletedSince = (seconds: number) => {
      const since = new Date(Date.now() - seconds * 1000)
      return deleteInTime(s3.client, place, since, removal, usualPatience)
    }
    await expect(deletedSince(usualPatience.deletionSeconds + 5)).rejects.toMatchObject({ name: 'DeletionRefused' })
    await s3.client.send(new HeadObjectCommand(place))
    await deletedSince(usualPatience.deletionSeconds / 2)
    await expect(s3.client.send(new HeadObjectCommand(place))).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('large content goes in parts, and comes back whole', async () => {
    const [one, other] = [await open(), await open()]
    const bytes = randomBytes((40 << 20) + 17)
    const sha256 = await put(one, bytes)
    const lease = await other.content.lease(sha256, never)
    expect(digestOf(await readFile(lease.path))).toBe(sha256)
    lease.release()
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    expect(Uploads).toEqual([])
  })

  test('the cache keeps what was used last, never deletes what is leased, and refuses what does not fit beside it', async () => {
    const megabyte = 1 << 20
    const one = await open()
    const digests = []
    for (let index = 0; index < 4; index += 1) digests.push(await put(one, randomBytes(8 * megabyte)))
    const [a = '', b = '', c = '', d = ''] = digests
    const { content } = await open(20 * megabyte)
    const lease = async (sha256: string) => content.lease(sha256, never)
    const isHere = (sha256: string) => existsSync(content.path(sha256))
    ;(await lease(a)).release()
    ;(await lease(b)).release()
    ;(await lease(a)).release()
    const held = await lease(c)
    expect([a, b, c].map(isHere)).toEqual([true, false, true])
    const alsoHeld = await lease(a)
    await expect(lease(d)).rejects.toMatchObject({
      code: 'TUREEN_STORE_FULL',
      errors: [{ field: 'TUREEN_CACHE_BYTES' }],
    })
    expect([a, c].map(isHere)).toEqual([true, true])
    held.release()
    const last = await lease(d)
    expect([a, c, d].map(isHere)).toEqual([true, false, true])
    for (const each of [last, alsoHeld]) each.release()
  })

  test('leases at the same time share one download, which ends when all have given up', async () => {
    const one = await open()
    const sha256 = await put(one, randomBytes(30 << 20))
    // A second download would not fit.
    const { content } = await open(32 << 20)
    const leases = await Promise.all(Array.from({ length: 5 }, () => content.lease(sha256, never)))
    for (const lease of leases) lease.release()

    const { content: third } = await open(32 << 20)
    const giveUp = new AbortController()
    const waiting = [third.lease(sha256, giveUp.signal), third.lease(sha256, giveUp.signal)]
    giveUp.abort(new Error('given up'))
    for (const each of waiting) await expect(each).rejects.toThrow('given up')
    const lease = await third.lease(sha256, never)
    lease.release()
  })

  test('a copy that was damaged or deleted is replaced', async () => {
    const store = await open()
    const bytes = randomBytes(50_000)
    const sha256 = await put(store, bytes)
    const path = store.content.path(sha256)
    await appendFile(path, 'more')
    const lease = await store.content.lease(sha256, never)
    expect(await readFile(path)).toEqual(bytes)
    lease.release()
    await rm(path)
    const again = await store.content.lease(sha256, never)
    expect(await readFile(path)).toEqual(bytes)
    again.release()
  })

  test('copies outlive a restart, and are checked before they are used', async () => {
    const directory = await temporaryDirectory()
    directories.push(directory)
    const first = await openIn(bucket, directory.path)
    const [whole, torn] = [randomBytes(50_000), randomBytes(50_000)]
    const [kept, damaged] = [await put(first, whole), await put(first, torn)]
    first.close()
    await appendFile(first.content.path(damaged), 'x')
    const { ino } = await stat(first.content.path(kept))
    const second = await openIn(bucket, directory.path)
    stores.push(second)
    for (const [sha256, bytes] of [
      [kept, whole],
      [damaged, torn],
    ] as const) {
      const lease = await second.content.lease(sha256, never)
      expect(await readFile(lease.path)).toEqual(bytes)
      lease.release()
    }
    expect((await stat(second.content.path(kept))).ino).toBe(ino)
  })

  test('an object with other bytes than its digest says is never used', async () => {
    const { content } = await open()
    const sha256 = digestOf(Buffer.from('what was meant'))
    await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: key(sha256), Body: 'what is there!' }))
    await expect(content.lease(sha256, never)).rejects.toMatchObject({ code: 'TUREEN_CONTENT_DAMAGED' })
    expect(existsSync(content.path(sha256))).toBe(false)
  })

  const overwrite = (sha256: string, Body: Buffer) =>
    s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: key(sha256), Body }))
  const read = async ({ content }: Store, sha256: string, start: number, length: number) => {
    const pieces: Uint8Array[] = []
    for await (const piece of content.read(sha256, { start, length })) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  }
  const damaged = { code: 'TUREEN_CONTENT_DAMAGED' }

  test('an object that was read and held other bytes is replaced when the same file is put again', async () => {
    for (const size of [100_000, 17 << 20]) {
      const bytes = randomBytes(size)
      const sha256 = await put(await open(), bytes)
      await overwrite(sha256, randomBytes(size))
      const reader = await open()
      await expect(reader.content.lease(sha256, never)).rejects.toMatchObject(damaged)
      await put(reader, bytes)
      expect(await read(await open(), sha256, 0, size)).toEqual(bytes)
    }
  })

  test('an object of another size is replaced by a put that nobody read before', async () => {
    for (const size of [100_000, 17 << 20]) {
      const bytes = randomBytes(size)
      const sha256 = await put(await open(), bytes)
      await overwrite(sha256, Buffer.from(bytes.subarray(0, 1000)))
      await put(await open(), bytes)
      expect(await read(await open(), sha256, 0, size)).toEqual(bytes)
    }
  })

  test('a read of a whole object never ends well with other bytes, and a read of a short one yields nothing', async () => {
    const bytes = randomBytes(300_000)
    const sha256 = await put(await open(), bytes)
    const wrong = Buffer.from(bytes)
    wrong.writeUInt8(wrong.readUInt8(7) ^ 1, 7)
    await overwrite(sha256, wrong)
    const store = await open()
    await expect(read(store, sha256, 0, bytes.length)).rejects.toMatchObject(damaged)
    await overwrite(sha256, bytes.subarray(0, 1000))
    for (const [start, length] of [
      [0, bytes.length],
      [500, 1000],
      [2000, 10],
    ] as const) {
      const pieces = store.content.read(sha256, { start, length })
      await expect(pieces.next()).rejects.toMatchObject(damaged)
    }
  })

  test('content without a record stays for its time after it was found so, however old it is', async () => {
    const hour = 3_600_000
    const limits = { graceMilliseconds: hour }
    const bytes = randomBytes(1000)
    const sha256 = await put(await open(), bytes)
    const at = (milliseconds: number) => open(undefined, () => Date.now() + milliseconds, limits)
    // A server that lost its catalog finds everything without a record.
    expect(await (await at(1000 * hour)).content.retire(sha256)).toBe(false)
    expect(await (await at(0.5 * hour)).content.retire(sha256)).toBe(false)
    // A put begins the time anew.
    await put(await open(), bytes)
    expect(await (await at(2 * hour)).content.retire(sha256)).toBe(false)
    const last = await at(2 * hour)
    expect(await last.content.retire(sha256)).toBe(true)
    expect(await Array.fromAsync(last.content.list())).toEqual([])
  })

  test('objects that an earlier process left do not count when they go', async () => {
    const left = await Promise.all([1, 2, 3].map(async () => put(await open(), randomBytes(10_000))))
    const store = await open(undefined, undefined, { maximumBytes: 25_000, storedBytes: 20_000 })
    for (const sha256 of left) expect(await store.content.retire(sha256)).toBe(true)
    await expect(put(store, randomBytes(6000))).rejects.toMatchObject({ code: 'TUREEN_STORE_FULL' })
    await put(store, randomBytes(4000))
  })

  test('a file that is put while it is fetched counts once on the disk', async () => {
    const size = 1 << 20
    const bytes = randomBytes(size)
    const sha256 = await put(await open(), bytes)
    const store = await open(3 * size)
    for (let round = 0; round < 10; round += 1) {
      const [lease] = await Promise.all([store.content.lease(sha256, never), put(store, bytes)])
      lease.release()
      await rm(store.content.path(sha256))
    }
    // All of the room is still there.
    const whole = await store.contentFiles.receive(ReadableStream.from([randomBytes(3 * size)]))
    await store.contentFiles.discard(whole.path)
  })

  test('other objects of the bucket are not content', async () => {
    const { content } = await open()
    const hex = 'a'.repeat(64)
    for (const Key of [
      'some/prefix/content/sha256/notes',
      `some/prefix/content/sha256/bb/${hex}`,
      `content/sha256/aa/${hex}`,
    ])
      await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }))
    expect(await Array.fromAsync(content.list())).toEqual([])
  })

  test('uploads in parts that began a day ago and never ended are given up, younger ones go on', async () => {
    await s3.client.send(
      new CreateMultipartUploadCommand({ Bucket: bucket, Key: key(digestOf(Buffer.from('unfinished'))) }),
    )
    const unfinished = async () =>
      (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []
    await (await open()).content.abandonUnfinished()
    expect(await unfinished()).toHaveLength(1)
    await (await open(undefined, () => Date.now() + 86_400_000)).content.abandonUnfinished()
    expect(await unfinished()).toEqual([])
  })

  test('while the server is away, puts and reads fail with one code, leases on copies go on, and then all is as before', async () => {
    const [store, other] = [await open(), await open()]
    const bytes = randomBytes(1000)
    const sha256 = await put(store, bytes)
    await s3.stop()
    try {
      await expect(put(store, randomBytes(1000))).rejects.toMatchObject(unavailable)
      await expect(other.content.lease(sha256, never)).rejects.toMatchObject(unavailable)
      await expect(Array.fromAsync(other.content.read(sha256, { start: 0, length: 10 }))).rejects.toMatchObject(
        unavailable,
      )
      const lease = await store.content.lease(sha256, never)
      expect(await readFile(lease.path)).toEqual(bytes)
      lease.release()
    } finally {
      await s3.start()
    }
    await until('the server answers again', async () =>
      put(store, bytes).then(
        () => true,
        () => false,
      ),
    )
    const lease = await other.content.lease(sha256, never)
    lease.release()
    expect(existsSync(dirname(lease.path))).toBe(true)
  })
})
