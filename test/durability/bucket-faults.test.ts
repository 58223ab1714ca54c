import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ReadableStream } from 'node:stream/web'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBucket } from '../../src/storage/content/s3/bucket.ts'
import { openS3Content } from '../../src/storage/content/s3/open-s3-content.ts'
import { type S3Patience, usualPatience } from '../../src/storage/content/s3/s3-patience.ts'
import { sha256OfFile } from '../../src/threads/hash-file.ts'
import { batchesHere } from '../support/batches-here.ts'
import { temporaryDirectory } from '../support/server.ts'
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts'

let s3: SmallS3
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  s3 = await startSmallS3()
  Object.assign(process.env, s3.variables)
  directory = await temporaryDirectory()
})
afterEach(async () => {
  for (const name of Object.keys(s3.variables)) delete process.env[name]
  await s3.close()
  await directory.remove()
})

const place = { bucket: 'bucket', prefix: '' }
const sha256 = `sha256:${'5'.repeat(64)}`
const file = { path: '/nowhere', sha256, bytes: 0 }
const never = new AbortController().signal
/** A removal that is always allowed. `late`: the milliseconds in which it may arrive. */
const removal = () => ({
  late: [] as number[],
  isAllowed: () => true,
  mayArriveLate(milliseconds: number) {
    this.late.push(milliseconds)
  },
})

/** Opens a bucket that waits less than usual, so that tests are quick. */
const open = (patience: Partial<S3Patience> = {}) => openBucket(place, true, { ...usualPatience, ...patience })
const isDelete = ({ method }: { method?: string | undefined }) => method === 'DELETE'
/** Deletions of content itself, not of notes beside it. */
const isRemoval = (request: { method?: string | undefined; url?: string | undefined }) =>
  isDelete(request) && request.url?.includes('/content/') === true

test('a deletion that the S3 server reads after its time removes nothing, whatever its clock says', async () => {
  for (const clockAhead of [0, -7_200_000, 7_200_000]) {
    s3.clockAhead = clockAhead
    const bucket = open({ answer: 1000 })
    await bucket.send(file, false)
    s3.freeze(isRemoval)
    const late = removal()
    await expect(bucket.remove(sha256, late)).rejects.toMatchObject({ code: 'TUREEN_CONTENT_UNAVAILABLE' })
    expect(late.late).toEqual([usualPatience.deletionSeconds * 1000 + usualPatience.clockMilliseconds])
    s3.clockAhead += usualPatience.deletionSeconds * 1000 + 1000
    expect(await s3.thaw()).toEqual([403])
    expect(s3.keys()).toHaveLength(1)
    // In time it does.
    const next = removal()
    expect(await bucket.remove(sha256, next)).toBe(true)
    expect([s3.keys(), next.late]).toEqual([[], []])
    bucket.close()
  }
})

test('a process that is frozen between its decision and the request removes nothing', async () => {
  const bucket = open()
  await bucket.send(file, false)
  const frozen = {
    ...removal(),
    isAllowed() {
      s3.clockAhead += (usualPatience.deletionSeconds + 1) * 1000
      return true
    },
  }
  await expect(bucket.remove(sha256, frozen)).rejects.toMatchObject({ errors: [{ actual: '403 DeletionRefused' }] })
  expect(s3.keys()).toHaveLength(1)
  bucket.close()
})

test('content that is added again while its deletion may still arrive is there afterwards', async () => {
  const patience = { ...usualPatience, answer: 300, deletionSeconds: 1, clockMilliseconds: 1_000 }
  const { content, contentFiles, close } = await openS3Content(directory.path, {
    settings: { ...place, pathStyle: true, redirects: false, cacheBytes: 1 << 30 },
    maximumBytes: 0,
    storedBytes: async () => 0,
    graceMilliseconds: 0,
    batches: batchesHere,
    hash: async path => sha256OfFile(path),
    onReceived: () => undefined,
    clock: Date.now,
    patience,
  })
  const add = async () => {
    const received = await contentFiles.receive(ReadableStream.from([Buffer.from('twice')]))
    await content.put([received])
    return received.sha256
  }
  const added = await add()
  s3.freeze(isRemoval)
  await content.remove(added)
  let isAdded = false
  const again = add().then(() => {
    isAdded = true
  })
  await delay(500)
  expect(isAdded).toBe(false)
  await s3.thaw()
  await again
  expect(s3.keys()).toHaveLength(1)
  const lease = await content.lease(added, never)
  lease.release()
  close()
})

test('all unfinished uploads end that began before a time, however many they are', async () => {
  const [old, young] = [new Date(1000), new Date(3000)]
  for (let index = 0; index < 2300; index += 1) {
    const key = `content/sha256/${String(index % 700).padStart(4, '0')}`
    s3.uploads.set(`id-${index}`, { key, initiated: index % 50 === 0 ? old : young })
  }
  const bucket = open()
  await bucket.abortUnfinished(2000)
  expect([...s3.uploads.values()].every(({ initiated }) => initiated === young)).toBe(true)
  expect(s3.uploads.size).toBe(2254)
  bucket.close()
})

test('a frozen S3 server is noticed within the bounds of each request, which are some 30 seconds at most', async () => {
  const [answer, silence] = [400, 1000]
  const bucket = open({ answer, silence })
  s3.freeze()
  /** Three answers to wait for, and the waits between them. */
  const most = 3 * answer + 1000
  const path = join(directory.path, 'content')
  await writeFile(path, 'content')
  const content = { path, sha256, bytes: 7 }
  const asked: Record<string, [() => Promise<unknown>, number]> = {
    find: [() => bucket.find(sha256), most],
    open: [() => bucket.open(sha256, null, never), most],
    remove: [() => bucket.remove(sha256, removal()), most],
    list: [() => bucket.list().next(), most],
    markUnused: [() => bucket.markUnused(sha256), most],
    abortUnfinished: [() => bucket.abortUnfinished(0), most],
    send: [() => bucket.send(content, false), silence + 500],
    replace: [() => bucket.send(content, true), most],
  }
  const waited = async ([ask, bound]: [() => Promise<unknown>, number]) => {
    const began = performance.now()
    await expect(ask()).rejects.toThrow()
    return performance.now() - began < bound
  }
  const inTime = await Promise.all(Object.values(asked).map(waited))
  expect(Object.keys(asked).filter((_, index) => !inTime[index])).toEqual([])
  // The SDK waits less than a second before a repetition.
  expect(3 * usualPatience.answer + 3000).toBeLessThan(30_000)
  // It looks at a connection from its third second on.
  expect(usualPatience.silence + 3000).toBeLessThan(35_000)
  await s3.thaw()
  // A late upload of content does no harm.
  expect(await bucket.find(sha256)).toMatchObject({ bytes: 7 })
  bucket.close()
})
