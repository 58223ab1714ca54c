import type { FileHandle } from 'node:fs/promises'

/** Reads `length` bytes into `target`, with as many reads as the system needs. @returns bytes read: fewer only at the end of the file */
export async function readFully(
  handle: FileHandle,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(target, offset + done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}
