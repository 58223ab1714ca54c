import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3'
import { isMissingObject } from './s3-errors.ts'

/**
 * Ends the unfinished uploads that began before a time, on all pages of their list. It skips those that others end meanwhile.
 * @param before milliseconds since 1970
 */
export async function abortUploads(
  client: S3Client,
  { Bucket, Prefix }: { Bucket: string; Prefix: string },
  before: number,
  options: { requestTimeout: number },
): Promise<void> {
  const abort = async (upload: { Key: string; UploadId: string }) => {
    try {
      await client.send(new AbortMultipartUploadCommand({ Bucket, ...upload }), options)
    } catch (error) {
      if (!isMissingObject(error)) throw error
    }
  }
  let from: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (;;) {
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix, ...from }), options)
    for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
      if (Key !== undefined && UploadId !== undefined && Initiated && Initiated.getTime() < before)
        await abort({ Key, UploadId })
    const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    if (!IsTruncated || KeyMarker === undefined || UploadIdMarker === undefined) return
    from = { KeyMarker, UploadIdMarker }
  }
}
