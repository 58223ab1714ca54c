import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { PlannedBytes } from '../merge/planned-files.ts'

/** Pieces smaller than this are written together. */
const gatheredBytes = 64 << 10
/** A thread writes one range after the other, and gathers in the same memory. */
const gathered = new Uint8Array(gatheredBytes)

/** Hears of the bytes that have been written, which are valid for the call only; what it throws ends the writing. */
export type OnWritten = (bytes: Uint8Array) => void

/**
 * Writes `length` bytes of a planned file from `offset` on to the same place of an open one, straight out of the memory that they
 * are computed in.
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

/** Writes a planned file to a new one. @param durable whether it is flushed to the disk before this returns */
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
