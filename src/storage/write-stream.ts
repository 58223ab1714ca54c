import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import pLimit from 'p-limit'
import { asTureenError } from '../errors.ts'
import type { NewFile } from './file-batches.ts'
import type { FlushQueue } from './flush-queue.ts'

/** Most bytes of one buffer. Each stream has two: one fills while the other is written. */
const bufferBytes = 64 << 10
/** Bytes of the first buffer. A small file needs no more, and 15,000 buffers of 64 KiB would keep the garbage collector busy. */
const firstBufferBytes = 4 << 10
/** Bytes of one buffer of a long stream. Each write wakes a thread, which takes the event loop longer than to copy 64 KiB. */
const longBufferBytes = 512 << 10
/** Bytes after which a stream is long. */
const longStreamBytes = 1 << 20
/** Most long streams with such buffers at a time; others keep their buffers of 64 KiB. So many slow uploads hold little memory. */
const mostLongBuffers = 4
let longBuffers = 0
/** Number of written bytes after which they are flushed while more arrive. The last flush is then short. */
const flushedBytes = 16 << 20

/** Flushes at a time, of all streams together: half of the threads that Node has for files, so that others read and write meanwhile. */
const flushLimit = pLimit(2)

/**
 * Writes a stream to a new file, hashes it, and flushes it. It holds at most 128 KiB, for chunks of any size, and writes while more bytes
 * arrive. Up to four long streams hold 1 MiB each. A file below 64 KiB is left to the flush queue, which creates several small files at a time.
 *
 * @param stream loses its chunks: their memory is freed at once
 * @param onChunk called with the bytes of each chunk; it may throw to refuse them
 * @param makeRoom frees disk space and returns the freed bytes; if it returns 0, the write fails
 * @param flushes runs the last flush, which this function need not wait for
 * @param isWritten returns true if another file has the content with this digest; a file below 64 KiB is then not created
 * @returns `created`: false if `isWritten` was true and the file was not created
 */
export async function writeStream(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  onChunk: (bytes: number) => void,
  makeRoom: (bytes: number) => number,
  flushes: Pick<FlushQueue, 'add' | 'create'>,
  isWritten: (sha256: string) => boolean = () => false,
): Promise<{ sha256: string; bytes: number; created: boolean }> {
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
  const sha256 = `sha256:${hash.digest('hex')}`
  if (handle) {
    const opened = handle
    await flushes.add(() => finish(opened, rest, makeRoom))
  } else {
    if (isWritten(sha256)) return { sha256, bytes, created: false }
    await flushes.create({ path: file, bytes: rest })
  }
  return { sha256, bytes, created: true }
}

/** Creates a small file, and flushes it. @param makeRoom as in {@link writeStream} */
export async function createFile({ path, bytes }: NewFile, makeRoom: (bytes: number) => number): Promise<void> {
  await finish(await open(path, 'wx'), bytes, makeRoom)
}

async function finish(handle: FileHandle, rest: Uint8Array, makeRoom: (bytes: number) => number): Promise<void> {
  try {
    await writeAll(handle, rest, makeRoom)
    await flushLimit(() => handle.sync())
  } finally {
    await handle.close()
  }
}

type BufferedWriter = {
  write(chunk: Uint8Array): Promise<void>
  /** Waits for all writes and flushes. @returns a copy of the bytes that are not written yet. @throws Error of any write or flush */
  end(): Promise<Uint8Array>
  /** Waits until no write or flush is running, without throwing their errors. */
  settled(): Promise<void>
}

/** Returns a writer with two buffers. @param openFile opens the file at the first call, and returns it */
function bufferedWriter(openFile: () => Promise<FileHandle>, makeRoom: (bytes: number) => number): BufferedWriter {
  let [filling, other]: (Buffer | undefined)[] = []
  let capacity = bufferBytes
  let filled = 0
  let total = 0
  let unflushed = 0
  let writing = Promise.resolve()
  // Keep the first error of a flush: the system reports it once, and a later flush may succeed although bytes were lost.
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
    if (capacity === longBufferBytes) longBuffers -= 1
    capacity = bufferBytes
  }
  const growIfLong = () => {
    if (capacity === longBufferBytes || total < longStreamBytes || longBuffers >= mostLongBuffers) return
    longBuffers += 1
    capacity = longBufferBytes
  }

  return {
    async write(chunk) {
      total += chunk.byteLength
      growIfLong()
      for (let done = 0; done < chunk.byteLength; ) {
        filling = withSpace(filling, filled, Math.min(capacity, filled + chunk.byteLength - done))
        const taken = chunk.subarray(done, done + capacity - filled)
        filling.set(taken, filled)
        filled += taken.byteLength
        done += taken.byteLength
        if (filled === capacity) await writeFilled(filling)
      }
    },
    async end() {
      if (filling && filled >= bufferBytes) await writeFilled(filling)
      await Promise.all([writing, flushing])
      const rest = Uint8Array.from(filling?.subarray(0, filled) ?? [])
      await settled()
      return rest
    },
    settled,
  }
}

const bufferSizes = [firstBufferBytes, bufferBytes, longBufferBytes]

/** Returns a buffer of at least `needed` bytes that holds the first `filled` bytes of `buffer`: `buffer` itself if it is large enough. */
function withSpace(buffer: Buffer | undefined, filled: number, needed: number): Buffer {
  if (buffer && buffer.byteLength >= needed) return buffer
  const larger = Buffer.allocUnsafeSlow(bufferSizes.find(size => size >= needed) ?? needed)
  if (!buffer) return larger
  larger.set(buffer.subarray(0, filled))
  release(buffer)
  return larger
}

/** Writes all bytes, with as many writes as the system needs. */
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
 * Frees the memory of bytes at once. The garbage collector would leave tens of megabytes, and would take a third of the event loop's time
 * to find them.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  // A part of a form may share its buffer with other readers. Free only whole buffers.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
