import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import pLimit from 'p-limit'
import { asTureenError } from '../errors.ts'
import type { FlushQueue } from './flush-queue.ts'

/** So much of a stream is held at most, twice: one buffer fills while the other is written. */
const bufferBytes = 64 << 10
/** So much is sent on to the disk while more comes, so that little is left to wait for in the end. */
const flushedBytes = 16 << 20

/** Flushes at a time, of all streams together: half of the threads that Node has for files, so that others read and write meanwhile. */
const flushLimit = pLimit(2)

/**
 * Writes a stream to a new file, hashes it, and flushes it. It writes some bytes while others come, and holds 128 KiB at most, in however
 * many chunks they come. A file of less than 64 KiB is made as a whole by its flush, so that of thousands of them several are made at a
 * time.
 *
 * @param stream gives its chunks up: their memory goes back at once
 * @param onChunk hears how many bytes come, and may refuse them
 * @param makeRoom frees so many bytes of a full disk, or as many as it can, and returns how many; if none, the write fails
 * @param flushes takes the last flush, which this function then does not wait for
 */
export async function writeStream(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  onChunk: (bytes: number) => void,
  makeRoom: (bytes: number) => number,
  flushes: Pick<FlushQueue, 'add'> = { add: flush => flush() },
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let handle: FileHandle | undefined
  const openFile = async () => {
    handle ??= await open(file, 'wx')
    return handle
  }
  const writer = bufferedWriter(openFile, makeRoom)
  let bytes = 0
  let rest: Uint8Array
  try {
    for await (const chunk of stream) {
      onChunk(chunk.byteLength)
      hash.update(chunk)
      bytes += chunk.byteLength
      await writer.write(chunk)
      release(chunk)
    }
    rest = await writer.end()
  } catch (error) {
    await writer.settled()
    await handle?.close()
    throw error
  }
  await flushes.add(async () => {
    const whole = await openFile()
    try {
      await writeAll(whole, rest, makeRoom)
      await flushLimit(() => whole.sync())
    } finally {
      await whole.close()
    }
  })
  return { sha256: `sha256:${hash.digest('hex')}`, bytes }
}

type BufferedWriter = {
  write(chunk: Uint8Array): Promise<void>
  /** @returns a copy of the bytes that are still to be written. @throws Error that any write or flush has ended with */
  end(): Promise<Uint8Array>
  /** Comes back when nothing is under way, whatever became of it. */
  settled(): Promise<void>
}

/** @param openFile opens the file, the first time that it is called */
function bufferedWriter(openFile: () => Promise<FileHandle>, makeRoom: (bytes: number) => number): BufferedWriter {
  let [filling, other]: (Buffer | undefined)[] = []
  let filled = 0
  let unflushed = 0
  let writing = Promise.resolve()
  // An error of a flush is told once: a later one may succeed although bytes were lost.
  let flushing = Promise.resolve()

  const writeFilled = async (buffer: Buffer) => {
    await writing
    const handle = await openFile()
    writing = writeAll(handle, buffer.subarray(0, filled), makeRoom)
    writing.catch(() => undefined)
    unflushed += filled
    ;[filling, other] = [other, buffer]
    filled = 0
    if (unflushed < flushedBytes) return
    unflushed = 0
    flushing = flushing.then(() => flushLimit(() => handle.datasync()))
    flushing.catch(() => undefined)
  }
  const settled = async () => {
    await Promise.allSettled([writing, flushing])
    for (const buffer of [filling, other]) if (buffer) release(buffer)
  }

  return {
    async write(chunk) {
      for (let done = 0; done < chunk.byteLength; ) {
        filling ??= Buffer.allocUnsafeSlow(bufferBytes)
        const taken = chunk.subarray(done, done + bufferBytes - filled)
        filling.set(taken, filled)
        filled += taken.byteLength
        done += taken.byteLength
        if (filled === bufferBytes) await writeFilled(filling)
      }
    },
    async end() {
      await Promise.all([writing, flushing])
      const rest = Uint8Array.from(filling?.subarray(0, filled) ?? [])
      await settled()
      return rest
    },
    settled,
  }
}

/** What the system writes at a time may be less than all. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, makeRoom: (bytes: number) => number): Promise<void> {
  for (let rest = bytes; rest.byteLength > 0; ) {
    try {
      rest = rest.subarray((await handle.write(rest)).bytesWritten)
    } catch (error) {
      if (asTureenError(error).code !== 'TUREEN_STORE_FULL' || makeRoom(rest.byteLength) === 0) throw error
    }
  }
}

/**
 * Gives the memory of bytes back at once. Left to the collector, which sees little of it, tens of megabytes would gather, and finding
 * them would take a third of the event loop's time.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  // Of a part of a form it may have a share only, which others read as well.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
