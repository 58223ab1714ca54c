import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ReceivedFile } from '../../received-file.ts'
import type { Removal } from '../content-claims.ts'
import { ContentGone, type ContentRange } from '../content-store.ts'
import { abortUploads } from './abort-uploads.ts'
import { deleteInTime } from './delete-in-time.ts'
import { asking, isMissingObject, retrying, statusOf } from './s3-errors.ts'
import { type S3Patience, usualPatience } from './s3-patience.ts'
import { multipartBytes, sendInParts } from './send-in-parts.ts'
import { followServerClock } from './server-clock.ts'

/** Place of content in S3. `prefix`: beginning of all keys, without slashes at its ends; empty if there is none. */
export type S3Location = { bucket: string; prefix: string }

/**
 * Content in a bucket, under keys such as `PREFIX/content/sha256/ab/abcdef...`. All methods but `open` throw `TUREEN_CONTENT_UNAVAILABLE` if
 * the S3 server cannot be used.
 */
export type Bucket = {
  /** Returns the size in bytes of an object; undefined without it. */
  find(sha256: string): Promise<{ bytes: number } | undefined>
  /**
   * Sends a local file, unless the bucket has an object of its content and size. The object is visible only when it is whole.
   * @param replace true if an object that is there holds other bytes. @returns true if there was no object
   */
  send(file: ReceivedFile, replace: boolean): Promise<boolean>
  /**
   * Opens an object, or a part of it. `bytes`: size of the part, which ends with the object; `total`: size of the object.
   * @throws ContentGone; any error of the SDK, so that the caller can try again
   */
  open(
    sha256: string,
    range: ContentRange | null,
    signal: AbortSignal,
  ): Promise<{ bytes: number; total: number; body: AsyncIterable<Uint8Array> }>
  /** Returns a URL that downloads an object, valid for 15 minutes. @param disposition the header Content-Disposition of the answer */
  link(sha256: string, disposition: string): Promise<string>
  /**
   * Removes an object, and what {@link Bucket.markUnused} left.
   * @param removal asked just before the request; it hears if the request may arrive later
   * @returns true if the object is gone
   */
  remove(sha256: string, removal: Removal): Promise<boolean>
  /** Notes in the bucket that no record refers to an object. Sending its content again removes the note. */
  markUnused(sha256: string): Promise<void>
  /** Returns the time of the note in milliseconds since 1970; undefined without it. */
  unusedSince(sha256: string): Promise<number | undefined>
  /** Returns the id of the store that {@link Bucket.setOwner} has noted; undefined without a note. */
  owner(): Promise<string | undefined>
  /** Notes in the bucket that the content under its prefix is of a store. */
  setOwner(id: string): Promise<void>
  /** Yields the digests of all objects, and their sizes in bytes. */
  objects(): AsyncGenerator<{ sha256: string; bytes: number }>
  /** Yields the digests of all objects. */
  list(): AsyncGenerator<string>
  /** Ends unfinished uploads that began before a time. @param before milliseconds since 1970 */
  abortUnfinished(before: number): Promise<void>
  close(): void
}

const ignore = () => undefined

/** Seconds in which a client must begin a download that it was sent to. */
const linkSeconds = 900

/**
 * Returns the content in a bucket. Credentials, region and endpoint come from the usual AWS variables.
 * @param forcePathStyle true if the bucket is a part of the path instead of the host name
 */
