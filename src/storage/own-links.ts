import { chmod, constants, copyFile, link, lstat, unlink } from 'node:fs/promises'
import pLimit from 'p-limit'
import { type FileState, fileState, stateOf } from './file-state.ts'
import { inParallel } from './in-parallel.ts'
import { onlyLinked } from './link-notes.ts'
import { unlessMissing } from './missing-file.ts'

/*
 * Links to files of the store that this process makes and removes itself. A link changes the time of the inode's last change, by which a
 * running server recognises a verified file. So this module remembers, for each file, the first and the last of these times between which
 * only its own links and those of backups have changed the inode. Nothing is written to the disk: another process hashes files for itself.
 */

/** A second name of a file. `path`: the file; `link`: the name. */
export type OwnLink = { path: string; link: string }

/** Files whose times are remembered. A file beyond these is hashed again. */
const keptFiles = 1 << 16

/** Times of the first and the last change, in nanoseconds since 1970, by the part of the state that links do not change. */
const spans = new Map<string, { from: bigint; to: bigint }>()
/** Links and removals of links of one file must not overlap: the state between two of them would not be known. */
const inTurn = pLimit(1)

/**
 * Makes links to different files, or none of them. A file that cannot have a link there, or that other users may write, is cloned or copied.
 * @throws Error of the system if a file is missing, or if there is no room for a copy
 */
export function makeLinks(links: readonly OwnLink[]): Promise<void> {
  return inTurn(async () => {
    try {
      await inParallel(links, makeOwnLink)
    } catch (error) {
      await inParallel(links, removeOwnLink)
      throw error
    }
  })
}

/** Removes links to different files. It never throws: names that it cannot remove are removed with their directory. */
export function removeLinks(links: readonly OwnLink[]): Promise<void> {
  return inTurn(() => inParallel(links, removeOwnLink))
}

/** True if only links of this process have changed a file between two states, whichever was first. */
export function onlyOwnLinks(a: FileState, b: FileState): boolean {
  const span = a.written === b.written ? spans.get(a.written) : undefined
  return span !== undefined && [a, b].every(({ changed }) => span.from <= BigInt(changed) && BigInt(changed) <= span.to)
}

const othersMayWrite = 0o002n
const othersMayRead = 0o004n
const isRoot = process.getuid?.() === 0

async function makeOwnLink({ path, link: name }: OwnLink): Promise<void> {
  const stats = await lstat(path, { bigint: true })
  // The file belongs to somebody else, who reads and writes it meanwhile: the store names it by a symbolic link.
  if (stats.isSymbolicLink()) return copyFile(path, name, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  // Evaluators of a root server may have a user of their own. Its store is closed to others as a whole, so they reach the links alone.
  if (isRoot && (stats.mode & othersMayRead) === 0n) await chmod(path, Number((stats.mode | othersMayRead) & 0o7777n))
  if ((stats.mode & othersMayWrite) === 0n && (await isLinked(path, name)))
    await remember(path, stateOf(stats), await fileState(path))
  else await copyFile(path, name, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
}

/** Tries to link a file. @returns false if it cannot have a link there. @throws Error of the system if the file is missing */
async function isLinked(path: string, name: string): Promise<boolean> {
  try {
    await link(path, name)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && codesOfCopies.has(String(error.code))) return false
    throw error
  }
}

/** Codes of the system where a copy may still be possible: other volumes, file systems without links, files with too many of them. */
const codesOfCopies: ReadonlySet<string> = new Set([
  'EXDEV',
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
])

async function removeOwnLink({ path, link: name }: OwnLink): Promise<void> {
  try {
    const before = await unlessMissing(fileState(path))
    await unlink(name)
    const after = before && (await unlessMissing(fileState(path)))
    if (after) await remember(path, before, after)
    else if (before) spans.delete(before.written)
  } catch {
    // The state stays unknown, and the file is hashed again when it is used next.
  }
}

async function remember(path: string, before: FileState, after: FileState): Promise<void> {
  if (before.written !== after.written) return
  const [from, to] = [BigInt(before.changed), BigInt(after.changed)]
  const span = spans.get(before.written)
  const continues = span && (span.to === from || (await onlyLinked(path, { ...before, changed: `${span.to}` }, before)))
  spans.delete(before.written)
  // If the clock was set back, no span has both times.
  spans.set(before.written, { from: continues && span.to <= to ? span.from : from, to })
  const [oldest] = spans.size > keptFiles ? spans.keys() : []
  if (oldest !== undefined) spans.delete(oldest)
}
