import { open } from 'node:fs/promises'
import type { ContentRange } from './content-store.ts'

/** Bytes of one piece. Each reader holds two pieces in memory. */
const pieceBytes = 64 << 10

/**
 * Yields a part of a file. It reuses two buffers, because a file stream would make tens of megabytes of garbage. A piece stays valid until the
 * second next piece is requested.
 */
export async function* readPieces(path: string, { start, length }: ContentRange): AsyncGenerator<Uint8Array, void> {
  const file = await open(path)
  try {
    const size = Math.min(pieceBytes, length)
    let [buffer, other] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)]
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(size, length - done), start + done)
      if (bytesRead === 0) throw new RangeError(`the file ends at ${start + done}, before ${start + length}`)
      yield buffer.subarray(0, bytesRead)
      ;[buffer, other] = [other, buffer]
      done += bytesRead
    }
  } finally {
    await file.close()
  }
}
