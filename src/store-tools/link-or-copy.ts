import { constants } from 'node:fs'
import { copyFile, link, open } from 'node:fs/promises'
import { fileState } from '../storage/file-state.ts'
import type { LinkNote } from '../storage/link-notes.ts'
import { isMissing } from '../storage/missing-file.ts'
import { sha256OfFile } from '../threads/hash-file.ts'

/** Error codes of a failed link after which a copy may work: another file system, too many links, another owner's file. */
const copyInstead: ReadonlySet<unknown> = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

/** Result: the note of a link, or the digest of a copy that is flushed to the disk. */
export type LinkedOrCopied = { note: LinkNote } | { sha256: string }

/** Links a file to a second path, or copies it. @returns undefined if the file does not exist */
export async function linkOrCopy(path: string, target: string): Promise<LinkedOrCopied | undefined> {
  try {
    const before = await fileState(path)
    try {
      await link(path, target)
    } catch (error) {
      if (!copyInstead.has(codeOf(error))) throw error
      return { sha256: await copy(path, target) }
    }
    return { note: { path, before, after: await fileState(path) } }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Copies a file and flushes the copy. @returns the digest of the copy. @throws Error if the copy cannot be read back */
async function copy(path: string, target: string): Promise<string> {
  // File systems that support it share the bytes of both files.
  await copyFile(path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  const handle = await open(target, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  const hashed = sha256OfFile(target)
  if ('unreadable' in hashed) throw new Error(`${target} cannot be read back: ${hashed.unreadable}.`)
  return hashed.sha256
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
