import { readFile } from 'node:fs/promises'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { RealParts } from './clustered.ts'
import type { Contestant } from './harness.ts'

/**
 * Returns what a merge cannot do without: the result goes to the S3 server, and without a warm cache the models come from it first. It
 * uses the SDK alone, and keeps nothing.
 */
export async function bareTransfer({ s3 }: RealParts, paths: readonly string[], isWarm: boolean): Promise<Contestant> {
  const Bucket = await s3.createBucket()
  const { client } = s3
  const put = (Key: string, Body: Uint8Array) => client.send(new PutObjectCommand({ Bucket, Key, Body }))
  const get = async (Key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
    return Body?.transformToByteArray()
  }
  for (const [index, path] of paths.entries()) await put(String(index), await readFile(path))
  const soup = await readFile(paths[0] ?? '')
  return {
    name: `transfer, ${isWarm ? 'warm' : 'cold'}`,
    description: isWarm ? 'PUT of 102 MB with the SDK' : 'GET of 4 x 102 MB at once and PUT of 102 MB, with the SDK',
    async run() {
      const started = performance.now()
      if (!isWarm) await Promise.all(paths.map((_, index) => get(String(index))))
      await put('soup', soup)
      return { seconds: (performance.now() - started) / 1000 }
    },
  }
}
