import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { type ByteSource, memorySource } from '../../src/onnx/byte-source.ts'

/** Files up to this size are read at once. */
const inMemoryBytes = 64 << 20

/** A file as a source, to be closed. */
export type OpenedFile = ByteSource & { close(): void }

export function openFile(path: string): OpenedFile {
  const descriptor = openSync(path, 'r')
  const { size } = fstatSync(descriptor)
  if (size <= inMemoryBytes) {
    try {
      return { ...memorySource(readFileSync(descriptor)), close: () => undefined }
    } finally {
      closeSync(descriptor)
    }
  }
  return {
    byteLength: size,
    read(offset, target) {
      for (let done = 0; done < target.byteLength; ) {
        const read = readSync(descriptor, target, done, target.byteLength - done, offset + done)
        if (read === 0) throw new RangeError(`${path} ends before ${offset + target.byteLength}`)
        done += read
      }
    },
    close: () => closeSync(descriptor),
  }
}
