import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'

const windowBytes = 256 << 10
/** So much is sent on to the disk while more comes, so that little is left to wait for in the end. */
const flushedBytes = 16 << 20

/**
 * Writes a stream to a new file while hashing it, and flushes it. What comes is gathered in windows, of which one is written while
 * the other fills: in pieces as they come from a socket, writing would take longer than all the rest. Not with a write stream of
 * Node, which goes wrong where the system writes less of several buffers than it was given.
 *
 * @param onChunk hears how many bytes come, and may refuse them
 */
export async function writeStream(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  onChunk: (bytes: number) => void,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  const handle = await open(file, 'wx')
  const windows = windowedWriter(handle)
  let bytes = 0
  try {
    for await (const chunk of stream) {
      onChunk(chunk.byteLength)
      hash.update(chunk)
      bytes += chunk.byteLength
      await windows.write(chunk)
    }
    await windows.end()
    await handle.sync()
  } finally {
    await windows.settled()
    await handle.close()
  }
  return { sha256: `sha256:${hash.digest('hex')}`, bytes }
}

type WindowedWriter = {
  write(chunk: Uint8Array): Promise<void>
  /** Writes what is left. @throws Error that any write or flush has ended with */
  end(): Promise<void>
  /** Comes back when nothing is under way, whatever became of it. */
  settled(): Promise<void>
}

function windowedWriter(handle: FileHandle): WindowedWriter {
  let [window, other] = [new Uint8Array(windowBytes), new Uint8Array(windowBytes)]
  let filled = 0
  let unflushed = 0
  let writing = Promise.resolve()
  // An error of a flush is told once: a later one may succeed although bytes were lost.
  let flushing = Promise.resolve()

  const writeWindow = async () => {
    await writing
    writing = writeAll(handle, window.subarray(0, filled))
    writing.catch(() => undefined)
    unflushed += filled
    filled = 0
    ;[window, other] = [other, window]
    if (unflushed < flushedBytes) return
    unflushed = 0
    flushing = flushing.then(() => handle.datasync())
    flushing.catch(() => undefined)
  }

  return {
    async write(chunk) {
      for (let done = 0; done < chunk.byteLength; ) {
        const piece = chunk.subarray(done, done + windowBytes - filled)
        window.set(piece, filled)
        filled += piece.byteLength
        done += piece.byteLength
        if (filled === windowBytes) await writeWindow()
      }
    },
    async end() {
      if (filled > 0) await writeWindow()
      await Promise.all([writing, flushing])
    },
    async settled() {
      await Promise.allSettled([writing, flushing])
    },
  }
}

/** What the system writes of it at a time may be less than all. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) done += (await handle.write(bytes, done)).bytesWritten
}
