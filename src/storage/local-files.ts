import { constants, copyFile, open, realpath, stat, symlink } from 'node:fs/promises'
import { TureenError } from '../errors.ts'
import type { ContentFiles } from './content/content-files.ts'
import { type FileState, fileState, isSameState } from './file-state.ts'
import type { ReceivedFile } from './received-file.ts'
import type { HashFile } from './sound-files.ts'

/** Files of this machine that an embedded server takes over by their paths. */
export type LocalFiles = {
  /**
   * Makes a file an unfinished file of the store: a clone where the file system can, otherwise a copy. With `inPlace`, the store gets a
   * symbolic link in place of a copy, and later reads the file where it is. It never makes a hard link: exporters write into existing files,
   * and would change stored content.
   *
   * @param path an absolute path; symbolic links are followed
   * @param signal ends the reading
   * @throws TureenError `TUREEN_REQUEST_INVALID` if it is no regular file, cannot be read, or changes meanwhile; `TUREEN_STORE_FULL`
   */
  adopt(path: string, inPlace: boolean, signal: AbortSignal): Promise<ReceivedFile>
  /** Returns the paths of files read in place that are not as they were when they were hashed. */
  changed(): Promise<string[]>
}

/** A file that is read in place: its path as it was given, and its state when it was hashed. */
type FileInPlace = { path: string; state: FileState; sha256: string }

/**
 * Returns what takes over local files.
 * @param hash reads a file to its end, off the event loop
 * @param durable true to flush copies to the disk
 */
export function createLocalFiles(
  contentFiles: Pick<ContentFiles, 'incomingPath' | 'makeOutput'>,
  hash: HashFile,
  durable: boolean,
): LocalFiles {
  const inPlace: FileInPlace[] = []

  const digestOf = async (path: string, file: string, signal: AbortSignal) => {
    const found = await hash(file, signal)
    if ('unreadable' in found) throw refused(path, `cannot be read (${found.unreadable}). Change its permissions.`)
    return found.sha256
  }
  const copied = (path: string, state: FileState, mode: number, signal: AbortSignal): Promise<ReceivedFile> =>
    contentFiles.makeOutput(state.bytes, async output => {
      await copyFile(path, output, constants.COPYFILE_EXCL | mode)
      await requireSame(path, state)
      // A copy has the permissions of its source, which may let others write, or the owner not even read.
      const file = await open(output, 'r')
      try {
        await file.chmod(0o600)
        if (durable) await file.sync()
        const { size } = await file.stat()
        return { path: output, sha256: await digestOf(path, output, signal), bytes: size }
      } finally {
        await file.close()
      }
    })
  const linked = async (path: string, state: FileState, signal: AbortSignal): Promise<ReceivedFile> => {
    const file = await realpath(path)
    const sha256 = await digestOf(path, file, signal)
    await requireSame(path, state)
    const link = contentFiles.incomingPath()
    await symlink(file, link)
    inPlace.push({ path, state, sha256 })
    return { path: link, sha256, bytes: state.bytes }
  }

  return {
    async adopt(path, mayStay, signal) {
      const state = await regularFile(path)
      if (!mayStay) return copied(path, state, constants.COPYFILE_FICLONE, signal)
      const clone = await copied(path, state, constants.COPYFILE_FICLONE_FORCE, signal).catch(() => undefined)
      return clone ?? linked(path, state, signal)
    },
    async changed() {
      const found: string[] = []
      for (const { path, state, sha256 } of inPlace) {
        const now = await fileState(path).catch(() => undefined)
        if (now && isSameState(state, now)) continue
        // A new name or another owner touches the inode, and changes no byte. So does a program that sets the time of its write back.
        const isTouched = now?.written === state.written
        if (!isTouched || (await digestOf(path, path, AbortSignal.any([])).catch(() => undefined)) !== sha256)
          found.push(path)
      }
      return found
    },
  }
}

/** Returns the state of a file. @throws TureenError if it is no regular file: reading a pipe or a device might never end */
async function regularFile(path: string): Promise<FileState> {
  try {
    const found = await stat(path)
    if (!found.isFile()) throw refused(path, 'is no regular file. Write its bytes to a file, and name that.')
    return await fileState(path)
  } catch (error) {
    if (error instanceof TureenError) throw error
    throw refused(path, `cannot be read (${error instanceof Error ? error.message : error}). Correct the path.`)
  }
}

/** Checks that nobody has touched a file. @throws TureenError */
async function requireSame(path: string, state: FileState): Promise<void> {
  const now = await fileState(path).catch(() => undefined)
  if (!now || !isSameState(state, now)) throw refused(path, 'changed while it was read. Run the command again.')
}

function refused(path: string, finding: string): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The file ${finding}`, [
    { field: 'path', actual: path, message: finding.replace(/\..*$/s, '') },
  ])
}
