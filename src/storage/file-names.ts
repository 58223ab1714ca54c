import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from './missing-file.ts'

// The store never touches files with other names than these.

const shardName = /^[0-9a-f]{2}$/
const contentName = /^[0-9a-f]{64}$/
/** Name of an unfinished file: a UUIDv7, with a number for further files (`besideOutput`). */
const incomingName = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.\d{1,15})?$/

export function isIncomingName(name: string): boolean {
  return incomingName.test(name)
}

/** Returns the path of content below its directory, `ab/abcd...`. @param sha256 a digest, with or without its prefix */
export function contentPath(sha256: string): string {
  const hex = sha256.replace('sha256:', '')
  return join(hex.slice(0, 2), hex)
}

/** Yields the hexadecimal digests of the content files in a directory, shard by shard; none for a missing directory. */
export async function* contentDigests(directory: string): AsyncGenerator<string> {
  for (const shard of await entriesOf(directory)) {
    if (!shard.isDirectory() || !shardName.test(shard.name)) continue
    for (const file of await entriesOf(join(directory, shard.name))) if (isContent(file, shard.name)) yield file.name
  }
}

/** Returns the hexadecimal digests from `from` on and below `before`, in order. Both bounds may be the first digits of a digest. */
export async function contentDigestsBetween(directory: string, from: string, before: string): Promise<string[]> {
  const shards = (await entriesOf(directory)).map(({ name }) => name)
  const found: string[] = []
  for (const shard of shards.filter(name => shardName.test(name) && name >= from.slice(0, 2) && name <= before))
    for (const file of await entriesOf(join(directory, shard)))
      if (isContent(file, shard) && file.name >= from && file.name < before) found.push(file.name)
  return found.sort()
}

/** Returns the names of the unfinished files in a directory. */
export async function incomingNames(directory: string): Promise<string[]> {
  const files = (await entriesOf(directory)).filter(entry => entry.isFile())
  return files.map(({ name }) => name).filter(isIncomingName)
}

function isContent(file: Dirent, shard: string): boolean {
  return file.isFile() && contentName.test(file.name) && file.name.startsWith(shard)
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  return (await unlessMissing(readdir(directory, { withFileTypes: true }))) ?? []
}

/** Returns the path of a further unfinished file next to one. They are numbered from 0 on, without gaps. */
export function besideOutput(output: string, index: number): string {
  return `${output}.${index}`
}
