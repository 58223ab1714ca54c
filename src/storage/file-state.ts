import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/**
 * The state of a file, which shows if the file was touched. `written`: device, inode, size and time of the last write, which programs can
 * set back. `changed`: time of the last change of the inode, in nanoseconds since 1970. Programs cannot set it; a new link changes it too.
 */
export type FileState = { written: string; changed: string; bytes: number }

/** True if nobody has touched the file between two states. */
export function isSameState(a: FileState, b: FileState): boolean {
  return a.written === b.written && a.changed === b.changed
}

export async function fileState(path: string): Promise<FileState> {
  return stateOf(await stat(path, { bigint: true }))
}

export function stateOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileState {
  return { written: [dev, ino, size, mtimeNs].join(), changed: String(ctimeNs), bytes: Number(size) }
}
