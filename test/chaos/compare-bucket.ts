import { ListMultipartUploadsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import type { S3Server } from '../support/s3.ts'
import { until } from '../support/store-client.ts'
import type { StoreReader } from './store-reader.ts'

/**
 * Waits until a bucket holds the content of all records and nothing else. Each interruption may leave one unfinished upload in parts, which
 * servers end when it is a day old.
 * @returns what is wrong at the end, in words
 */
export async function orphansOf(
  { list }: StoreReader,
  { s3, bucket }: { s3: S3Server; bucket: string },
  interruptions: number,
  milliseconds: number,
): Promise<string[]> {
  const { client } = s3
  const compare = async () => {
    const records = [...(await list('models')), ...(await list('datasets'))]
    const recorded = new Set(records.map(({ sha256 }) => sha256.replace('sha256:', '')))
    const stored = new Set<string>()
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket }))
      for (const { Key = '' } of Contents) stored.add(Key.replace(/.*\//, ''))
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return [
      ...[...stored.difference(recorded)].map(digest => `the object ${digest} has no record`),
      ...[...recorded.difference(stored)].map(digest => `the content ${digest} of a record is not in the bucket`),
      ...Uploads.slice(interruptions).map(({ Key }) => `the upload of ${Key} has no end`),
    ]
  }
  let wrong: string[] = []
  const isClean = async () => {
    wrong = await compare()
    return wrong.length === 0
  }
  await until('no orphans', isClean, milliseconds).catch(() => undefined)
  return wrong
}
