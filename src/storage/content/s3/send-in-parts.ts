import { createReadStream } from 'node:fs'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { inParallel } from '../../in-parallel.ts'
import type { ReceivedFile } from '../../received-file.ts'
import { isSilence, retrying } from './s3-errors.ts'

/** Files of so many bytes and more are sent in parts, which are at least as large. */
export const multipartBytes = 16 << 20

/** Most parts of an upload that S3 takes. */
const maximumParts = 10_000

/**
 * Sends a file in parts, four at a time. The object becomes visible with the last request; a failure leaves none.
 * @param options of the requests that carry no content and need no long work of the server
 */
export async function sendInParts(
  client: S3Client,
  place: { Bucket: string; Key: string },
  { path, bytes }: ReceivedFile,
  options: { requestTimeout: number },
): Promise<void> {
  const partBytes = Math.max(multipartBytes, Math.ceil(bytes / maximumParts))
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(place), options)
  const upload = { ...place, UploadId }
  const sent: CompletedPart[] = []
  const sendPart = async (index: number) => {
    const start = index * partBytes
    const length = Math.min(partBytes, bytes - start)
    const Body = createReadStream(path, { start, end: start + length - 1 })
    const part = { PartNumber: index + 1 }
    const { ETag } = await client.send(new UploadPartCommand({ ...upload, ...part, Body, ContentLength: length }))
    sent[index] = { ...part, ETag }
  }
  try {
    const indexes = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => index)
    await inParallel(indexes, index => retrying(() => sendPart(index)))
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: sent } }))
  } catch (error) {
    // If this fails too, a sweep ends the upload.
    const aborted = client.send(new AbortMultipartUploadCommand(upload), options).catch(() => undefined)
    if (!isSilence(error)) await aborted
    throw error
  }
}
