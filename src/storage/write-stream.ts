import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { asTureenError } from '../errors.ts'
import type { FlushQueue } from './flush-queue.ts'

/** So much is gathered before it is written: in pieces as they come from a socket, writing would take longer than all the rest. */
const gatheredBytes = 512 << 10
/** The system takes no more pieces at a time (IOV_MAX of Linux). */
const gatheredChunks = 1024
/** So much is sent on to the disk while more comes, so that little is left to wait for in the end. */
const flushedBytes = 16 << 20

/**
 * Writes a stream to a new file, hashes it, and flushes it. It writes some chunks while others come. It does not use a write stream of
 * Node, which goes wrong where the system writes less of several buffers than it was given.
 *
 * @param stream gives its chunks up: their memory goes back once they are written
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
  const handle = await open(file, 'wx')
  const writer = gatheringWriter(handle, makeRoom)
  let bytes = 0
  try {
    for await (const chunk of stream) {
      onChunk(chunk.byteLength)
      hash.update(chunk)
      bytes += chunk.byteLength
      await writer.write(chunk)
    }
    await writer.end()
  } catch (error) {
    await writer.settled()
    await handle.close()
    throw error
  }
  await flushes.add(() => handle.sync().finally(() => handle.close()))
  return { sha256: `sha256:${hash.digest('hex')}`, bytes }
}

type GatheringWriter = {
  write(chunk: Uint8Array): Promise<void>
  /** Writes what is left. @throws Error that any write or flush has ended with */
  end(): Promise<void>
  /** Comes back when nothing is under way, whatever became of it. */
  settled(): Promise<void>
}

function gatheringWriter(handle: FileHandle, makeRoom: (bytes: number) => number): GatheringWriter {
  let chunks: Uint8Array[] = []
  let gathered = 0
  let unflushed = 0
  let writing = Promise.resolve()
  // An error of a flush is told once: a later one may succeed although bytes were lost.
  let flushing = Promise.resolve()

  const writeGathered = async () => {
    await writing
    writing = writeAll(handle, chunks, makeRoom)
    writing.catch(() => undefined)
    unflushed += gathered
    chunks = []
    gathered = 0
    if (unflushed < flushedBytes) return
    unflushed = 0
    flushing = flushing.then(() => handle.datasync())
    flushing.catch(() => undefined)
  }

  return {
    async write(chunk) {
      chunks.push(chunk)
      gathered += chunk.byteLength
      if (gathered >= gatheredBytes || chunks.length === gatheredChunks) await writeGathered()
    },
    async end() {
      if (gathered > 0) await writeGathered()
      await Promise.all([writing, flushing])
    },
    async settled() {
      await Promise.allSettled([writing, flushing])
    },
  }
}

/** What the system writes of them at a time may be less than all. */
async function writeAll(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  makeRoom: (bytes: number) => number,
): Promise<void> {
  for (let rest = chunks; rest.length > 0; ) {
    try {
      rest = behind(rest, (await handle.writev(rest)).bytesWritten)
    } catch (error) {
      const bytes = rest.reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (asTureenError(error).code !== 'TUREEN_STORE_FULL' || makeRoom(bytes) === 0) throw error
    }
  }
  for (const chunk of chunks) release(chunk)
}

/** What is left of chunks behind so many bytes. */
function behind(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let [index, before] = [0, 0]
  for (let chunk = chunks[0]; chunk && before + chunk.byteLength <= bytes; chunk = chunks[index]) {
    before += chunk.byteLength
    index += 1
  }
  const [first, ...rest] = chunks.slice(index)
  return first ? [first.subarray(bytes - before), ...rest] : []
}

/**
 * Gives the memory of a chunk back at once. Left to the collector, which sees little of it, tens of megabytes would gather, and finding
 * them would take a third of the event loop's time.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  // Of a part of a form it may have a share only, which others read as well.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
