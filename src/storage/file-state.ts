import { stat } from 'node:fs/promises'

/**
 * What tells that a file was touched. `written`: device, inode, size and the time of the last write, which programs can set back.
 * `changed`: the time of the inode's last change, in nanoseconds since 1970, which they cannot; a new link changes it too.
 */
export type FileState = { written: string; changed: string; bytes: number }

export async function fileState(path: string): Promise<FileState> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return { written: [dev, ino, size, mtimeNs].join(), changed: String(ctimeNs), bytes: Number(size) }
}
