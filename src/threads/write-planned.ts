import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { PlannedBytes } from '../merge/planned-files.ts'

/** Smaller pieces are written together. */
const gatheredBytes = 64 << 10
/** Shared memory for small pieces: a thread writes one range after the other. */
const gathered = new Uint8Array(gatheredBytes)

/** Called with written bytes, which are valid only during the call. An error that it throws ends the writing. */
export type OnWritten = (bytes: Uint8Array) => void

/**
 * Writes `length` bytes of a planned file, from `offset` on, to the same place of an open file. Large pieces are
 * written from the memory in which they were computed.
 */
export function writeRange(
  source: PlannedBytes,
  descriptor: number,
  { offset, length }: { offset: number; length: number },
  onWritten: OnWritten,
): void {
  let at = offset
  let filled = 0
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.byteLength; )
      done += writeSync(descriptor, bytes, done, bytes.byteLength - done, at + done)
    at += bytes.byteLength
    onWritten(bytes)
  }
  const flush = () => {
    if (filled > 0) write(gathered.subarray(0, filled))
    filled = 0
  }
  source.stream(offset, length, bytes => {
    if (filled + bytes.byteLength > gatheredBytes) flush()
    if (bytes.byteLength > gatheredBytes) write(bytes)
    else {
      gathered.set(bytes, filled)
      filled += bytes.byteLength
    }
  })
  flush()
}

/** Writes a planned file to a new file. @param durable true to flush it to the disk before returning */
export function writePlanned(
  source: PlannedBytes,
  path: string,
  durable: boolean,
  onWritten: OnWritten = () => undefined,
): void {
  const descriptor = openSync(path, 'wx')
  try {
    writeRange(source, descriptor, { offset: 0, length: source.byteLength }, onWritten)
    if (durable) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
