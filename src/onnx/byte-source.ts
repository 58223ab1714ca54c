/**
 * Random access to bytes: the one interface under every parser, kernel and plan, so that these touch no files. It is
 * synchronous, because all of them run in worker threads.
 */
export interface ByteSource {
  readonly byteLength: number
  /** Fills `target` with the bytes from `offset` on; throws if the source ends before. */
  read(offset: number, target: Uint8Array): void
}

/** Returns a source over bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    read(offset, target) {
      const end = offset + target.byteLength
      if (offset < 0 || end > bytes.byteLength)
        throw new RangeError(`read of ${offset}..${end} beyond ${bytes.byteLength}`)
      target.set(bytes.subarray(offset, end))
    },
  }
}

const chunkBytes = 1 << 20

/**
 * Yields a source from start to end in chunks of 1 MiB, so that memory does not depend on its length. The bytes of a
 * chunk are valid until the next chunk.
 */
export function* chunksOf(source: ByteSource): Generator<{ offset: number; bytes: Uint8Array }> {
  const buffer = new Uint8Array(Math.min(chunkBytes, source.byteLength))
  for (let offset = 0; offset < source.byteLength; offset += chunkBytes) {
    const bytes = buffer.subarray(0, Math.min(chunkBytes, source.byteLength - offset))
    source.read(offset, bytes)
    yield { offset, bytes }
  }
}

/** Returns a copy of `length` bytes from `offset` on. */
export function readBytes(source: ByteSource, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  source.read(offset, bytes)
  return bytes
}
