import { fstatSync, readSync } from 'node:fs'
import type { ByteSource } from '../onnx/byte-source.ts'
import { createLazyFiles } from './file-descriptors.ts'

/** A file as a byte source, to be closed by whoever opened it. `bytesRead` counts what has been read from it. */
export type FileSource = ByteSource & { readonly bytesRead: number; close(): void }

/** Node reads less than 2 GiB at once. */
const readBytes = 1 << 30

const filesOfThread = createLazyFiles()

export function openFileSource(path: string): FileSource {
  const file = filesOfThread.open(path)
  const byteLength = fstatSync(file.descriptor()).size
  let bytesRead = 0
  return {
    byteLength,
    get bytesRead() {
      return bytesRead
    },
    read(offset, target) {
      let done = 0
      const descriptor = file.descriptor()
      while (done < target.byteLength) {
        const wanted = Math.min(readBytes, target.byteLength - done)
        const count = readSync(descriptor, target, done, wanted, offset + done)
        if (count === 0) throw new RangeError(`${path} ends at ${offset + done}, before ${offset + target.byteLength}`)
        done += count
      }
      bytesRead += done
    },
    close: file.close,
  }
}
