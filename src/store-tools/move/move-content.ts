import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Bucket, openBucket, type S3Location } from '../../storage/content/s3/bucket.ts'
import { contentPath } from '../../storage/file-names.ts'
import { inParallel } from '../../storage/in-parallel.ts'
import { unlessMissing } from '../../storage/missing-file.ts'
import type { RecordedFile } from '../recorded-files.ts'
import type { MoveReport } from './move-report.ts'

/** Runs `use` with an open bucket. */
export async function withBucket<Result>(
  location: S3Location & { pathStyle: boolean },
  use: (bucket: Bucket) => Promise<Result>,
): Promise<Result> {
  const bucket = openBucket(location, location.pathStyle)
  try {
    return await use(bucket)
  } finally {
    bucket.close()
  }
}

/** Numbers of sent files and their bytes, and of files that were in the bucket already. */
export type SentContent = { sent: number; bytes: number; present: number }

/** Files between two lines that tell of them, and bytes. */
const [filesTold, bytesTold] = [1000, 1 << 30]

/**
 * Sends the content of all records to a bucket, four files at a time. It hashes each file, and skips those that the bucket has in full size.
 * Missing and damaged files are told, and not sent.
 * @param directory the folder `content` of the data directory
 */
export async function moveContent(
  bucket: Bucket,
  directory: string,
  files: ReadonlyMap<string, RecordedFile>,
  { say, onFinding }: MoveReport,
): Promise<SentContent> {
  const done: SentContent = { sent: 0, bytes: 0, present: 0 }
  let [filesBefore, bytesBefore] = [0, 0]
  await inParallel(files, async ([sha256, file]) => {
    if ((await bucket.find(sha256))?.bytes === file.bytes) done.present += 1
    else {
      const path = join(directory, contentPath(sha256))
      const damage = await damageOf(path, sha256, file.bytes)
      if (damage !== null) {
        const message = `${damage}, and was not sent; it belongs to ${file.holder}`
        return onFinding({ place: `content/${contentPath(sha256)}`, message })
      }
      await bucket.send({ path, sha256, bytes: file.bytes }, false)
      done.sent += 1
      done.bytes += file.bytes
    }
    const [filesNow, bytesNow] = [done.sent + done.present, done.bytes]
    if (filesNow - filesBefore < filesTold && bytesNow - bytesBefore < bytesTold) return undefined
    ;[filesBefore, bytesBefore] = [filesNow, bytesNow]
    say(`${filesNow.toLocaleString('en')} of ${files.size.toLocaleString('en')} files are in the bucket`)
    return undefined
  })
  return done
}

/** Returns the number of files that the bucket has in full size. It changes nothing. */
export async function presentContent(bucket: Bucket, files: ReadonlyMap<string, RecordedFile>): Promise<number> {
  let present = 0
  await inParallel(files, async ([sha256, { bytes }]) => {
    if ((await bucket.find(sha256))?.bytes === bytes) present += 1
  })
  return present
}

/** Returns the damage of a file in words; null if it has its size and digest. */
async function damageOf(path: string, sha256: string, bytes: number): Promise<string | null> {
  const found = await unlessMissing(stat(path))
  if (!found?.isFile()) return 'is missing'
  if (found.size !== bytes) return `has ${found.size} bytes and should have ${bytes}`
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  } catch (error) {
    return `cannot be read (${error instanceof Error ? error.message : error})`
  }
  const digest = `sha256:${hash.digest('hex')}`
  return digest === sha256 ? null : `is damaged: its digest is ${digest}`
}

/**
 * Refuses a bucket with content of another store: each server deletes content that its own records do not name.
 * @param id the id of the store
 * @returns true if an earlier run has begun to fill the bucket; false if it is empty
 */
export async function requireBucket(bucket: Bucket, id: string, place: string): Promise<boolean> {
  const owner = await bucket.owner()
  if (owner === id) return true
  const { done } = await bucket.list().next()
  if (owner === undefined && done) return false
  const holder = owner === undefined ? 'of a store that is not known' : `of the store ${owner}`
  throw new Error(
    `The bucket ${place} holds content ${holder}, and the data directory the store ${id}. Nothing was sent. Name another prefix, or an empty bucket.`,
  )
}
