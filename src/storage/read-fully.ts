import type { FileHandle } from 'node:fs/promises'

/** Fills a part of `target` from a place in a file. The system may give less than was asked for. @returns bytes read: fewer only where the file ends */
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
