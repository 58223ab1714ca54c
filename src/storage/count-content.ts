import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the number of content files on disk, and their bytes. A file that is removed meanwhile may count or not. */
export async function countContent(content: string): Promise<{ files: number; bytes: number }> {
  const total = { files: 0, bytes: 0 }
  for (const shard of await readdir(content, { withFileTypes: true })) {
    if (!shard.isDirectory()) continue
    const directory = join(content, shard.name)
    const entries = await readdir(directory, { withFileTypes: true })
    const sizes = await Promise.all(
      entries.filter(entry => entry.isFile()).map(({ name }) => sizeOf(join(directory, name))),
    )
    for (const size of sizes) {
      if (size === undefined) continue
      total.files += 1
      total.bytes += size
    }
  }
  return total
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
