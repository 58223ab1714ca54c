import { createHash } from 'node:crypto'
import { ContentGone } from '../storage/content/content-store.ts'
import { type Bucket, openBucket, type S3Location } from '../storage/content/s3/bucket.ts'
import { asking, retrying } from '../storage/content/s3/s3-errors.ts'
import { contentPath } from '../storage/file-names.ts'
import { inParallel } from '../storage/in-parallel.ts'
import type { RecordedFile } from './recorded-files.ts'
import type { CheckedFiles, RunningCheck } from './store-check.ts'

/** Place of content in S3. `pathStyle`: true if the bucket is a part of the path. */
export type BucketPlace = S3Location & { pathStyle: boolean }

/**
 * Checks the objects of a bucket against the files of all records. Servers may run meanwhile: objects without a record are only counted.
 * @param isRecorded returns true if a record still refers to a digest
 */
export async function checkBucket(
  place: BucketPlace,
  files: CheckedFiles,
  isRecorded: (sha256: string) => Promise<boolean>,
  running: RunningCheck,
): Promise<void> {
  const bucket = openBucket(place, place.pathStyle)
  try {
    const whole = await checkSizes(bucket, files, isRecorded, running)
    if (running.deep) await checkDigests(bucket, whole, isRecorded, running)
  } finally {
    bucket.close()
  }
}

/** Compares the objects with the files of records. @returns the files whose object has the right size */
async function checkSizes(
  bucket: Bucket,
  files: CheckedFiles,
  isRecorded: (sha256: string) => Promise<boolean>,
  { check, find }: RunningCheck,
): Promise<Map<string, RecordedFile>> {
  const missing = new Map(files)
  const whole = new Map<string, RecordedFile>()
  for await (const { sha256, bytes } of bucket.objects()) {
    const file = files?.get(sha256)
    check.files += 1
    check.bytes += bytes
    missing.delete(sha256)
    if (!file) check.unrecorded += files ? 1 : 0
    else if (file.bytes === bytes) whole.set(sha256, file)
    else find(placeOf(sha256), `has ${bytes} bytes and should have ${file.bytes}; it belongs to ${file.holder}`)
  }
  for (const [sha256, { holder }] of missing)
    if (await isRecorded(sha256)) find(placeOf(sha256), `is missing in the bucket; it belongs to ${holder}`)
  return whole
}

/** Reads objects to their end, four at a time, and compares their digests. */
async function checkDigests(
  bucket: Bucket,
  files: ReadonlyMap<string, RecordedFile>,
  isRecorded: (sha256: string) => Promise<boolean>,
  { find }: RunningCheck,
): Promise<void> {
  await inParallel(files, async ([sha256, { holder }]) => {
    const found = await digestOf(bucket, sha256)
    if (found === sha256 || (found === undefined && !(await isRecorded(sha256)))) return
    const damage = found === undefined ? 'is missing in the bucket' : `is damaged: its digest is ${found}`
    find(placeOf(sha256), `${damage}; it belongs to ${holder}`)
  })
}

/** Returns the digest of the bytes of an object; undefined without it. */
function digestOf(bucket: Bucket, sha256: string): Promise<string | undefined> {
  const read = async () => {
    const hash = createHash('sha256')
    const { body } = await bucket.open(sha256, null, new AbortController().signal)
    for await (const piece of body) hash.update(piece)
    return `sha256:${hash.digest('hex')}`
  }
  return asking(() => retrying(read)).catch((error: unknown) => {
    if (error instanceof ContentGone) return undefined
    throw error
  })
}

function placeOf(sha256: string): string {
  return `content/${contentPath(sha256)}`
}
