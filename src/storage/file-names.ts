import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The names that the store gives to its files. A file of any other name is not ours, and never touched. */

const shardName = /^[0-9a-f]{2}$/
const contentName = /^[0-9a-f]{64}$/
/** A UUIDv7, as files in the making are called, or one of the further files beside it (`besideOutput`). */
const incomingName = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.\d{1,15})?$/

export function isIncomingName(name: string): boolean {
  return incomingName.test(name)
}

/** The name of content below its directory, `ab/abcd...`, from a digest or its hexadecimal digits. */
export function contentPath(sha256: string): string {
  const hex = sha256.replace('sha256:', '')
  return join(hex.slice(0, 2), hex)
}

/** Hexadecimal digests of the content files in a directory, shard by shard. A missing directory holds none. */
export async function* contentDigests(directory: string): AsyncGenerator<string> {
  for (const shard of await entriesOf(directory)) {
    if (!shard.isDirectory() || !shardName.test(shard.name)) continue
    for (const file of await entriesOf(join(directory, shard.name))) if (isContent(file, shard.name)) yield file.name
  }
}

/** As {@link contentDigests}, of the digests from `from` on and below `before`, in order; either may be the first digits of one. */
export async function contentDigestsBetween(directory: string, from: string, before: string): Promise<string[]> {
  const shards = (await entriesOf(directory)).map(({ name }) => name)
  const found: string[] = []
  for (const shard of shards.filter(name => shardName.test(name) && name >= from.slice(0, 2) && name <= before))
    for (const file of await entriesOf(join(directory, shard)))
      if (isContent(file, shard) && file.name >= from && file.name < before) found.push(file.name)
  return found.sort()
}

/** Names of the files in the making in a directory. */
export async function incomingNames(directory: string): Promise<string[]> {
  const files = (await entriesOf(directory)).filter(entry => entry.isFile())
  return files.map(({ name }) => name).filter(isIncomingName)
}

function isContent(file: Dirent, shard: string): boolean {
  return file.isFile() && contentName.test(file.name) && file.name.startsWith(shard)
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
