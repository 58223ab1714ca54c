import { basename } from 'node:path'
import { DeleteObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { inject } from 'vitest'

/** Returns the variables of a server whose content is in S3, beside the AWS variables of this process. `data`: its data directory. */
export function contentVariables(data: string): Record<string, string> {
  const { bucket, variables } = provided()
  Object.assign(process.env, variables)
  const { TUREEN_S3_PATH_STYLE = 'true' } = variables
  return { TUREEN_CONTENT: `s3://${bucket}/${prefixOf(data)}`, TUREEN_S3_PATH_STYLE }
}

/** Returns the SHA-256 of each object that the server of a data directory has in S3. */
export async function objectsOf(data: string): Promise<string[]> {
  const { bucket } = provided()
  const found: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: openClient() },
    { Bucket: bucket, Prefix: `${prefixOf(data)}/` },
  ))
    for (const { Key = '' } of Contents) found.push(Key.split('/').at(-1) ?? '')
  return found
}

/** Deletes an object of the server of a data directory, as a fault would. */
export async function removeObject(data: string, sha256: string): Promise<void> {
  const Key = `${prefixOf(data)}/content/sha256/${sha256.slice(0, 2)}/${sha256}`
  await openClient().send(new DeleteObjectCommand({ Bucket: provided().bucket, Key }))
}

/** The name of a data directory, which no other server of the tests has. */
const prefixOf = (data: string) => basename(data)

let client: S3Client | undefined
const openClient = () => {
  client ??= new S3Client({ forcePathStyle: true })
  return client
}

function provided() {
  const s3 = inject('s3')
  if (!s3) throw new Error('the tests of this tier have no S3 server')
  return s3
}