export function openBucket(
  { bucket, prefix }: S3Location,
  forcePathStyle: boolean,
  patience: S3Patience = usualPatience,
): Bucket {
  const { connect: connectionTimeout, silence: socketTimeout, answer: requestTimeout } = patience
  const client = new S3Client({
    forcePathStyle,
    // Content is checked by its own digest. Older servers do not know the checksums that the SDK would add.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout, socketTimeout, throwOnRequestTimeout: true },
    // The SDK would write to the console. Errors tell all that it would say.
    logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
  })
  const serverTime = followServerClock(client)
  /** Options of requests that carry no content: the server answers them soon. */
  const soon = { requestTimeout }
  const beginning = prefix === '' ? '' : `${prefix}/`
  const folder = `${beginning}content/sha256/`
  const keyIn = (parent: string, sha256: string) => {
    const hex = sha256.replace('sha256:', '')
    return `${parent}${hex.slice(0, 2)}/${hex}`
  }
  const place = (sha256: string) => ({ Bucket: bucket, Key: keyIn(folder, sha256) })
  const notePlace = (sha256: string) => ({ Bucket: bucket, Key: keyIn(`${beginning}unused/sha256/`, sha256) })
  const ownerPlace = { Bucket: bucket, Key: `${beginning}store-id` }
  /** False once the server has said that it knows no conditional writes. */
  let conditional = true

  const head = (object: ReturnType<typeof place>) =>
    asking(async () => {
      try {
        const { ContentLength = 0, LastModified } = await client.send(new HeadObjectCommand(object), soon)
        return { bytes: ContentLength, writtenAt: LastModified?.getTime() ?? 0 }
      } catch (error) {
        if (isMissingObject(error)) return undefined
        throw error
      }
    })
  const find: Bucket['find'] = sha256 => head(place(sha256))
  const removeNote = (sha256: string) => client.send(new DeleteObjectCommand(notePlace(sha256)), soon)
  /** Sends a small file in one request. @param condition of the request */
  const sendAtOnce = ({ path, sha256, bytes }: ReceivedFile, condition: { IfNoneMatch?: '*' }) =>
    retrying(() =>
      client.send(
        new PutObjectCommand({
          ...place(sha256),
          Body: bytes === 0 ? new Uint8Array(0) : createReadStream(path),
          ContentLength: bytes,
          ChecksumSHA256: Buffer.from(sha256.replace('sha256:', ''), 'hex').toString('base64'),
          ...condition,
        }),
      ),
    )
  /** Sends a small file if the bucket has no such object. @returns false if it has, or if the server does not know conditions */
  const sendIfNew = async (file: ReceivedFile) => {
    try {
      await sendAtOnce(file, { IfNoneMatch: '*' })
      return true
    } catch (error) {
      if (statusOf(error) === 412) return false
      if (statusOf(error) !== 501) throw error
      conditional = false
      return false
    }
  }

  const objects: Bucket['objects'] = async function* () {
    const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: folder }, soon)
    for (;;) {
      const page = await asking(() => pages.next())
      if (page.done) return
      for (const { Key = '', Size = 0 } of page.value.Contents ?? []) {
        const sha256 = `sha256:${Key.slice(Key.lastIndexOf('/') + 1)}`
        if (/^sha256:[0-9a-f]{64}$/.test(sha256) && keyIn(folder, sha256) === Key) yield { sha256, bytes: Size }
      }
    }
  }

  return {
    find,
    send: (file, replace) =>
      asking(async () => {
        const isSmall = file.bytes < multipartBytes
        if (isSmall && conditional && !replace && (await sendIfNew(file))) return true
        const found = await find(file.sha256)
        // Remove the note first: a sweep must not go by it once the content has a record.
        if (found) await removeNote(file.sha256)
        if (replace || found?.bytes !== file.bytes)
          await (isSmall ? sendAtOnce(file, {}) : sendInParts(client, place(file.sha256), file, soon))
        return !found
      }),
    open: async (sha256, range, signal) => {
      const wanted = range ? { Range: `bytes=${range.start}-${range.start + range.length - 1}` } : {}
      try {
        const command = new GetObjectCommand({ ...place(sha256), ...wanted })
        const { Body, ContentLength, ContentRange } = await client.send(command, { abortSignal: signal, ...soon })
        if (!(Body instanceof Readable) || ContentLength === undefined) throw new TypeError('an object without a body')
        return { bytes: ContentLength, total: Number(ContentRange?.split('/')[1] ?? ContentLength), body: Body }
      } catch (error) {
        if (isMissingObject(error)) throw new ContentGone(sha256)
        throw error
      }
    },
    link: (sha256, disposition) => {
      const answer = { ResponseContentDisposition: disposition, ResponseContentType: 'application/octet-stream' }
      const command = new GetObjectCommand({ ...place(sha256), ...answer })
      return asking(() => getSignedUrl(client, command, { expiresIn: linkSeconds }))
    },
    remove: (sha256, removal) =>
      asking(async () => {
        await removeNote(sha256)
        // First the time, then the question: a process that is frozen afterwards sends a request that has expired.
        const since = serverTime()
        if (!removal.isAllowed()) return false
        await deleteInTime(client, place(sha256), since, removal, patience)
        return true
      }),
    markUnused: sha256 =>
      asking(async () => {
        await client.send(new PutObjectCommand({ ...notePlace(sha256), Body: new Uint8Array(0) }), soon)
      }),
    unusedSince: async sha256 => (await head(notePlace(sha256)))?.writtenAt,
    owner: () =>
      asking(async () => {
        try {
          return await (await client.send(new GetObjectCommand(ownerPlace), soon)).Body?.transformToString()
        } catch (error) {
          if (isMissingObject(error)) return undefined
          throw error
        }
      }),
    setOwner: id =>
      asking(async () => {
        await client.send(new PutObjectCommand({ ...ownerPlace, Body: id }), soon)
      }),
    objects,
    async *list() {
      for await (const { sha256 } of objects()) yield sha256
    },
    abortUnfinished: before => asking(() => abortUploads(client, { Bucket: bucket, Prefix: folder }, before, soon)),
    close: () => client.destroy(),
  }
}
