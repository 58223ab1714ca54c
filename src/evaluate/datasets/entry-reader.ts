import type { FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { constants, crc32, createInflateRaw, type InflateRaw } from 'node:zlib'
import { asDamage, malformedDataset } from './refusals.ts'
import type { ZipEntry } from './zip-directory.ts'

/** Counts the bytes read from files, over all readers of a data set. */
export type ReadCount = { bytesRead: number }

const chunkBytes = 64 * 1024
const firstBytes = 4 * 1024 * 1024

/** Reads one entry of a zip file from its start, and inflates only the requested bytes. */
export class EntryReader {
  readonly #handle: FileHandle
  readonly #entry: ZipEntry
  readonly #count: ReadCount
  readonly #inflate: InflateRaw | null
  readonly #inflated: AsyncIterator<Uint8Array> | null
  #rest: Uint8Array = new Uint8Array(0)
  #position = 0
  #crc = 0
  #checked = false

  /** Creates a reader. The caller closes the handle, after the reader. */
  constructor(handle: FileHandle, entry: ZipEntry, count: ReadCount) {
    this.#handle = handle
    this.#entry = entry
    this.#count = count
    const chunkSize = Math.max(constants.Z_MIN_CHUNK, Math.min(chunkBytes, entry.bytes))
    this.#inflate = entry.deflated ? createInflateRaw({ chunkSize }) : null
    // The iterator reports errors. pipeline only requires some callback.
    if (this.#inflate) pipeline(this.#storedChunks(), this.#inflate, () => {})
    this.#inflated = this.#inflate?.[Symbol.asyncIterator]() ?? null
  }

  /**
   * Fills `target` with the next bytes. After the last byte of the entry it compares the checksum.
   * @throws TureenError `TUREEN_DATASET_MALFORMED` if the entry is damaged, cut off, or longer than its header says
   */
  async read(target: Uint8Array): Promise<void> {
    const { array, bytes } = this.#entry
    if (this.#position + target.byteLength > bytes)
      throw malformedDataset(`The array ${array} is cut off. Save it again.`, { tensor: array })
    try {
      await (this.#inflated ? this.#fillInflated(target, this.#inflated) : this.#fillStored(target))
      this.#crc = crc32(target, this.#crc)
      this.#position += target.byteLength
      if (this.#position === bytes && !this.#checked) await this.#checkEnd()
    } catch (error) {
      throw asDamage(error, `The array ${array} is damaged`, { tensor: array })
    }
  }

  /**
   * Returns the next `byteLength` bytes. For a deflated entry it allocates memory as bytes arrive, since its header may claim more than
   * there is. A stored entry is known to lie inside its file.
   */
  async take(byteLength: number): Promise<ArrayBuffer> {
    let buffer = new ArrayBuffer(this.#entry.deflated ? Math.min(byteLength, firstBytes) : byteLength)
    for (let filled = 0; ; ) {
      await this.read(new Uint8Array(buffer, filled))
      filled = buffer.byteLength
      if (filled === byteLength) return buffer
      buffer = buffer.transfer(Math.min(byteLength, filled * 2))
    }
  }

  close(): void {
    this.#inflate?.destroy()
  }

  async #checkEnd(): Promise<void> {
    const { array, crc32: expected } = this.#entry
    this.#checked = true
    const isLonger = this.#rest.byteLength > 0 || (this.#inflated && !(await this.#inflated.next()).done)
    if (isLonger)
      throw malformedDataset(`The array ${array} inflates to more bytes than the file says. Save it again.`, {
        tensor: array,
      })
    if (this.#crc !== expected) {
      throw malformedDataset(`The array ${array} is damaged: its checksum is not the one in the file. Send it again.`, {
        tensor: array,
        expected: `checksum ${expected}`,
        actual: `checksum ${this.#crc}`,
      })
    }
  }

  async #fillStored(target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.byteLength; ) {
      const length = Math.min(target.byteLength - done, 2 ** 30)
      done += await this.#readFile(target, done, length, this.#entry.dataStart + this.#position + done)
    }
  }

  async #fillInflated(target: Uint8Array, inflated: AsyncIterator<Uint8Array>): Promise<void> {
    for (let done = 0; done < target.byteLength; ) {
      if (this.#rest.byteLength === 0) {
        const next = await inflated.next()
        if (next.done) throw new Error('it inflates to fewer bytes than the file says')
        this.#rest = next.value
      }
      const length = Math.min(this.#rest.byteLength, target.byteLength - done)
      target.set(this.#rest.subarray(0, length), done)
      this.#rest = this.#rest.subarray(length)
      done += length
    }
  }

  async *#storedChunks(): AsyncGenerator<Uint8Array> {
    const { dataStart, storedBytes } = this.#entry
    const end = dataStart + storedBytes
    for (let at = dataStart; at < end; ) {
      const chunk = new Uint8Array(Math.min(chunkBytes, end - at))
      const length = await this.#readFile(chunk, 0, chunk.byteLength, at)
      yield chunk.subarray(0, length)
      at += length
    }
  }

  async #readFile(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, offset, length, position)
    if (bytesRead === 0) throw new Error('the file ends before it')
    this.#count.bytesRead += bytesRead
    return bytesRead
  }
}
