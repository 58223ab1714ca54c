import type { ByteSource } from '../byte-source.ts'

/** The beginning of a file: its first 512 bytes, also as Latin-1 text. */
export type FileHead = { bytes: Uint8Array; text: string }

/** A kind of file that is not ONNX. */
export type Impostor = {
  recognise(head: FileHead, source: ByteSource): boolean
  /** Names the kind of file, and says what to do. */
  reason: string | ((head: FileHead, source: ByteSource) => string)
}

/** Bytes of a file in a {@link FileHead}: enough for the magic number of tar, at byte 257. */
export const headBytes = 512

/** Returns a test for these bytes at `offset`. */
export function magic(bytes: readonly number[] | string, offset = 0): Impostor['recognise'] {
  const wanted = typeof bytes === 'string' ? [...Buffer.from(bytes, 'latin1')] : bytes
  return head => wanted.every((byte, index) => head.bytes[offset + index] === byte)
}

/** Returns a test that passes if one of the given tests does. */
export function anyOf(...tests: Impostor['recognise'][]): Impostor['recognise'] {
  return (head, source) => tests.some(test => test(head, source))
}
