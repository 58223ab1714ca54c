import { fstatSync, readSync } from 'node:fs'
import type { ByteSource } from '../onnx/byte-source.ts'
import { createLazyFiles } from './file-descriptors.ts'

/** A file as a byte source, which its opener must close. `bytesRead`: bytes read from it so far. */
export type FileSource = ByteSource & { readonly bytesRead: number; close(): void }

/** Most bytes of one read. Node reads less than 2 GiB at once. */
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

/** Largest read that goes through the window, and the size of the window. A merge of 1,024 models has as many windows. */
const [smallBytes, windowBytes] = [1 << 10, 8 << 10]
/** Largest read that is copied byte by byte. For so few bytes, creating a view takes longer. */
const fewBytes = 32

/**
 * Opens a file that no process writes any more, as {@link openFileSource} does. Consecutive small reads share one system call, since a model
 * may have a hundred thousand tensors of a few bytes.
 */
export function openReadAhead(path: string): FileSource {
  const file = openFileSource(path)
  let window: Uint8Array | undefined
  let [start, end] = [0, 0]
  let bytesRead = 0
  return {
    byteLength: file.byteLength,
    get bytesRead() {
      return bytesRead
    },
    read(offset, target) {
      const until = offset + target.byteLength
      if (target.byteLength > smallBytes || until > file.byteLength) file.read(offset, target)
      else {
        window ??= new Uint8Array(windowBytes)
        if (offset < start || until > end) {
          const length = Math.min(windowBytes, file.byteLength - offset)
          end = start
          file.read(offset, window.subarray(0, length))
          start = offset
          end = offset + length
        }
        if (target.byteLength > fewBytes) target.set(window.subarray(offset - start, until - start))
        else for (let at = 0; at < target.byteLength; at += 1) target[at] = window[offset - start + at] ?? 0
      }
      bytesRead += target.byteLength
    },
    close: file.close,
  }
}
