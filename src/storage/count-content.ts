import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from './missing-file.ts'

/** Returns the number of content files on disk, and their bytes. A file that is removed meanwhile may count or not. */
export async function countContent(content: string): Promise<{ files: number; bytes: number }> {
  const total = { files: 0, bytes: 0 }
  for (const shard of await readdir(content, { withFileTypes: true })) {
    if (!shard.isDirectory()) continue
    const directory = join(content, shard.name)
    const entries = await readdir(directory, { withFileTypes: true })
    const found = await Promise.all(
      entries.filter(entry => entry.isFile()).map(({ name }) => unlessMissing(stat(join(directory, name)))),
    )
    for (const file of found) {
      if (!file) continue
      total.files += 1
      total.bytes += file.size
    }
  }
  return total
}
